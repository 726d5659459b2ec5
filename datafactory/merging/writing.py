"""Writing: the shards of a merge, from the buckets and what was decided of their rows.

Shards of the training rows come first. While a bucket is at hand, its rows for validation are kept apart in the spill;
their shards are written of those when all others are there. What a merge leaves out stands beside the training shard
of its bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import polars as pl

from datafactory.merging import layout
from datafactory.merging.shards import Sheet, packed
from datafactory.merging.spill import Spill
from datafactory.store import EVIDENCE, REASON, Draft
from datafactory.tables import to_arrow, writing

SAMPLE = 16 << 20  # bytes of rows from which it is told how well they pack
Task = Callable[[], tuple[int, int]]  # its rows, and how many of them are written


@dataclass(frozen=True)
class Order:
    """How rows stand: `shuffled`, so far `apart`, in files of that many bytes; whether each says which `copy` it is."""

    shuffled: bool
    apart: int
    shard_bytes: int
    copies: bool


@dataclass(frozen=True)
class Decided:
    """What was decided of each row, bucket after bucket, in each in the order that its rows are spilt in.

    told has the reason and the evidence by `place` and `why`; stays the trace that stays of duplicates, by `first`.
    """

    rows: pl.DataFrame
    told: pl.DataFrame
    stays: pl.DataFrame

    @cached_property
    def _ends(self) -> np.ndarray:
        numbers = self.rows["bucket"].to_numpy()
        return np.searchsorted(numbers, np.arange(int(numbers[-1]) + 2))

    def of(self, bucket: int) -> pl.DataFrame:
        """The rows of a bucket, with `row`, the place of each in it."""
        if bucket + 1 >= len(self._ends):
            return self.rows.head(0).with_row_index("row")
        return self.rows[int(self._ends[bucket]) : int(self._ends[bucket + 1])].with_row_index("row")

    def kept(self, bucket: int, apart: bool) -> pl.DataFrame:
        return self.of(bucket).filter((pl.col("times") > 0) & (pl.col("apart") == apart))


@dataclass(frozen=True)
class Run:
    """Buckets whose kept rows fill one shard, or one bucket whose rows are cut into several."""

    buckets: list[int]
    shards: list[int]
    pieces: int


@dataclass(frozen=True)
class Written:
    draft: Draft
    spill: Spill
    decided: Decided
    order: Order

    def training(self) -> Iterator[Task]:
        return (partial(self._train, run) for run in self._runs[0])

    def validation(self) -> Iterator[Task]:
        return (partial(self._hold, run) for run in self._runs[1])

    @property
    def splits(self) -> dict[str, list[str]]:
        names = [[self.draft.shard(k).name for run in runs for k in run.shards] for runs in self._runs]
        return {split: files for split, files in zip(("train", "validation"), names, strict=True) if files}

    @cached_property
    def _runs(self) -> tuple[list[Run], list[Run]]:
        first, found = 0, []
        for apart in (False, True):
            kept = [self.decided.kept(bucket, apart) for bucket in range(self.spill.buckets)]
            sizes = [self._rate * float((rows["size"] * rows["times"]).sum()) for rows in kept]
            runs = []
            for buckets, pieces in layout.runs(sizes, self.order.shard_bytes):
                count = len(np.unique(_pieces(kept[buckets[0]], pieces)))
                runs.append(Run(sorted(buckets), list(range(first, first + count)), pieces))
                first += count
            found.append(runs)
        return found[0], found[1]

    @cached_property
    def _rate(self) -> float:
        """The bytes on disk of a byte of rows, as the first rows of the first bucket tell it."""
        for bucket in range(self.spill.buckets):
            kept = self.decided.of(bucket).filter(pl.col("times") > 0).sort("order", "at")
            kept = kept.filter(pl.col("size").cum_sum() - pl.col("size") <= SAMPLE)
            if kept.height:
                return packed(
                    self._rows(self.spill.bucket(bucket), kept.with_columns(copy=pl.lit(0, pl.Int32)))
                ) / float(kept["size"].sum())
        return 1.0

    def _train(self, run: Run) -> tuple[int, int]:
        height = sum(self.decided.of(bucket).height for bucket in run.buckets)
        missing = [k for k in run.shards if not self.draft.has(k)]
        if not missing:
            return height, 0
        taken = 0
        for place, k in enumerate(run.shards):
            if k not in missing:
                continue
            # what is left out is whole before the shard is, which says that both are
            with Sheet(self.draft.shard(k)) as sheet, Sheet(self.draft.beside(k), to_arrow) as beside:
                for bucket in run.buckets:
                    rows = self.spill.bucket(bucket)
                    kept = self.decided.kept(bucket, apart=False)
                    if len(run.shards) > 1:
                        kept = kept.filter(_pieces(kept, run.pieces) == place)
                    sheet.add(self._ordered(rows, kept))
                    if place == 0:
                        self._keep_apart(bucket, rows)
                        beside.add(self._left_out(rows, self.decided.of(bucket)))
            taken += sheet.rows
        return height, taken

    def _hold(self, run: Run) -> tuple[int, int]:
        taken = 0
        for place, k in enumerate(run.shards):
            if self.draft.has(k):
                continue
            with Sheet(self.draft.shard(k)) as sheet:
                for bucket in run.buckets:
                    kept = self.decided.kept(bucket, apart=True)
                    if not kept.height:
                        continue
                    rows = pl.read_ipc(self._apart_at(bucket))
                    kept = kept.with_columns(row=pl.int_range(pl.len(), dtype=pl.UInt32))
                    if len(run.shards) > 1:
                        kept = kept.filter(_pieces(kept, run.pieces) == place)
                    sheet.add(self._ordered(rows, kept))
            taken += sheet.rows
        return 0, taken

    def _ordered(self, rows: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
        return self._rows(rows, layout.ordered(kept, self.order.shuffled, self.order.apart))

    def _rows(self, rows: pl.DataFrame, order: pl.DataFrame) -> pl.DataFrame:
        found = self._known(rows[order["row"]])
        return found.with_columns(order["copy"]) if self.order.copies else found

    def _keep_apart(self, bucket: int, rows: pl.DataFrame) -> None:
        kept = self.decided.kept(bucket, apart=True)
        if kept.height and not self._apart_at(bucket).exists():
            with writing(self._apart_at(bucket), synced=False) as stream:
                rows[kept["row"]].write_ipc(stream, compression="lz4")

    def _apart_at(self, bucket: int) -> Path:
        return self.spill.folder / f"validation-{bucket:05d}.arrow"

    def _left_out(self, rows: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
        out = decided.filter(pl.col("times") == 0).select("row", "place", "why", "first")
        told = out.join(self.decided.told, on=["place", "why"], how="left", maintain_order="left")
        told = told.join(self.decided.stays, on="first", how="left", maintain_order="left")
        same = pl.when(pl.col("why") == 0).then(pl.format("trace {} says the same", "trace")).otherwise(EVIDENCE)
        return self._known(rows[out["row"]]).hstack(told.select(REASON, same.alias(EVIDENCE)))

    def _known(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Without the column `history` where no input has one."""
        return rows if self._history else rows.drop("history")

    @cached_property
    def _history(self) -> bool:
        return any("history" in source.columns for source in self.spill.sources)


def _pieces(kept: pl.DataFrame, count: int) -> np.ndarray:
    if count == 1 or not kept.height:
        return np.zeros(max(1, kept.height), dtype=np.int64)
    bulk = kept["size"].to_numpy() * kept["times"].to_numpy()
    return layout.cut(kept["group"].to_numpy(), bulk, count)
