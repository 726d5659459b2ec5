"""An export run: every row of a published dataset through the parts of a format, a batch at a time.

The folder appears whole: it is written beside and swapped in. The same rows give the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from datafactory.conditions import columns_in, expression, refused
from datafactory.errors import StageError, UserError, did_you_mean
from datafactory.exports import How, Part, Record, Row, Told, format_of
from datafactory.exports._writing import Entry, Lines, Tables, written
from datafactory.fingerprint import sha256_of
from datafactory.store import MANIFEST, Dataset, dataset_at
from datafactory.tables import cannot_write, write_bytes

BATCH = 512
COLUMNS = ("messages", "reasoning", "response", "problem_id", "solution", "domain", "source")


@dataclass(frozen=True)
class Asked:
    """The format, what becomes of the thinking (None: as the format has it), which rows, at most how many a split."""

    to: str
    thinking: str | None = None
    where: str | None = None
    limit: int | None = None


def export(folder: Path, asked: Asked, out: Path) -> Told:
    """The dataset at `folder` as `asked.to` reads it, in the folder `out`."""
    dataset, form = dataset_at(folder), format_of(asked.to)
    thinking = asked.thinking or form.THINKING[0]
    if thinking not in form.THINKING:
        raise UserError(f"--thinking {thinking}: {asked.to} takes {', '.join(form.THINKING)}")
    splits = {split: files for split, files in dataset.splits.items() if files}
    names = dataset.columns
    if "messages" not in names:
        raise UserError(f"{folder} has no column 'messages'; export what a merge published")
    _demand_condition(asked.where, names)
    _demand_free(out)
    manifest = dataset.manifest
    name = "_".join(part for part in (manifest.get("recipe"), manifest.get("dataset")) if part) or folder.name
    told = Told(How(thinking, name), tuple(splits))  # type: ignore[arg-type]
    beside = out.with_name(f".{out.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        files: dict[str, Entry] = {}
        parts = tuple(form.parts(told.how))
        for split, shards in splits.items():
            writers = [written(beside, part, split) for part in parts]
            _run(dataset, shards, split, parts, writers, asked, told)
            for part, writer in zip(parts, writers, strict=True):
                files |= writer.close()
                told.longest[part.named(split)] = writer.longest
        told.rows = {name: entry["rows"] for name, entry in files.items()}
        if not any(told.rows.values()):
            left = "; ".join(f"{count:,} times {what}" for what, count in sorted(told.left_out.items()))
            raise UserError(
                f"{folder} has no row to export" + (f" where {asked.where}" if asked.where else f": {left}")
            )
        told.bytes = {name: entry["bytes"] for name, entry in files.items()}
        for name, text in form.beside(told).items():
            write_bytes(beside / name, text.encode())
            files[name] = {"bytes": len(text.encode()), "sha256": sha256_of(beside / name)}
        made = {
            "export": asked.to,
            "of": {"recipe": manifest.get("recipe"), "fingerprint": manifest["fingerprint"]},
            "asked": {"thinking": thinking, "where": asked.where, "limit": asked.limit},
            "left_out": dict(sorted(told.left_out.items())),
            "files": files,
        }
        write_bytes(beside / MANIFEST, json.dumps(made, indent=1, ensure_ascii=False).encode())
        if out.exists():
            shutil.rmtree(out)
        beside.rename(out)
    except OSError as error:
        raise cannot_write(out, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return told


def _demand_condition(where: str | None, names: Sequence[str]) -> None:
    if where is None:
        return
    try:
        unknown = [name for name in columns_in(where) if name not in names]
    except ValueError as error:
        raise UserError(f"--where: {error}") from error
    if unknown:
        raise UserError(f"--where: no column named '{unknown[0]}'.{did_you_mean(unknown[0], names)}")
    if why := refused(where, names):
        raise UserError(f"--where: {why}")


def _demand_free(out: Path) -> None:
    """That nothing but an earlier export is in the way."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        made = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        made = {}
    if "export" not in made:
        raise UserError(f"{out} is in the way: it is no earlier export; give another --out")


def _run(
    dataset: Dataset,
    shards: Sequence[str],
    split: str,
    parts: Sequence[Part],
    writers: Sequence[Lines | Tables],
    asked: Asked,
    told: Told,
) -> None:
    left = asked.limit
    for shard in shards:
        for writer in writers:
            writer.shard()
        _demand_whole(dataset, shard)
        for rows in _batches(dataset.folder / shard, asked.where):
            rows = rows if left is None else rows[:left]
            left = None if left is None else left - len(rows)
            for part, writer in zip(parts, writers, strict=True):
                writer.write(_made(part, rows, split, told))
            if told.how.thinking == "strip":
                told.left_out["the thinking of a row"] += sum(row["reasoning"] is not None for row in rows)
            if left == 0:
                return


def _demand_whole(dataset: Dataset, name: str) -> None:
    entry = next(shard for shard in dataset.shards if shard["file"] == name)
    path = dataset.folder / name
    if not path.is_file() or sha256_of(path) != entry["sha256"]:
        raise StageError(f"{path} is not what was written (sha256); `datafactory check {dataset.folder}` tells more")


def _made(part: Part, rows: Sequence[Row], split: str, told: Told) -> list[Record]:
    """The records of those rows; what has no place in the part is counted by why."""
    records = []
    for row in rows:
        record = part.make(row, split)
        if isinstance(record, str):
            told.left_out[f"{part.place or split}: a row that {record}"] += 1
        else:
            records.append(record)
    return records


def _batches(path: Path, where: str | None) -> Iterator[list[dict[str, Any]]]:
    """The rows of a shard that meet the condition."""
    try:
        with pq.ParquetFile(path) as file:
            have = file.schema_arrow.names
            wanted = [name for name in have if name in {*COLUMNS, *(columns_in(where) if where else ())}]
            missing: Mapping[str, None] = dict.fromkeys(name for name in COLUMNS if name not in have)
            for batch in file.iter_batches(BATCH, columns=wanted):
                table = pl.DataFrame(pl.from_arrow(batch))
                if where:
                    table = table.filter(expression(where))
                yield [{**row, **missing} for row in table.to_dicts()]
    except (OSError, pa.ArrowException) as error:
        why = str(error).splitlines()[0]
        raise StageError(f"{path} is not readable: {why}") from error
