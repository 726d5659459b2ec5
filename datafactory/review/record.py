"""The record: a decisions file that is being written, perhaps by several servers at once.

A decision is on the disk before `append` returns. What a crash left of a torn line is moved beside the file before
the next one is written, so that no whole line is ever joined to it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from datafactory.errors import UserError
from datafactory.review.decisions import Decision, Words, decision_of, decisions_in, words_of
from datafactory.store import MANIFEST
from datafactory.tables import cannot_write

BLOCK = 1 << 16
STORE = "store"


class Record:
    """Of one thread at a time. `say` is told of what was found torn."""

    def __init__(self, path: Path, say: Callable[[str], None] = lambda line: None):
        self.path = path
        self.say = say
        self.words: Words = {}
        self._ids: set[str] = set()
        self._changed: set[str] = set()
        self._begin_anew()
        inside = next((folder for folder in path.absolute().parents if _finished(folder)), None)
        if inside:
            raise UserError(f"{path}: {inside} is finished and never written again; --decisions names another place")
        if path.is_dir():
            raise UserError(f"{path} is a folder; --decisions names a .jsonl file")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(path, error) from error
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise UserError(f"{path} cannot be written by you; --decisions names another place")
        self.look()

    def changed(self) -> set[str]:
        """The traces about which anything was said since the last time."""
        changed, self._changed = self._changed, set()
        return changed

    def look(self) -> None:
        """Reads what other servers wrote since."""
        try:
            state = self.path.stat()
        except FileNotFoundError:  # nobody has decided anything
            self._begin_anew()
            return
        if (state.st_ino, state.st_size) != (self._inode, self._read):
            with self._held() as handle:
                self._look(handle)

    def append(self, decision: Decision) -> None:
        """The decision as a line on the disk; StageError where it cannot be written, and nothing of it is then left."""
        with self._held() as handle:
            self._look(handle)
            if decision.id is not None and decision.id in self._ids:
                return  # sent again, because its answer was lost
            line, end = decision.line, os.fstat(handle).st_size
            try:
                written = 0
                while written < len(line):
                    written += os.write(handle, line[written:])
                os.fsync(handle)
            except OSError as error:
                with suppress(OSError):
                    os.ftruncate(handle, end)
                raise cannot_write(self.path, error) from error
            self._look(handle)

    @contextmanager
    def _held(self) -> Iterator[int]:
        """The file that is at the path now, nobody else writing: one that was moved away is not written into."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            while True:
                fresh = not self.path.exists()
                handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
                fcntl.flock(handle, fcntl.LOCK_EX)
                with suppress(FileNotFoundError):
                    if self.path.stat().st_ino == os.fstat(handle).st_ino:
                        break
                os.close(handle)
            if fresh:
                _sync_folder(self.path.parent)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        try:
            yield handle
        finally:
            os.close(handle)

    def _look(self, handle: int) -> None:
        self._mend(handle)
        state = os.fstat(handle)
        if state.st_ino != self._inode or state.st_size < self._read:  # another file, or one that was put back
            self._begin_anew(state.st_ino)
        content = os.pread(handle, state.st_size - self._read, self._read)
        found, _ = decisions_in(content, self.path, self._lines + 1)
        words_of(found, self.words)
        self._changed.update(said.trace_id for said in found)
        self._ids.update(said.id for said in found if said.id)
        self._read += len(content)
        self._lines += content.count(b"\n")

    def _begin_anew(self, inode: int = -1) -> None:
        self._changed.update(self.words)
        self.words, self._ids = {}, set()
        self._inode, self._read, self._lines = inode, 0, 0

    def _mend(self, handle: int) -> None:
        """A last line without its end: finished where it is a decision, else kept beside and cut off."""
        size = os.fstat(handle).st_size
        if not size or os.pread(handle, 1, size - 1) == b"\n":
            return
        start, torn = size, b""
        while start and b"\n" not in torn:
            start = max(0, start - BLOCK)
            torn = os.pread(handle, size - start, start)
        torn = torn.rpartition(b"\n")[2]
        try:
            decision_of(torn)
            os.write(handle, b"\n")
        except ValueError:
            beside = self.path.with_name(f"{self.path.name}.torn")
            with beside.open("ab") as stream:
                stream.write(torn + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            os.ftruncate(handle, size - len(torn))
            self.say(f"{self.path}: its last line was torn, {len(torn):,} bytes; they are kept in {beside}")
        os.fsync(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def place_for(dataset: Path) -> Path:
    """Where the decisions about a dataset go: `reviews/<its name>.jsonl` beside it, never inside it or the store."""
    dataset = dataset.absolute()
    inside = (dataset.parent.parent, dataset.parent, dataset)  # a file of it, or its folder `data` or `rejected`
    folder = next((each for each in inside if _finished(each)), dataset)
    name = folder.name if folder.is_dir() else folder.name.split(".")[0]
    around = folder.parent.parent if folder.parent.name == STORE else folder.parent
    return around / "reviews" / f"{name}.jsonl"


def _finished(folder: Path) -> bool:
    """Whether a dataset stands there: a manifest of ours, which names what it is of."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and "fingerprint" in manifest
