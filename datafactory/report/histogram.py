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
    low: float
    high: float
    mean: float
    median: float

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
    """The finite values of a column; None where there is none. What lies beyond given edges counts in the last bin."""
    found = values.cast(pl.Float64).drop_nulls()
    found = found.filter(found.is_finite())
    if found.is_empty():
        return None
    low, high, mean, median = (float(number) for number in _centre(found))
    if edges is None:
        edges = edges_for(low, high, bool((found == found.floor()).all()), bins)
    # the bin of a value by comparison with the edges, so that 0.3 stands where 0.3 is drawn
    counts = [0] * (len(edges) - 1)
    places = pl.Series(edges[1:-1], dtype=pl.Float64).search_sorted(found, side="right")
    for place, count in places.value_counts().iter_rows():
        counts[place] = count
    return Histogram(tuple(edges), tuple(counts), low, high, mean, median)


def _centre(found: pl.Series) -> tuple[float, ...]:
    value = pl.col("value")
    return (
        pl.DataFrame({"value": found})
        .select(
            value.min().alias("low"),
            value.max().alias("high"),
            value.mean().alias("mean"),
            value.median().alias("median"),
        )
        .row(0)
    )


def sparkline(counts: Sequence[int]) -> str:
    """`▁▃█▆ ▁`: a bin that holds anything at all is seen, an empty one is not."""
    most = max(counts, default=0)
    return "".join(BLOCKS[min(7, math.ceil(8 * count / most) - 1)] if count else " " for count in counts)
