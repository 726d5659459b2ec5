"""Answer: whether a rewritten completion still answers what it did.

In   rows as they were, and as they would be with the new text; verifiers
Out  what changed, or None; the verdicts on the new completions

A verdict has to be the same before and after, and decided: a timeout is no pass. A completion that was not correct must
give the same wrong answer, as far as it marks one. New thinking must not conclude something else than the response.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from datafactory import answers
from datafactory.plugins import Use
from datafactory.scoring import verdicts_of
from datafactory.types import Verdict
from filters.answer_agrees import answer_agrees, evidence

Row = Mapping[str, Any]


def changed(
    before: Sequence[Row], after: Sequence[Row], verifiers: Sequence[Use]
) -> tuple[list[str | None], list[dict[str, Verdict]]]:
    """For each row what is another answer now, and each verifier's verdict on the new completion."""
    why: list[str | None] = [*_disagreements(before, after)]
    verdicts: list[dict[str, Verdict]] = [{} for _ in after]
    for use in verifiers:
        old, new = (verdicts_of(use, rows, use.config) for rows in (before, after))
        for at, (was, now) in enumerate(zip(old, new, strict=True)):
            verdicts[at][use.name] = now
            why[at] = why[at] or _difference(use.name, was, now, before[at], after[at])
    return why, verdicts


def _difference(name: str, was: Verdict, now: Verdict, before: Row, after: Row) -> str | None:
    if now.reward is None:
        return f"{name} cannot decide it: {now.status} {now.detail}".strip()
    if was.reward is None:
        return f"{name} could not decide what it was: {was.status} {was.detail}".strip()
    if was.reward != now.reward:
        return f"{name} was {was.reward:g} and is {now.reward:g}: {now.detail or now.status}"
    if now.reward < 1:
        old, new = (answers.final(row.get("response") or "") for row in (before, after))
        if old is not None and (new is None or answers.plain(old) != answers.plain(new)):
            return f"it answered {old!r} and answers {new!r}"
    return None


def _disagreements(before: Sequence[Row], after: Sequence[Row]) -> list[str | None]:
    """Where the thinking concludes something else than the response, and did not before."""
    if not after:
        return []
    old, new = (_completions(rows) for rows in (before, after))
    told = evidence(new)
    return [
        f"the thinking comes to something else than the response: {why}" if now == 0 and was != 0 else None
        for was, now, why in zip(answer_agrees(old), answer_agrees(new), told, strict=True)
    ]


def _completions(rows: Sequence[Row]) -> pl.DataFrame:
    columns = {name: [row.get(name) for row in rows] for name in ("reasoning", "response")}
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
