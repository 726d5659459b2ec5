"""Difficulty: the band of a row's problem, from 0 (always solved) to 4 (never solved), the same for each rollout.

Measure  of the mean reward in the column `of` over the decided rollouts of the problem: 0 where it is 1, 1 (easy) from
         `easy` up, 2 (medium) from `hard` up, 3 (hard) above 0, 4 at 0. Undecided rewards (null) are left out, never
         counted as 0; a problem of which no rollout is decided has no difficulty: the measure is null
Source   DAPO keeps 1 to 3 (arXiv:2503.14476, 3.2: a group all right or all wrong teaches nothing); R1 does not
         disclose how it chose problems by difficulty; the bands' edges are a choice
Use      `min` 1, `max` 3 keeps problems that are neither hopeless nor trivial; the column is also what `rank` caps by
"""

from __future__ import annotations

import polars as pl

from filters.pass_rate import pass_rate

VERSION = 1
SCOPE = "group"
BOUNDS = {"min": 1, "max": 3}


def difficulty(rows: pl.DataFrame, *, of: str = "math", easy: float = 0.75, hard: float = 0.25) -> pl.Series:
    if not 0 < hard <= easy < 1:
        raise ValueError(f"0 < hard <= easy < 1, not hard {hard:g} and easy {easy:g}")
    rate = pl.col("pass_rate")
    bands = pl.when(rate >= 1).then(0).when(rate >= easy).then(1).when(rate >= hard).then(2).when(rate > 0).then(3)
    found = pass_rate(rows, of=of).to_frame().select(pl.when(rate.is_not_null()).then(bands.otherwise(4)))
    return found.to_series().cast(pl.Float64).alias("difficulty")
