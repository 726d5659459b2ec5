"""Rejecting: what the stages of a lineage dropped, written as Parquet files of the same columns, a batch at a time.

The schema is read from the files' ends and a file goes through in batches, so that memory stays that of a batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datafactory.errors import StageError
from datafactory.fingerprint import sha256_of
from datafactory.store import EVIDENCE, REASON
from datafactory.story import Chapter

BATCH = 1024
NAMED = {REASON: "reason", EVIDENCE: "evidence"}


def write_rejected(lineage: Sequence[Chapter], folder: Path) -> None:
    """`<stage>-00000.parquet` for every file of dropped rows, with `stage`, `reason` and `evidence` in front."""
    sources = list(_sources(lineage))
    schema = _schema([path for _, _, path in sources])
    for name, k, path in sources:
        target = folder / f"{name}-{k:05d}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.part")
        with pq.ParquetFile(path) as file, pq.ParquetWriter(beside, schema, compression="zstd") as writer:
            for batch in file.iter_batches(BATCH):
                writer.write_batch(_settled(batch, name, schema), row_group_size=BATCH)
        beside.replace(target)


def _sources(lineage: Sequence[Chapter]) -> Iterator[tuple[str, int, Path]]:
    for chapter in lineage:
        entries: list[dict[str, Any] | None] = chapter.dataset.manifest["rejected"]
        for k, entry in enumerate(entries):
            if entry:
                path = chapter.dataset.folder / entry["file"]
                if not path.is_file() or sha256_of(path) != entry["sha256"]:
                    what = "is not what was written (sha256 differs from its manifest)" if path.is_file() else "is gone"
                    raise StageError(f"{path} {what}; remove {path.parent} to make it again")
                yield chapter.name, k, path


def _schema(paths: Sequence[Path]) -> pa.Schema:
    """The columns of all files in the order of their appearance, each of a type that holds what every file has."""
    kinds: dict[str, pa.DataType] = dict.fromkeys(("stage", "reason", "evidence"), pa.string())
    for path in paths:
        for field in pq.read_schema(path):
            name = NAMED.get(field.name, field.name)
            kinds[name] = _common(kinds[name], field.type) if name in kinds else field.type
    return pa.schema([(name, pa.string() if pa.types.is_null(kind) else kind) for name, kind in kinds.items()])


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    try:
        both = [pa.schema([("", one)]), pa.schema([("", other)])]
        return pa.unify_schemas(both, promote_options="permissive").field(0).type
    except pa.ArrowTypeError:  # a number in one stage, a text in another
        return pa.string()


def _settled(batch: pa.RecordBatch, stage: str, schema: pa.Schema) -> pa.RecordBatch:
    held = {NAMED.get(name, name): column for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    held["stage"] = pa.array([stage] * batch.num_rows, pa.string())
    columns = []
    for field in schema:
        column = held.get(field.name)
        columns.append(pa.nulls(batch.num_rows, field.type) if column is None else column.cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)
