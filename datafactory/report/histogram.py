"""Histograms: a column of numbers as counts between round edges; equal values never fall to two sides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

BINS = 24
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
Edges = tuple[tuple[float, ...], bool]  # the edges, and whether each bin stands about one value
BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Histogram:
    """counts[i] values stand in edges[i] <= value < edges[i + 1]; the last bin holds its upper edge too.

    centred says that the values are few and each bin stands about one of them, as with 0 and 1, or quarters;
    logarithmic that the edges are in proportion.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    low: float
    high: float
    mean: float
    median: float
    centred: bool = False
    logarithmic: bool = False

    @property
    def between(self) -> Edges:
        """What another histogram is given to be drawn over this one."""
        return self.edges, self.centred

    def numbers(self) -> list[tuple[float, float, int]]:
        """(from, to, count) of each bin that holds anything."""
        return [(*span, count) for span, count in zip(pairwise(self.edges), self.counts, strict=True) if count]


def edges_of(values: pl.Series, bins: int = BINS) -> Edges:
    """At most about `bins` equal steps of a round width; around the values themselves where they are as few."""
    different = values.round(12).round_sig_figs(9).unique().sort()  # noise of the last digits is no other value
    low, high = float(different[0]), float(different[-1])
    if low == high:
        half = max(0.5, abs(low) / 2)
        return (low - half, low + half), True
    if different.len() <= bins:
        gap = float(different.diff().min())  # type: ignore[arg-type]
        if high - low <= (bins - 1) * gap:
            count = round((high - low) / gap) + 1
            return tuple(_round(low + (at - 0.5) * gap) for at in range(count + 1)), True
    step = _round_step((high - low) / bins)
    first, last = math.floor(low / step), math.ceil(high / step)
    return tuple(_round(at * step) for at in range(first, last + 1)), False


def log_edges(low: float, high: float, bins: int = 40) -> tuple[float, ...]:
    """Edges in proportion, 4 to 16 of them for each power of ten; what is below 1 stands in the first bin."""
    low, high = max(1.0, low), max(2.0, high)
    several = next((each for each in (16, 8) if each * (math.log10(high) - math.log10(low)) <= bins), 4)
    first = math.floor(math.log10(low) * several + 1e-9)
    last = max(math.ceil(math.log10(high) * several - 1e-9), first + 1)
    return tuple(float(f"{10 ** (at / several):.6g}") for at in range(first, last + 1))


def _round(edge: float) -> float:
    return float(f"{edge:.12g}")  # 3 * 0.1 is 0.3 here


def _round_step(width: float) -> float:
    scale = 10.0 ** math.floor(math.log10(width))
    return scale * next(step for step in STEPS if step * scale >= width * (1 - 1e-9))


def histogram(values: pl.Series, edges: Edges | None = None, logarithmic: bool = False) -> Histogram | None:
    """The finite values of a column; None where there is none. A value beyond the edges counts at that end."""
    found = values.cast(pl.Float64).drop_nulls()
    found = found.filter(found.is_finite())
    if found.is_empty():
        return None
    bounds, centred = edges or (edges_of(found) if not logarithmic else (log_edges(*_ends(found)), False))
    # the bin of a value by comparison with the edges, so that 0.3 stands where 0.3 is drawn
    counts = [0] * (len(bounds) - 1)
    places = pl.Series(bounds[1:-1], dtype=pl.Float64).search_sorted(found, side="right")
    for place, count in places.value_counts().iter_rows():
        counts[place] = count
    low, high, mean, median = _centre(found)
    return Histogram(bounds, tuple(counts), low, high, mean, median, centred, logarithmic)


def _ends(found: pl.Series) -> tuple[float, float]:
    return float(found.min()), float(found.max())  # type: ignore[arg-type]


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
