"""What a push would change: the files of a folder against those of a repository at the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from datafactory.fingerprint import sha256_of
from datafactory.store import MANIFEST

Change = Literal["new", "changed", "same", "removed"]
OURS = ("data/", "rejected/")  # folders of which a push leaves nothing behind that the dataset no longer has


@dataclass(frozen=True)
class File:
    """A file of the folder, or one of the hub that is `removed`."""

    name: str
    bytes: int
    sha256: str | None
    change: Change


def files_of(folder: Path, manifest: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Bytes and sha256 of everything that is published, the manifest last."""
    named = {name: (int(entry["bytes"]), str(entry["sha256"])) for name, entry in manifest["files"].items()}
    path = folder / MANIFEST
    return {**named, MANIFEST: (path.stat().st_size, sha256_of(path))}


def changes(folder: Path, files: dict[str, tuple[int, str]], remote: Iterable[Any]) -> list[File]:
    """`remote` are the hub's files: path, size, lfs with a sha256, blob_id."""
    there = {entry.path: entry for entry in remote}
    found = []
    for name, (size, sha256) in files.items():
        entry = there.get(name)
        same = entry is not None and entry.size == size and _same(entry, folder / name, sha256)
        found.append(File(name, size, sha256, "same" if same else "changed" if entry is not None else "new"))
    gone = sorted(name for name in there if name not in files and name.startswith(OURS))
    return [*found, *(File(name, there[name].size, None, "removed") for name in gone)]


def _same(entry: Any, path: Path, sha256: str) -> bool:
    if entry.lfs is not None:
        return bool(entry.lfs.sha256 == sha256)
    content = path.read_bytes()  # the hub keeps only small files outside its large-file storage
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content)
    return bool(entry.blob_id == blob.hexdigest())
