"""Correlation: how far two counts of the same rows go together. Pure.

Pearson's of the ranks is Spearman's (1904): whether the rows stand in the same order, whatever either counts in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from datafactory.agreement import NORMAL


@dataclass(frozen=True)
class Correlation:
    """Both are None where one side is the same in all rows, or there are fewer than two."""

    rows: int
    spearman: float | None
    pearson: float | None
    mean: tuple[float, float] | None
    """Of either side."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of Spearman's (Fisher's z, with the variance of Bonett and Wright 2000)."""
        if self.spearman is None or self.rows < 4:
            return None
        if abs(self.spearman) == 1:
            return self.spearman, self.spearman
        half = NORMAL * math.sqrt((1 + self.spearman**2 / 2) / (self.rows - 3))
        middle = math.atanh(self.spearman)
        return math.tanh(middle - half), math.tanh(middle + half)


def correlation(pairs: Iterable[tuple[float | None, float | None]]) -> Correlation:
    """Of the pairs that have both."""
    both = [(one, other) for one, other in pairs if one is not None and other is not None]
    table = pl.DataFrame(both, schema={"one": pl.Float64, "other": pl.Float64}, orient="row")
    if not both:
        return Correlation(0, None, None, None)
    ranks = table.select(pl.all().rank("average"))
    one, other = table.mean().row(0)
    return Correlation(table.height, _pearson(ranks), _pearson(table), (one, other))


def _pearson(table: pl.DataFrame) -> float | None:
    if any(column.n_unique() < 2 for column in table):
        return None
    found = float(table.select(pl.corr("one", "other")).item())
    return min(1.0, max(-1.0, found)) if math.isfinite(found) else None
