"""What a path holds: a published dataset, a stage, a folder or a file of rows, opened without reading it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.errors import DatafactoryError, StageError, UserError, did_you_mean
from datafactory.fingerprint import sha256_of
from datafactory.sources import KINDS, rows_of
from datafactory.store import MANIFEST

WHOLE = 1 << 30  # bytes below which checksums are verified and every row is looked at


@dataclass(frozen=True)
class Opened:
    """rows is lazy; `sums` are the sha256 of files, by their path from `folder`, where a manifest gives them."""

    path: Path
    kind: str
    files: tuple[Path, ...]
    rows: pl.LazyFrame
    manifest: dict[str, Any]
    folder: Path

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files)

    @property
    def small(self) -> bool:
        return self.bytes < WHOLE

    def sums(self) -> Iterator[tuple[Path, str]]:
        named = {
            entry["file"]: entry for key in ("shards", "rejected") for entry in self.manifest.get(key, ()) if entry
        }
        for name, entry in {**named, **self.manifest.get("files", {})}.items():
            if self.path == self.folder or self.folder / name in self.files:
                yield self.folder / name, entry["sha256"]

    def verify(self) -> int:
        """How many files are what their manifest says; StageError names the first that is not."""
        count = 0
        for path, sha256 in self.sums():
            if not path.is_file():
                raise StageError(f"{path} is missing; {self.folder / MANIFEST} lists it")
            if sha256_of(path) != sha256:
                raise StageError(f"{path} is not what was written: its sha256 differs from {self.folder / MANIFEST}")
            count += 1
        return count


def opened(path: Path) -> Opened:
    """What stands at that path; UserError in one line where it cannot be read."""
    if not path.exists():
        near = [inner.name for inner in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, near)
        raise UserError(f"there is no {path}.{hint if hint.startswith(' Did you') else ''}")
    if path.is_file():
        return Opened(path, "a file", (path,), _scan([path]), {}, path.parent)
    kind, files = _inside(path)
    folder = path if (path / MANIFEST).is_file() else path.parent if kind in ("rejected rows", "data files") else path
    return Opened(path, kind, tuple(files), _scan(files), _manifest(folder), folder)


def _inside(folder: Path) -> tuple[str, list[Path]]:
    """What kind of folder it is, and its files of rows."""
    if published := sorted(folder.glob("data/*.parquet")):
        return "a published dataset", published
    if shards := sorted(folder.glob("shard-*.parquet")):
        return "a stage" if (folder / MANIFEST).is_file() else "a stage that is not finished", shards
    if (folder / MANIFEST).is_file() and (folder / "model").is_dir():
        return "a trained model", []
    files = [
        inner for inner in sorted(folder.iterdir()) if inner.name.lower().endswith(KINDS) and inner.name != MANIFEST
    ]
    if not files:
        inner = ", ".join(
            sorted(str(each) for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
        )
        raise UserError(f"{folder} holds no rows ({', '.join(KINDS)})" + (f"; it has: {inner}" if inner else ""))
    return "rejected rows" if folder.name == "rejected" else "data files", files


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest of that folder; empty where there is none, or another tool's."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / MANIFEST} is not readable: {error}") from error
    return manifest if isinstance(manifest, dict) and "fingerprint" in manifest else {}


def _scan(files: list[Path]) -> pl.LazyFrame:
    """The files' rows under each other; a column that one lacks is null there."""
    if not files:
        return pl.LazyFrame()
    return pl.concat([_table(path) for path in files], how="diagonal_relaxed")


def _table(path: Path) -> pl.LazyFrame:
    name = path.name.lower()
    # a column may appear late in a text file; only a very large one is judged by its beginning
    ahead = None if path.stat().st_size < WHOLE else 10_000
    try:
        if name.endswith(".parquet"):
            table = pl.scan_parquet(path)
        elif name.endswith((".csv", ".csv.gz", ".tsv")):
            table = pl.scan_csv(path, separator="\t" if name.endswith(".tsv") else ",", infer_schema_length=ahead)
        elif name.endswith((".jsonl", ".jsonl.gz", ".ndjson")):
            table = pl.scan_ndjson(path, infer_schema_length=ahead)
        elif name.endswith(".json"):
            table = pl.read_json(path, infer_schema_length=ahead).lazy()
        else:
            raise UserError(f"{path} is none of {', '.join(KINDS)}")
        table.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise unreadable(path, error) from error
    return table


def unreadable(path: Path, error: Exception) -> UserError:
    """The one line for a file that cannot be read: with the line of the file where a slower look finds it."""
    try:
        if path.is_file():
            for _ in rows_of(path):
                pass
    except DatafactoryError as found:
        return UserError(str(found))
    return UserError(f"{path} is not readable: {str(error).splitlines()[0]}")
