"""Gold answers: each graded against itself before a token is spent."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from datafactory.errors import StageError
from datafactory.plugins import Use
from datafactory.scoring import UNDECIDED, gold_verdict_of
from datafactory.sources import Row
from datafactory.store import REASON, Draft


def grade(verifiers: Sequence[Use], rows: list[Row], reasons: list[str | None], evidence: list[str | None]) -> None:
    """Each gold answer against itself; what cannot be graded is set aside, and what was not decided says so."""
    for use in verifiers:
        settings = use.config
        for at, row in enumerate(rows):
            if reasons[at] is not None:
                continue
            verdict = gold_verdict_of(use, row, settings)
            if verdict.status != "correct":
                what = "not decided" if verdict.status in UNDECIDED else "not gradable"
                reasons[at] = f"gold answer {what} by {use.name}"
                evidence[at] = f"{evidence[at]}: {verdict.status}: {verdict.detail}"


def demand_gold(verifiers: Sequence[Use], draft: Draft, most: float) -> None:
    """StageError when a verifier failed on too many gold answers: a busy machine must not shrink a problem set."""
    files = sorted(draft.folder.glob("rejected-*.parquet"))
    shards = list(draft.folder.glob("shard-*.parquet"))
    kept = sum(pl.scan_parquet(path).select(pl.len()).collect().item() for path in shards)
    reasons = pl.concat([pl.read_parquet(path, columns=[REASON]) for path in files])[REASON] if files else pl.Series([])
    for use in verifiers:
        failed = sum(reason == f"gold answer not decided by {use.name}" for reason in reasons)
        if failed > most * (kept + len(reasons)):
            for path in shards:  # what failed is tried again at the next build
                path.unlink()
            raise StageError(
                f"the verifier {use.name} did not decide {failed:,} of {kept + len(reasons):,} gold answers; "
                f"max_errors is {most:g}"
            )
