"""Copying: files placed elsewhere as they are, each whole or not at all, in one pass that takes their sha256.

A file system that can share blocks is asked to (an edit of the copy then still leaves the original); a hard link is
never made to a file of the store.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from datafactory.errors import StageError
from datafactory.fingerprint import sha256_of
from datafactory.report.units import size

FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file
PIECE = 4 << 20
AT_ONCE = 4  # files; hashing and writing release the interpreter's lock
SPARE = 64 << 20  # left free for the card, the report and the manifest


@dataclass(frozen=True)
class Copy:
    """A file and where it goes; sha256 is what its bytes must be."""

    source: Path
    target: Path
    bytes: int
    sha256: str


def copied(copies: Iterable[Copy], reuse: Mapping[Path, Path]) -> None:
    """Every file in its place.

    `reuse` names, by target, a file of an earlier publication, which is linked to where its bytes are right. A target
    that is there, of an attempt that was killed, is kept where its bytes are right. Raises StageError for a source
    that is not what was written and where there is no room; OSError otherwise.
    """
    left = [copy for copy in copies if not _stands(copy) and not _linked(copy, reuse.get(copy.target))]
    if not left:
        return
    folder = left[0].target.parent
    folder.mkdir(parents=True, exist_ok=True)
    if not _shares_blocks(left[0]):
        _demand_room(left, folder)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(_copy, left):
            pass


def _stands(copy: Copy) -> bool:
    try:
        return copy.target.stat().st_size == copy.bytes and sha256_of(copy.target) == copy.sha256
    except FileNotFoundError:
        return False


def _linked(copy: Copy, earlier: Path | None) -> bool:
    if earlier is None or not earlier.is_file() or earlier.stat().st_size != copy.bytes:
        return False
    if sha256_of(earlier) != copy.sha256:
        return False
    copy.target.parent.mkdir(parents=True, exist_ok=True)
    copy.target.unlink(missing_ok=True)
    try:
        os.link(earlier, copy.target)
    except OSError:  # a file system without links
        return False
    return True


def _demand_room(copies: list[Copy], folder: Path) -> None:
    needed, free = sum(copy.bytes for copy in copies) + SPARE, shutil.disk_usage(folder).free
    if needed > free:
        raise StageError(
            f"{folder}: the disk has no room to publish: {size(needed)} are needed and {size(free)} are free; "
            "the finished stages are kept, and `datafactory build` publishes once there is room"
        )


def _shares_blocks(copy: Copy) -> bool:
    probe = copy.target.with_name(f".{copy.target.name}.probe")
    try:
        return _cloned(copy.source, probe)
    finally:
        probe.unlink(missing_ok=True)


def _cloned(source: Path, target: Path) -> bool:
    with source.open("rb") as original, target.open("wb") as clone:
        try:
            fcntl.ioctl(clone.fileno(), FICLONE, original.fileno())
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            return False
    return True


def _copy(copy: Copy) -> None:
    """The target in one pass: what is read is hashed and written, then synced and renamed."""
    copy.target.parent.mkdir(parents=True, exist_ok=True)
    beside = copy.target.with_name(f".{copy.target.name}.part")
    found = sha256_of(beside) if _cloned(copy.source, beside) else _streamed(copy.source, beside)
    if found != copy.sha256:
        beside.unlink()
        raise StageError(
            f"{copy.source} is not what was written (sha256 differs from its manifest); "
            f"remove {copy.source.parent} to make it again"
        )
    beside.replace(copy.target)


def _streamed(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    with source.open("rb", buffering=0) as original, target.open("wb", buffering=0) as written:
        piece = memoryview(bytearray(PIECE))
        while count := original.readinto(piece):
            digest.update(piece[:count])
            view = piece[:count]
            while view:
                view = view[written.write(view) :]
        os.fsync(written.fileno())
    return digest.hexdigest()
