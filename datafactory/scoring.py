"""Scoring: verifiers over a table of rollouts; each adds `<name>`, `<name>_status` and `<name>_detail`.

Equal answers of a group are decided once by the verifiers themselves; here a verifier that raises becomes the status
`error`, which is null and not a wrong answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from datafactory.errors import StageError
from datafactory.plugins import Use
from datafactory.tables import clean
from datafactory.types import Verdict, completion_of, problem_of

UNDECIDED = ("timeout", "error")  # what is the machinery's failure, not the row's


def score_columns(verifiers: Sequence[Use]) -> list[str]:
    return [f"{use.name}{suffix}" for use in verifiers for suffix in ("", "_status", "_detail")]


def score(verifiers: Sequence[Use], rollouts: pl.DataFrame) -> pl.DataFrame:
    """The rollouts with three columns per verifier."""
    rows = list(rollouts.iter_rows(named=True))
    added = []
    for use in verifiers:
        settings = use.config
        verdicts = [verdict_of(use, row, settings) for row in rows]
        added += [
            pl.Series(use.name, [verdict.reward for verdict in verdicts], dtype=pl.Float64),
            pl.Series(f"{use.name}_status", [verdict.status for verdict in verdicts], dtype=pl.String),
            pl.Series(f"{use.name}_detail", [clean(verdict.detail) for verdict in verdicts], dtype=pl.String),
        ]
    return rollouts.with_columns(added)


def verdict_of(use: Use, row: Mapping[str, Any], settings: Any) -> Verdict:
    if row.get("finish_reason") == "error":
        return Verdict.undecided("error", "there is no completion")
    try:
        verdict = use.module.verify(problem_of(row), completion_of(row), settings)
    except (Exception, SystemExit) as error:  # a row becomes a verdict here, and one row must not end the stage
        return Verdict.undecided("error", f"{type(error).__name__}: {error}"[:500])
    if not isinstance(verdict, Verdict):
        raise StageError(f"the verifier {use.name} returned {type(verdict).__name__}, not a Verdict")
    return verdict


def statuses(table: pl.LazyFrame | pl.DataFrame, verifiers: Sequence[Use]) -> dict[str, dict[str, int]]:
    """How often each verifier said what."""
    found = {}
    for use in verifiers:
        counted = table.lazy().group_by(f"{use.name}_status").len().sort("len", descending=True).collect()
        found[use.name] = dict(counted.iter_rows())
    return found


def demand_decisions(table: pl.LazyFrame | pl.DataFrame, verifiers: Sequence[Use], most: float) -> None:
    """StageError when a verifier failed on more than that share of the rows: it must not look like hard problems."""
    for use in verifiers:
        by_status = statuses(table, [use])[use.name]
        total = sum(by_status.values())
        failed = sum(by_status.get(status, 0) for status in UNDECIDED)
        if total and failed > most * total:
            said = ", ".join(f"{by_status[status]:,} {status}" for status in UNDECIDED if by_status.get(status))
            first = table.lazy().filter(pl.col(f"{use.name}_status").is_in(UNDECIDED)).select(f"{use.name}_detail")
            raise StageError(
                f"the verifier {use.name} decided too few of {total:,} rows ({said}; the first: "
                f"{first.head(1).collect().item()}); max_errors is {most:g}"
            )
