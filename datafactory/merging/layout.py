"""Layout: which rows stand in which shard, and in which order.

Problems stand in the order of their buckets. A shard is a run of whole buckets, or a bucket is cut between problems
into several shards: a group never spans two. Within a bucket rows stand in the order that the seed draws, a row's
copies evenly spread over it, and where it is asked for a problem's rows at least so far from each other.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence

import numpy as np
import polars as pl

CIRCLE = 2**64


def runs(sizes: Sequence[float], target: float) -> list[tuple[list[int], int]]:
    """Runs of buckets that have these bytes on disk, with how many shards each fills; none where there is nothing.

    A run of several buckets fills one shard; a bucket of more than `target` bytes fills several.
    """
    total = sum(sizes)
    if not total:
        return []
    wanted = max(1, round(total / target))
    full = [bucket for bucket, size in enumerate(sizes) if size]
    if wanted > len(full):
        found = [([bucket], max(1, round(sizes[bucket] * wanted / total))) for bucket in full]
    else:
        middles = np.cumsum([sizes[bucket] for bucket in full]) - np.array([sizes[bucket] for bucket in full]) / 2
        places = np.minimum((middles * wanted / total).astype(int), wanted - 1)
        found = [([full[k] for k in np.flatnonzero(places == place)], 1) for place in np.unique(places)]
    for bucket in range(len(sizes)):
        if not sizes[bucket]:  # what was left out of it has to stand beside some shard
            found[0][0].append(bucket)
    return found


def cut(groups: np.ndarray, sizes: np.ndarray, count: int) -> np.ndarray:
    """For each row the piece, of `count` of about the same size, that its problem falls into; no piece is empty."""
    order = np.argsort(groups, kind="stable")
    ordered, weight = groups[order], sizes[order].astype(np.float64)
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    each = np.add.reduceat(weight, starts)
    middles = np.cumsum(each) - each / 2
    piece = np.minimum((middles * count / each.sum()).astype(np.int64), count - 1)
    _, piece = np.unique(piece, return_inverse=True)
    found = np.empty(len(groups), dtype=np.int64)
    found[order] = np.repeat(piece, np.diff(np.append(starts, len(groups))))
    return found


def ordered(rows: pl.DataFrame, shuffled: bool, apart: int) -> pl.DataFrame:
    """The rows of a bucket as they stand in its shard: `row`, the place of each in the bucket, and `copy`.

    rows has row, group, problem, order, at and times, of which the last is 1 at least.
    """
    copies = rows.with_columns(copy=pl.int_ranges(0, pl.col("times"), dtype=pl.Int32)).explode("copy")
    if not shuffled:
        return copies.sort("group", "copy", "at").select("row", "copy")
    times, copy = copies["times"].to_numpy().astype(np.uint64), copies["copy"].to_numpy().astype(np.uint64)
    with np.errstate(over="ignore"):
        step = np.where(times > 1, np.uint64(CIRCLE - 1) // times, np.uint64(0))
        place = copies["order"].to_numpy() + copy * step
    copies = copies.with_columns(pl.Series("place", place))
    if not apart:
        return copies.sort("place", "order", "at", "copy").select("row", "copy")
    copies = copies.sort("problem", "order", "at", "copy").with_columns(
        pl.len().over("problem").alias("each"),
        pl.int_range(pl.len()).over("problem").alias("nth"),
        pl.col("place").first().over("problem").alias("start"),
    )
    each, nth = copies["each"].to_numpy().astype(np.uint64), copies["nth"].to_numpy().astype(np.uint64)
    with np.errstate(over="ignore"):
        step = np.where(each > 1, np.uint64(CIRCLE - 1) // each, np.uint64(0))
        even = copies["start"].to_numpy() + nth * step
    copies = copies.with_columns(pl.Series("place", even)).sort("place", "order", "at", "copy")
    return copies[spaced(copies["problem"].to_list(), apart)].select("row", "copy")


def spaced(problems: Sequence[int], apart: int) -> list[int]:
    """An order in which the rows of a problem are `apart` from each other, near to the one they have.

    Each row stands at its place or as soon after it as its problem allows. Where they are too many for that, those that
    are left at the end are nearer to each other.
    """
    last: dict[int, int] = {}  # the place of the problem's latest row
    held: dict[int, deque[int]] = {}  # its rows that wait
    waiting: list[tuple[int, int]] = []  # the place from which a problem may stand again, and the problem
    found: list[int] = []

    def put(row: int, problem: int) -> None:
        last[problem] = len(found)
        found.append(row)

    def release() -> None:
        _, problem = heapq.heappop(waiting)
        put(held[problem].popleft(), problem)
        if held[problem]:
            heapq.heappush(waiting, (last[problem] + apart, problem))

    for row, problem in enumerate(problems):
        while waiting and waiting[0][0] <= len(found):
            release()
        if held.get(problem):
            held[problem].append(row)
        elif problem in last and last[problem] + apart > len(found):
            held[problem] = deque([row])
            heapq.heappush(waiting, (last[problem] + apart, problem))
        else:
            put(row, problem)
    while waiting:
        release()
    return found
