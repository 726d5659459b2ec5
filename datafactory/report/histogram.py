"""Histograms: a column of numbers as counts between round edges; equal values never fall to two sides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

BINS = 24
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Histogram:
    """counts[i] values stand in edges[i] <= value < edges[i + 1]; the last bin holds its upper edge too."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    mean: float | None = None
    median: float | None = None

    @property
    def total(self) -> int:
        return sum(self.counts)


def edges_for(low: float, high: float, whole: bool = False, bins: int = BINS) -> tuple[float, ...]:
    """At most about `bins` equal steps of a round width over the range.

    A short range of whole numbers gets one bin per number, with the number in its middle.
    """
    if whole and high - low < bins:
        return tuple(value - 0.5 for value in range(int(low), int(high) + 2))
    if low == high:
        return (low - 0.5, low + 0.5)
    step = _round_step((high - low) / bins)
    if whole:
        step = max(1.0, math.ceil(step))
    first = math.floor(low / step + 1e-9)
    count = max(1, math.ceil(high / step - 1e-9) - first)
    return tuple(round((first + at) * step, 12) for at in range(count + 1))


def _round_step(width: float) -> float:
    scale = 10.0 ** math.floor(math.log10(width))
    return scale * next(step for step in STEPS if step * scale >= width * (1 - 1e-9))


def histogram(values: pl.Series, edges: Sequence[float] | None = None, bins: int = BINS) -> Histogram | None:
    """The finite values of a column; None where there is none."""
    whole = values.dtype.is_integer() or values.dtype == pl.Boolean
    found = values.cast(pl.Float64).drop_nulls()
    found = found.filter(found.is_finite())
    if found.is_empty():
        return None
    if edges is None:
        low, high = float(found.min()), float(found.max())  # type: ignore[arg-type]
        whole = whole or bool((found == found.floor()).all())
        edges = edges_for(low, high, whole, bins)
    # the bin of a value by comparison with the edges, so that 0.3 stands where 0.3 is drawn
    counts = [0] * (len(edges) - 1)
    at = pl.Series(edges[1:-1], dtype=pl.Float64).search_sorted(found, side="right") if len(edges) > 2 else None
    if at is None:
        counts[0] = found.len()
    else:
        for place, count in at.value_counts().iter_rows():
            counts[place] = count
    return Histogram(tuple(edges), tuple(counts), found.mean(), found.median())  # type: ignore[arg-type]


def sparkline(counts: Sequence[int]) -> str:
    """`▁▃█▆ ▁`: a bin that holds anything at all is seen, an empty one is not."""
    most = max(counts, default=0)
    return "".join(BLOCKS[min(7, math.ceil(8 * count / most) - 1)] if count else " " for count in counts)
