"""Pass rate: the mean reward over the decided rollouts of a row's problem, the same for each of them.

Measure  mean of the column `of` over the rows with the same problem_id; undecided rewards (null) are left out, never
         counted as 0. A problem of which no rollout is decided has no pass rate: the measure is null, this one alone
         of all filters, and the row is dropped as undecided
Source   DAPO drops problems whose rollouts are all right or all wrong (arXiv:2503.14476, 3.2): nothing to learn from
         either; R1 does not disclose how it chose problems by difficulty
Use      `min` 0.05, `max` 0.9 keeps problems that are neither hopeless nor too easy; both bounds are a choice
"""

from __future__ import annotations

from statistics import fmean

import polars as pl

from filters._columns import need

VERSION = 1
SCOPE = "group"


def pass_rate(rows: pl.DataFrame, *, of: str = "math") -> pl.Series:
    need(rows, "problem_id", of)
    kind = rows.schema[of]
    if not (kind.is_numeric() or kind in (pl.Boolean, pl.Null)):
        raise ValueError(f"the column {of!r} holds no reward: it is {kind}, not a number")
    decided: dict[str | None, list[float]] = {}
    for problem, reward in zip(rows["problem_id"], rows[of].cast(pl.Float64), strict=True):
        if reward is not None:
            decided.setdefault(problem, []).append(reward)
    # fmean is rounded once, so that the order of the rows cannot move a group across a bound
    rates = {problem: fmean(rewards) for problem, rewards in decided.items()}
    return pl.Series("pass_rate", [rates.get(problem) for problem in rows["problem_id"]], dtype=pl.Float64)
