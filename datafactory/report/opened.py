"""What a path holds: a published dataset, a stage, a recipe's stages, a folder or a file of rows, opened without
reading it: of Parquet only the footers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from datafactory.errors import DatafactoryError, StageError, UserError, did_you_mean
from datafactory.fingerprint import sha256_of
from datafactory.report.loose import text_rows
from datafactory.sources import KINDS, rows_of
from datafactory.store import MANIFEST

WHOLE = 1 << 28  # bytes below which checksums are verified
RECIPE = "a recipe's stages"


@dataclass(frozen=True)
class Part:
    """Files with the same columns: `rows` stand in the order of `files`; `starts` is the first row of each."""

    files: tuple[Path, ...]
    rows: pl.LazyFrame
    starts: tuple[int, ...] = (0,)

    def place(self, row: int) -> tuple[Path, int]:
        """The file of a row, and its number there."""
        at = max(at for at, start in enumerate(self.starts) if start <= row)
        return self.files[at], row - self.starts[at]

    def read(self, row: int, columns: list[str]) -> pl.DataFrame:
        """One row; of Parquet nothing but its row group is read."""
        path, number = self.place(row)
        if path.suffix != ".parquet":
            return self.rows.slice(row, 1).select(columns).collect()
        have = [name for name in columns if name in pq.read_schema(path).names]
        found = _parquet([path]).slice(number, 1).select(have).collect()
        kinds = self.rows.collect_schema()
        return found.with_columns(
            pl.lit(None, dtype=kinds[name]).alias(name) for name in columns if name not in have
        ).select(columns)


@dataclass(frozen=True)
class Opened:
    """rows is lazy; `first` is how many rows of a text stand for it where it is too large to be read whole."""

    path: Path
    kind: str
    files: tuple[Path, ...]
    parts: tuple[Part, ...]
    manifest: dict[str, Any]
    folder: Path
    first: int | None = None

    @property
    def rows(self) -> pl.LazyFrame:
        """All rows under each other; a column that a file lacks is null there."""
        return _joined([part.rows for part in self.parts])

    @cached_property
    def footers(self) -> tuple[pq.FileMetaData, ...] | None:
        """What the Parquet files say of themselves; None where there is another file."""
        if any(path.suffix != ".parquet" for path in self.files):
            return None
        return tuple(pq.read_metadata(path) for path in self.files)

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files)

    @property
    def small(self) -> bool:
        return self.bytes < WHOLE

    def count(self) -> int:
        """How many rows there are."""
        if self.footers is not None:
            return sum(footer.num_rows for footer in self.footers)
        total: int = self.rows.select(pl.len()).collect().item()
        return total

    def sums(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """The files that a manifest lists, with what it says of them: bytes, sha256."""
        named = {
            entry["file"]: entry for key in ("shards", "rejected") for entry in self.manifest.get(key, ()) if entry
        }
        for name, entry in {**named, **self.manifest.get("files", {})}.items():
            if self.path == self.folder or self.folder / name in self.files:
                yield self.folder / name, entry

    def verify(self) -> int:
        """How many files are what their manifest says, by their size, those of a small set by their checksum too;
        StageError names the first that is not.
        """
        count = 0
        for path, entry in self.sums():
            if not path.is_file():
                raise StageError(f"{path} is missing; {self.folder / MANIFEST} lists it")
            if (size := path.stat().st_size) != entry.get("bytes", size):
                why = f"it has {size:,} bytes, and {entry['bytes']:,} in {self.folder / MANIFEST}"
                raise StageError(f"{path} is not what was written: {why}")
            if self.small and sha256_of(path) != entry["sha256"]:
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
        parts, first = _parts([path])
        return Opened(path, "a file", (path,), parts, {}, path.parent, first)
    kind, files = _inside(path)
    folder = path.parent if kind in ("rejected rows", "data files") and not (path / MANIFEST).is_file() else path
    parts, first = _parts(files)
    ordered = tuple(file for part in parts for file in part.files)
    return Opened(path, kind, ordered, parts, manifest_of(folder), folder, first)


def _inside(folder: Path) -> tuple[str, list[Path]]:
    """What kind of folder it is, and its files of rows."""
    if published := sorted(folder.glob("data/*.parquet")):
        return "a published dataset", published
    if shards := sorted(folder.glob("shard-*.parquet")):
        return "a stage" if (folder / MANIFEST).is_file() else "a stage that is not finished", shards
    if (folder / MANIFEST).is_file() and (folder / "model").is_dir():
        return "a trained model", []
    if any(_is_stage(inner) for inner in folder.iterdir()):
        return RECIPE, []
    files = [
        inner for inner in sorted(folder.iterdir()) if inner.name.lower().endswith(KINDS) and inner.name != MANIFEST
    ]
    if not files:
        inner = ", ".join(
            sorted(str(each) for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
        )
        raise UserError(f"{folder} holds no rows ({', '.join(KINDS)})" + (f"; it has: {inner}" if inner else ""))
    return "rejected rows" if folder.name == "rejected" else "data files", files


def _is_stage(place: Path) -> bool:
    """Whether it is a recipe's link to a stage, or what a merge published."""
    if place.name.startswith(".") or not (place / MANIFEST).is_file():
        return False
    return place.is_symlink() or "stages" in manifest_of(place)


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest of that folder; empty where there is none, or another tool's."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / MANIFEST} is not readable: {error}") from error
    return manifest if isinstance(manifest, dict) and "fingerprint" in manifest else {}


def _parts(files: list[Path]) -> tuple[tuple[Part, ...], int | None]:
    """The files, those with the same columns together; and how much of a text was read where not all of it was."""
    alike: dict[tuple[str, ...], list[Path]] = {}
    starts: dict[tuple[str, ...], list[int]] = {}
    texts: list[Part] = []
    first: int | None = None
    for path in files:
        try:
            if path.suffix != ".parquet":
                table, read = text_rows(path)
                texts.append(Part((path,), table))
                first = read or first
                continue
            footer = pq.read_metadata(path)
            key = tuple(map(str, footer.schema.to_arrow_schema()))
        except UserError:
            raise
        except (pl.exceptions.PolarsError, OSError, ValueError) as error:
            raise unreadable(path, error) from error
        starts.setdefault(key, [0]).append(starts.get(key, [0])[-1] + footer.num_rows)
        alike.setdefault(key, []).append(path)
    parts = [Part(tuple(some), _parquet(some), tuple(starts[key][:-1])) for key, some in alike.items()]
    return _aligned([*parts, *texts]), first


def _aligned(parts: list[Part]) -> tuple[Part, ...]:
    """The parts with the columns and types of them all."""
    if len(parts) < 2:
        return tuple(parts)
    schema = _joined([part.rows for part in parts]).collect_schema()
    found = []
    for part in parts:
        own = part.rows.collect_schema()
        columns = [
            pl.col(name).cast(kind) if name in own else pl.lit(None, dtype=kind).alias(name)
            for name, kind in schema.items()
        ]
        found.append(Part(part.files, part.rows.select(columns), part.starts))
    return tuple(found)


def _joined(tables: list[pl.LazyFrame]) -> pl.LazyFrame:
    return pl.concat(tables, how="diagonal_relaxed") if tables else pl.LazyFrame()


def _parquet(files: list[Path]) -> pl.LazyFrame:
    return pl.scan_parquet(files, glob=False, hive_partitioning=False)


def unreadable(path: Path, error: Exception) -> UserError:
    """The one line for a file that cannot be read: with the line of the file where a slower look finds it."""
    try:
        if path.is_file():
            for _ in rows_of(path):
                pass
    except DatafactoryError as found:
        return UserError(str(found))
    return UserError(f"{path} is not readable: {str(error).splitlines()[0]}")
