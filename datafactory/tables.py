"""Tables: rows as a polars frame with the types a rollout row has, and frames as Parquet files that appear at once.

A Parquet schema must not vary from shard to shard, so a column that happens to be all null gets its type here.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from datafactory.errors import StageError
from datafactory.types import COLUMNS, FURTHER

TURNS = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
TYPES: dict[str, Any] = {
    **{name: getattr(pl, kind) for name, kind in {**COLUMNS, **FURTHER}.items()},
    **dict.fromkeys(("prompt", "chosen", "rejected"), TURNS),  # a preference pair, as TRL reads one
    **dict.fromkeys(("chosen_length", "rejected_length"), pl.Int32),
}
DISK = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up", errno.EROFS: "it is read-only"}


def frame(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> pl.DataFrame:
    """The rows as a frame of these columns, each of its fixed type; lone surrogates become U+FFFD."""
    rows = list(rows)
    series = []
    for name in columns:
        values = [row.get(name) for row in rows]
        if TYPES[name] == pl.String:
            values = [clean(value) if isinstance(value, str) else value for value in values]
        series.append(pl.Series(name, values, dtype=TYPES[name]))
    return pl.DataFrame(series)


def clean(text: str) -> str:
    """The text with what UTF-8 cannot carry replaced."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text


def settle(table: pl.DataFrame) -> pl.DataFrame:
    """The table with a type for every column: an all-null column of unknown type is text."""
    wanted = {name: TYPES.get(name, pl.String) for name, kind in table.schema.items() if kind == pl.Null}
    return table.cast(wanted) if wanted else table  # type: ignore[arg-type]


def to_arrow(table: pl.DataFrame) -> pa.Table:
    """Arrow with plain strings and lists, as every reader of Parquet expects them."""
    arrow = settle(table).to_arrow(compat_level=pl.CompatLevel.oldest())
    return arrow.cast(pa.schema([pa.field(field.name, _plain(field.type)) for field in arrow.schema]))


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_list(kind) or pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(inner.name, _plain(inner.type)) for inner in kind])
    return kind


def write_parquet(table: pl.DataFrame, path: Path) -> None:
    """The table as one zstd Parquet file, whole or not at all."""
    write_bytes(path, parquet_bytes(table))


def parquet_bytes(table: pl.DataFrame) -> memoryview:
    buffer = io.BytesIO()
    pq.write_table(to_arrow(table), buffer, compression="zstd", row_group_size=8192)
    return buffer.getbuffer()


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """The content at that path, whole or not at all."""
    with writing(path) as stream:
        stream.write(content)


@contextmanager
def writing(path: Path, synced: bool = True) -> Iterator[BinaryIO]:
    """A stream whose content is at that path once it is whole: written beside, synced, renamed.

    What can be made again need not be `synced`: it outlives the process, not the machine.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as stream:
            yield stream
            stream.flush()
            if synced:
                os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            beside.unlink()


def cannot_write(path: Path, error: OSError) -> StageError:
    """The one line for a write that failed."""
    why = DISK.get(error.errno or 0) or (error.strerror or str(error)).lower()
    return StageError(f"cannot write {path}: {why}; what was finished before it is kept")


def read_parquet(path: Path, sha256: str | None = None) -> pl.DataFrame:
    """The file's table, after its bytes were checked against the checksum they were written with."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise StageError(f"{path} is missing; remove its folder to make it again") from error
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise StageError(
            f"{path} is not what was written (sha256 differs from its manifest); remove {path.parent} to make it again"
        )
    try:
        return pl.read_parquet(io.BytesIO(content))
    except pl.exceptions.PolarsError as error:
        raise StageError(f"{path} is not readable Parquet: {error}") from error
