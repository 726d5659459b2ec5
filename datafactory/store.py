"""The store: a finished dataset is a folder of Parquet shards and a manifest with their checksums.

    Draft     a folder that is being filled; shard k appears whole, or not at all
    Dataset   a folder with a manifest: immutable from then on

Rows that a stage dropped stand beside what it kept, `rejected-00000.parquet` beside `shard-00000.parquet`, written
first, so that the shard's being there says that both are.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from datafactory.errors import StageError, UserError, did_you_mean
from datafactory.fingerprint import digest, sha256_of
from datafactory.tables import cannot_write, read_parquet, write_bytes, write_parquet

MANIFEST = "manifest.json"
REASON, EVIDENCE = "rejected_reason", "rejected_evidence"


@dataclass(frozen=True)
class Dataset:
    """A finished stage's output. A trained stage's has no shards and a `model` folder."""

    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        path = self.folder / MANIFEST
        try:
            manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StageError(f"{path} is not readable ({error}); remove its folder to make it again") from error
        return manifest

    @property
    def rows(self) -> int:
        return int(self.manifest["rows"])

    @property
    def dropped(self) -> int:
        return int(self.manifest["dropped"])

    @property
    def shards(self) -> list[dict[str, Any]]:
        return list(self.manifest["shards"])

    def read(self, k: int) -> pl.DataFrame:
        """Shard k, checked against its checksum."""
        shard = self.shards[k]
        return read_parquet(self.folder / shard["file"], shard["sha256"])

    def rejected(self, k: int) -> pl.DataFrame | None:
        """What the stage dropped while it made shard k."""
        shard = self.manifest["rejected"][k]
        return read_parquet(self.folder / shard["file"], shard["sha256"]) if shard else None

    @property
    def splits(self) -> dict[str, list[str]]:
        """The files of each split; all are `train` where none were set apart."""
        named: dict[str, list[str]] = self.manifest.get("splits") or {"train": [shard["file"] for shard in self.shards]}
        return named

    def split(self, name: str) -> Dataset:
        """The rows of that split alone: what is trained on is `train`."""
        if name not in self.splits:
            raise StageError(f"{self.folder} has no split '{name}'.{did_you_mean(name, self.splits)}")
        return Part(self.folder, self, name)

    def scan(self) -> pl.LazyFrame:
        return pl.scan_parquet([self.folder / shard["file"] for shard in self.shards])

    @property
    def columns(self) -> list[str]:
        path = self.folder / self.shards[0]["file"]
        try:
            return list(pq.read_schema(path).names)
        except FileNotFoundError as error:
            raise StageError(f"{path} is missing; remove its folder to make it again") from error
        except (OSError, ValueError) as error:
            what = f"{path} is not what was written (its footer is damaged)"
            raise StageError(f"{what}; remove {path.parent} to make it again") from error

    @property
    def model(self) -> Path:
        return self.folder / "model"


@dataclass(frozen=True)
class Part(Dataset):
    """One split of a dataset, read as a dataset of its own."""

    whole: Dataset
    name: str

    @cached_property
    def manifest(self) -> dict[str, Any]:
        files = set(self.whole.splits[self.name])
        kept = [k for k, shard in enumerate(self.whole.shards) if shard["file"] in files]
        shards = [self.whole.shards[k] for k in kept]
        return {
            **self.whole.manifest,
            "rows": sum(shard["rows"] for shard in shards),
            "shards": shards,
            "rejected": [self.whole.manifest["rejected"][k] for k in kept],
            "splits": {self.name: [shard["file"] for shard in shards]},
        }


@dataclass(frozen=True)
class Published(Dataset):
    """A published folder read as a dataset: its shards are the files under `data`."""

    @cached_property
    def manifest(self) -> dict[str, Any]:
        manifest = Dataset(self.folder).manifest
        data = [{"file": name, **entry} for name, entry in manifest["files"].items() if name.startswith("data/")]
        splits: dict[str, list[str]] = {}
        for shard in data:  # data/train-00000-of-00003.parquet
            splits.setdefault(Path(shard["file"]).name.partition("-")[0], []).append(shard["file"])
        return {**manifest, "shards": data, "dropped": 0, "rejected": [None] * len(data), "splits": splits}


@dataclass(frozen=True)
class Joined(Dataset):
    """Several datasets read as one: the shards of the first, then those of the next."""

    parts: tuple[Dataset, ...] = ()

    @cached_property
    def manifest(self) -> dict[str, Any]:
        shards = [
            {**shard, "file": str((part.folder / shard["file"]).resolve())}
            for part in self.parts
            for shard in part.shards
        ]
        return {
            "rows": sum(part.rows for part in self.parts),
            "dropped": 0,
            "fingerprint": digest([part.manifest["fingerprint"] for part in self.parts]),
            "shards": shards,
            "rejected": [None] * len(shards),
        }


def dataset_at(folder: Path) -> Dataset:
    """The dataset in a stage's folder or a published one; UserError where there is none."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{folder} is no finished dataset: it has no readable {MANIFEST}") from error
    if manifest.get("shards"):
        return Dataset(folder)
    if any(name.startswith("data/") for name in manifest.get("files", {})):
        return Published(folder)
    raise UserError(f"{folder} holds no rows")


@dataclass(frozen=True)
class Draft:
    """A stage's folder before its manifest exists."""

    folder: Path

    def shard(self, k: int) -> Path:
        return self.folder / f"shard-{k:05d}.parquet"

    def beside(self, k: int) -> Path:
        return self.folder / f"rejected-{k:05d}.parquet"

    def has(self, k: int) -> bool:
        return self.shard(k).exists()

    def write(self, k: int, kept: pl.DataFrame, dropped: pl.DataFrame | None = None) -> None:
        """Shard k: the rows kept and the rows dropped, the latter with `rejected_reason` and `rejected_evidence`."""
        if dropped is not None and dropped.height:
            write_parquet(dropped, self.beside(k))
        else:
            self.beside(k).unlink(missing_ok=True)
        write_parquet(kept, self.shard(k))

    def remove(self, k: int) -> None:
        self.shard(k).unlink(missing_ok=True)

    def finish(self, count: int, about: dict[str, Any]) -> Dataset:
        """The dataset of shards 0 to count - 1, with its manifest; `about` says how it was made."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # hashing leaves Python alone
            shards = list(pool.map(_entry, map(self.shard, range(count))))
        rejected = [_entry(self.beside(k)) if self.beside(k).exists() else None for k in range(count)]
        manifest = {
            "rows": sum(shard["rows"] for shard in shards),
            "dropped": sum(shard["rows"] for shard in rejected if shard),
            "reasons": self._reasons(count),
            **about,
            "shards": shards,
            "rejected": rejected,
        }
        write_bytes(self.folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False).encode())
        return Dataset(self.folder)

    def _reasons(self, count: int) -> dict[str, int]:
        files = [self.beside(k) for k in range(count) if self.beside(k).exists()]
        if not files:
            return {}
        reasons = pl.concat([pl.read_parquet(file, columns=[REASON]) for file in files])
        counted = reasons.group_by(REASON).len().sort("len", REASON, descending=[True, False])
        return dict(counted.iter_rows())


def _entry(path: Path) -> dict[str, Any]:
    try:
        rows = pq.read_metadata(path).num_rows
    except (OSError, ValueError) as error:
        raise StageError(f"{path} is damaged ({error}); remove it to make it again") from error
    return {"file": path.name, "rows": rows, "bytes": path.stat().st_size, "sha256": sha256_of(path)}


def is_finished(folder: Path) -> bool:
    return (folder / MANIFEST).exists()


@contextmanager
def locked(folder: Path, waiting: Any = None) -> Iterator[None]:
    """One build at a time in a stage's folder; a second waits, after calling `waiting()`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        for stale in folder.glob(".*.tmp"):  # of an attempt that was killed while it wrote
            shutil.rmtree(stale) if stale.is_dir() else stale.unlink(missing_ok=True)
        yield
    finally:
        os.close(handle)
