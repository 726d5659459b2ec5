"""Spill: the rows of all inputs, dealt into buckets on disk, and the keys of each row beside them.

A bucket holds whole problems and is small enough to be put in order in memory. The inputs are read once, in pieces of
some megabytes; what is made of a piece appears whole, so that a merge that was stopped goes on with the pieces that
are missing. The folder is removed when the merge is finished.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from datafactory.errors import StageError
from datafactory.fingerprint import digest, sha256_of
from datafactory.merging import keys
from datafactory.store import Dataset
from datafactory.tables import TYPES, settle, write_bytes, writing
from datafactory.types import COLUMNS

PIECE = 64 << 20  # bytes of rows, unpacked, that are read at a time
BUCKET = 64 << 20  # and that a bucket comes to; two of each are in memory at a time
PACKED = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


@dataclass(frozen=True)
class Piece:
    """Consecutive rows of one input, as (shard, first row, rows); `at` is the first one's place in the whole."""

    source: int
    at: int
    parts: tuple[tuple[int, int, int], ...]

    @property
    def rows(self) -> int:
        return sum(rows for *_, rows in self.parts)


@dataclass(frozen=True)
class Keyed:
    """What is taken of each row beside the rows themselves. order: `problem` deals by its hash, else by its place."""

    seed: int
    by: tuple[str, ...] = ()
    prefer: str | None = None
    leaks: bool = False
    firsts: np.ndarray | None = (
        None  # per row of all, the place of its problem's first: where the order of `from` stays
    )


@dataclass(frozen=True)
class Spill:
    folder: Path
    sources: tuple[Dataset, ...]
    further: tuple[Dataset, ...] = ()  # columns of each source's rows that were made apart

    @cached_property
    def pieces(self) -> list[Piece]:
        return [piece for place in range(len(self.sources)) for piece in self._pieces(place)]

    @cached_property
    def _groups(self) -> list[list[tuple[int, int, int, int]]]:
        """Of each source its row groups as (shard, first row, rows, bytes unpacked)."""
        found = []
        for source in self.sources:
            groups = []
            for k, shard in enumerate(source.shards):
                about, first = _about(source.folder / shard["file"]), 0
                for group in map(about.row_group, range(about.num_row_groups)):
                    groups.append((k, first, group.num_rows, group.total_byte_size))
                    first += group.num_rows
            found.append(groups)
        return found

    def _pieces(self, place: int) -> list[Piece]:
        at = sum(rows for groups in self._groups[:place] for *_, rows, _ in groups)
        pieces: list[Piece] = []
        held: list[tuple[int, int, int]] = []
        size = 0
        for k, first, rows, taken in [*self._groups[place], (-1, 0, 0, PIECE + 1)]:
            if held and size + taken > PIECE:
                pieces.append(Piece(place, at, tuple(held)))
                at += pieces[-1].rows
                held, size = [], 0
            if rows:
                held.append((k, first, rows))
                size += taken
        return pieces

    @cached_property
    def buckets(self) -> int:
        return max(1, -(-sum(size for groups in self._groups for *_, size in groups) // BUCKET))

    @cached_property
    def schema(self) -> pl.Schema:
        """The columns of all inputs together; what one of them lacks is null there."""
        empty = [pl.DataFrame(schema={name: TYPES[name] for name in (*COLUMNS, "history")})]
        for dataset in (*self.sources, *self.further):
            empty.append(settle(read_empty(dataset)).drop("lost", strict=False))
        try:
            return pl.concat(empty, how="diagonal_relaxed").schema
        except pl.exceptions.PolarsError as error:
            raise StageError(f"the datasets do not go together: {error}") from error

    @property
    def rows(self) -> int:
        return sum(piece.rows for piece in self.pieces)

    def keys_at(self, k: int) -> Path:
        return self.folder / f"keys-{k:05d}.arrow"

    def rows_at(self, k: int) -> Path:
        return self.folder / f"rows-{k:05d}.arrow"

    def links_at(self, k: int) -> Path:
        return self.folder / f"links-{k:05d}.arrow"

    def open(self, decided: Any) -> None:
        """The folder, empty unless it was begun for the very same by the same libraries."""
        told = digest([decided, pl.__version__, pa.__version__, self.buckets, [str(piece) for piece in self.pieces]])
        note = self.folder / "spill.json"
        if not note.exists() or json.loads(note.read_text()) != told:
            shutil.rmtree(self.folder, ignore_errors=True)
            write_bytes(note, json.dumps(told).encode())
        for stale in self.folder.glob(".*.tmp"):  # of an attempt that was killed while it wrote
            stale.unlink()

    def fill(self, k: int, keyed: Keyed) -> int:
        """Piece k dealt into the buckets, unless it is; its rows."""
        piece = self.pieces[k]
        if self.keys_at(k).exists():
            return piece.rows
        rows = keys.named(self._read(piece))
        found = _keys(rows, piece, keyed)
        bucket = bucket_of(found["group"].to_numpy(), self.buckets, None if keyed.firsts is None else self.rows)
        order = np.argsort(bucket, kind="stable")
        counts = np.bincount(bucket, minlength=self.buckets)
        arrow = rows[order].to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
        with (
            writing(self.rows_at(k), synced=False) as stream,
            pa.ipc.new_file(stream, arrow.schema, options=PACKED) as out,
        ):
            for batch in np.split(np.arange(len(order)), np.cumsum(counts)[:-1]):
                first = int(batch[0]) if len(batch) else 0
                out.write_batch(_batch(arrow.slice(first, len(batch))))
        if keyed.leaks:
            _write(keys.links(rows), self.links_at(k))
        _write(found.with_columns(bucket=pl.Series(bucket, dtype=pl.UInt32))[order], self.keys_at(k))
        return piece.rows

    def keys(self) -> pl.DataFrame:
        """The keys of all rows, piece after piece, in each in the order that its rows are spilt in."""
        tables = []
        for k in range(len(self.pieces)):
            tables.append(pl.read_ipc(self.keys_at(k)).drop("trace_id"))
        return pl.concat(tables)

    def trace_ids(self) -> pl.Series:
        return pl.concat(pl.read_ipc(self.keys_at(k), columns=["trace_id"]) for k in range(len(self.pieces)))[
            "trace_id"
        ]

    def links(self) -> pl.DataFrame:
        return pl.concat(pl.read_ipc(self.links_at(k)) for k in range(len(self.pieces)))

    def bucket(self, number: int) -> pl.DataFrame:
        """The rows of a bucket, piece after piece."""
        tables: list[pl.DataFrame] = []
        for k in range(len(self.pieces)):
            try:
                with pa.OSFile(str(self.rows_at(k))) as stream, pa.ipc.open_file(stream) as file:
                    tables.append(pl.from_arrow(file.get_batch(number)))  # type: ignore[arg-type]
            except (OSError, pa.ArrowInvalid) as error:
                raise StageError(f"{self.rows_at(k)} is damaged ({error}); remove {self.folder}") from error
        return pl.concat(tables)

    def _read(self, piece: Piece) -> pl.DataFrame:
        source = self.sources[piece.source]
        tables = [_part(source, *part) for part in piece.parts]
        rows = pl.concat(tables) if len(tables) > 1 else tables[0]
        if self.further:
            beside = pl.concat([_part(self.further[piece.source], *part) for part in piece.parts])
            rows = rows.with_columns(beside["tokens"])
        lacking = [
            pl.lit(None, dtype=kind).alias(name) for name, kind in self.schema.items() if name not in rows.columns
        ]
        return rows.with_columns(lacking).select(self.schema.names()).cast(self.schema)


def bucket_of(groups: np.ndarray, buckets: int, rows: int | None) -> np.ndarray:
    """The bucket of each problem: by its number's upper bits, or, of places among `rows`, by where it first stands."""
    if rows is not None:
        return (groups * np.uint64(buckets) // np.uint64(max(1, rows))).astype(np.int64)
    return ((groups >> np.uint64(32)) * np.uint64(buckets) >> np.uint64(32)).astype(np.int64)


def firsts(sources: Sequence[Dataset]) -> np.ndarray:
    """Of each row the place where its problem stands first, over all sources."""
    ids = pl.concat([source.scan().select("problem_id").collect() for source in sources]).with_row_index("at")
    first = pl.when(pl.col("problem_id").is_null()).then("at").otherwise(pl.col("at").min().over("problem_id"))
    return ids.select(first.cast(pl.UInt64)).to_series().to_numpy()


def read_empty(dataset: Dataset) -> pl.DataFrame:
    """No rows, with the dataset's columns and their types."""
    path = dataset.folder / dataset.shards[0]["file"]
    _about(path)
    return pl.scan_parquet(path).head(0).collect()


def _keys(rows: pl.DataFrame, piece: Piece, keyed: Keyed) -> pl.DataFrame:
    at = np.arange(piece.at, piece.at + rows.height, dtype=np.uint64)
    problem, trace = keys.number(rows["problem_id"]), keys.number(rows["trace_id"])
    if keyed.firsts is None:
        group, order = keys.mixed(problem.to_numpy(), keyed.seed, "problem"), keys.mixed(trace.to_numpy(), keyed.seed)
    else:
        group, order = keyed.firsts[piece.at : piece.at + rows.height], at
    found = pl.DataFrame({"at": at, "problem": problem, "group": group, "order": order, "trace_id": rows["trace_id"]})
    found = found.with_columns(
        *keys.same_text(rows), keys.size(rows), keys.empty(rows), pl.lit(piece.source, pl.UInt32).alias("source")
    )
    found = found.with_columns(pl.Series("draw", keys.mixed(trace.to_numpy(), keyed.seed, "draw")))
    found = found.with_columns(rows[name].cast(pl.String).alias(f"by {name}") for name in keyed.by)
    if "tokens" in rows.columns:
        found = found.with_columns(rows["tokens"])
    if keyed.prefer:
        found = found.with_columns(rows[keyed.prefer].cast(pl.Float64).alias("prefer"))
    return found.with_columns(keys.leaks(rows)) if keyed.leaks else found


def _part(source: Dataset, k: int, first: int, rows: int) -> pl.DataFrame:
    shard = source.shards[k]
    if rows == shard["rows"]:
        return source.read(k)
    path = source.folder / shard["file"]
    if first == 0 and sha256_of(path) != shard["sha256"]:
        raise StageError(
            f"{path} is not what was written (sha256 differs from its manifest); remove {path.parent} to make it again"
        )
    return pl.scan_parquet(path).slice(first, rows).collect()


def _about(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except FileNotFoundError as error:
        raise StageError(f"{path} is missing; remove {path.parent} to make it again") from error
    except (OSError, ValueError) as error:
        raise StageError(f"{path} is damaged ({error}); remove {path.parent} to make it again") from error


def _batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def _write(table: pl.DataFrame, path: Path) -> None:
    with writing(path, synced=False) as stream:
        table.write_ipc(stream)
