"""Sources: the rows of other people's files, one mapping at a time, with the place each came from.

JSONL, Parquet and CSV (JSONL and CSV also gzipped), a local or hub `datasets` dataset, a reasoning-gym dataset.
A line that cannot be read stops with the file and the line.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from datafactory.errors import StageError, UserError
from datafactory.jsonlist import objects

Row = dict[str, Any]
BATCH = 16 * 2**20  # bytes of Parquet that are rows at a time
KINDS = (".jsonl", ".jsonl.gz", ".ndjson", ".json", ".parquet", ".csv", ".csv.gz", ".tsv")


def files_at(path: Path) -> list[Path]:
    """The data files of a path: itself, or those in a folder, in name order; UserError where there is none."""
    if path.is_dir():
        found = [inner for inner in sorted(path.rglob("*")) if _kind(inner) and not inner.name.startswith(".")]
        if not found:
            raise UserError(f"{path} holds no data file ({', '.join(KINDS)})")
        return found
    if not _kind(path):
        raise UserError(f"{path} is none of {', '.join(KINDS)}")
    return [path]


def shards_at(path: Path) -> list[Path]:
    """The file, or the shards of a dataset's folder: what was rejected stands beside them and is not meant."""
    if (path / "data").is_dir():
        return files_at(path / "data")
    shards = sorted(path.glob("shard-*.parquet")) if path.is_dir() else []
    return shards or files_at(path)


def rows_of(path: Path) -> Iterator[tuple[str, Row]]:
    """Each row of a file with `file:line` (`file#row` for Parquet)."""
    kind = _kind(path)
    if kind == ".parquet":
        yield from _parquet(path)
    elif kind in (".csv", ".csv.gz", ".tsv"):
        yield from _csv(path, "\t" if kind == ".tsv" else ",")
    elif kind == ".json":
        yield from _json(path)
    else:
        yield from _jsonl(path)


def columns_of(path: Path) -> list[str]:
    """The columns of a file: its schema or header, for JSONL those of its first hundred rows."""
    if _kind(path) == ".parquet":
        import pyarrow.parquet as pq

        try:
            return pq.read_schema(path).names
        except (OSError, ValueError) as error:
            raise StageError(f"{path} is not readable Parquet: {error}") from error
    found: dict[str, None] = {}
    for _, row in islice(rows_of(path), 100):
        found.update(dict.fromkeys(row))
    return list(found)


def _kind(path: Path) -> str | None:
    return next((kind for kind in sorted(KINDS, key=len, reverse=True) if path.name.lower().endswith(kind)), None)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    opened = (gzip.open if path.suffix == ".gz" else open)(path, "rb")
    number = 0
    try:
        with opened as stream:
            for number, line in enumerate(stream, 1):
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise StageError(f"{path}:{number}: not UTF-8: {error.reason} at byte {error.start}") from error
    except (OSError, EOFError) as error:
        raise StageError(f"{path}:{number + 1}: cannot be read: {error}") from error


def _jsonl(path: Path) -> Iterator[tuple[str, Row]]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise StageError(f"{path}:{number}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise StageError(f"{path}:{number}: a row is a JSON object, not {type(row).__name__}")
        yield f"{path}:{number}", row


def _json(path: Path) -> Iterator[tuple[str, Row]]:
    try:
        for number, row in enumerate(objects(path)):
            yield f"{path}#{number}", row
    except (OSError, UnicodeDecodeError) as error:
        raise StageError(f"{path}:1: cannot be read: {error}") from error


def _csv(path: Path, separator: str) -> Iterator[tuple[str, Row]]:
    lines = (line for _, line in _lines(path))
    csv.field_size_limit(2**31 - 1)  # a trace is longer than the library's default cell
    reader = csv.DictReader(lines, delimiter=separator, strict=True)
    try:
        names = list(reader.fieldnames or [])
        if len(set(names)) < len(names):
            raise StageError(f"{path}:1: the header names '{max(names, key=names.count)}' twice")
        for row in reader:
            if None in row or None in row.values():
                raise StageError(
                    f"{path}:{reader.reader.line_num}: the header names {len(reader.fieldnames or [])} columns, "
                    f"this line has {'more' if None in row else 'fewer'}"
                )
            yield f"{path}:{reader.reader.line_num}", dict(row)
    except csv.Error as error:
        raise StageError(f"{path}:{reader.reader.line_num}: not CSV: {error}") from error


def _parquet(path: Path) -> Iterator[tuple[str, Row]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        # buffered: a row group of a whole file is not read at once
        with pq.ParquetFile(path, buffer_size=2**20, pre_buffer=False) as file:
            for group in range(file.num_row_groups):
                about = file.metadata.row_group(group)
                count = max(1, min(1024, BATCH * about.num_rows // max(1, about.total_byte_size)))
                for batch in file.iter_batches(count, row_groups=[group]):
                    for row in batch.to_pylist():
                        yield f"{path}#{number}", row
                        number += 1
    except (OSError, pa.ArrowException, OverflowError, ValueError) as error:
        raise StageError(f"{path}#{number}: not readable Parquet: {error}") from error


def rows_of_dataset(name: str, subset: str | None, split: str, revision: str | None) -> Iterator[tuple[str, Row]]:
    """The rows of a `datasets` dataset: a folder it understands, or a hub id."""
    import datasets

    try:
        loaded = datasets.load_dataset(name, subset, split=split, revision=revision)
    except Exception as error:  # the library raises whatever its backends raise
        raise StageError(f"the dataset {name} cannot be loaded: {str(error).splitlines()[0]}") from error
    for number, row in enumerate(loaded):
        yield f"{name}[{split}]#{number}", dict(row)


def rows_of_gym(name: str, options: dict[str, Any], size: int, seed: int) -> Iterator[tuple[str, Row]]:
    """`size` problems of a reasoning-gym dataset; `metadata` and `reasoning_gym` let its own scorer grade them."""
    import reasoning_gym

    for number, entry in enumerate(reasoning_gym.create_dataset(name, size=size, seed=seed, **options)):
        metadata = json.loads(json.dumps(entry["metadata"], default=_plain))
        yield (
            f"reasoning_gym:{name}#{number}",
            {
                "question": entry["question"],
                "answer": entry["answer"],
                "reasoning_gym": name,
                "config": options,
                "metadata": metadata,
            },
        )


def _plain(value: Any) -> Any:
    """What JSON has no type for, as its nearest: the scorers read numbers and lists."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)
