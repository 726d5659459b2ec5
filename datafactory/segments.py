"""Segments: the files of a journal. Each is written by one process, a batch of outputs a line, and read by any.

    <crc32 of what follows> <JSON list of outputs>

A line is there whole or not at all: one that a kill tore, or a disk damaged, fails its checksum. A segment is locked
while it is being written, so that an unfinished last line is cut off only where nobody is going to finish it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from datafactory.engines import Output
from datafactory.tables import cannot_write

FIELDS = {field.name for field in fields(Output)}
# a quote within a JSON text is escaped: these stand where a line and an output begin, and nowhere else
BEGINS = re.compile(rb'[0-9a-f]{8} \[\{"key":"')
KEY = re.compile(rb'[\[,]\{"key":"([^"\\]*)"')
_json = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), check_circular=False).encode


def line_of(outputs: Iterable[Output]) -> bytes:
    records = [{name: value for name, value in vars(output).items() if value is not None} for output in outputs]
    body = _json(records).encode()
    return b"%08x %b\n" % (zlib.crc32(body), body)


def outputs_of(line: bytes) -> dict[str, Output] | None:
    """The outputs of a line under their keys; None for one that is torn or damaged."""
    if not _is_sound(line):
        return None
    try:
        # a newer version may have written more of an output than this one knows
        found = [Output(**{name: record[name] for name in record if name in FIELDS}) for record in json.loads(line[9:])]
    except (ValueError, TypeError):
        return None
    return {output.key: output for output in found if isinstance(output.key, str) and isinstance(output.text, str)}


def lines(path: Path, start: int) -> Iterator[tuple[int, int, list[str] | None]]:
    """Each whole line from there on: offset, length, and keys, None where it is damaged."""
    with path.open("rb") as stream:
        stream.seek(start)
        for line in stream:
            if not line.endswith(b"\n"):
                return
            if _is_sound(line):
                yield start, len(line), _keys(line)
            else:
                # what a write that failed left behind stands before the line that followed it
                begins = (match.start() for match in BEGINS.finditer(line, 1))
                at = next((at for at in begins if _is_sound(line[at:])), len(line))
                yield start, at, None
                if at < len(line):
                    yield start + at, len(line) - at, _keys(line[at:])
            start += len(line)


def _is_sound(line: bytes) -> bool:
    return line[-1:] == b"\n" and line[:9] == b"%08x " % zlib.crc32(memoryview(line)[9:-1])


def _keys(line: bytes) -> list[str]:
    if BEGINS.match(line):  # as this version writes it: there is no need to read the texts
        return [key.decode("ascii", "replace") for key in KEY.findall(line)]
    return list(outputs_of(line) or ())


def cut(path: Path, end: int) -> bool:
    """Whether something unfinished stands behind `end`, left by a writer that is gone; it is cut off."""
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return True  # it can be read only: nobody finishes it, and it stays
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        rest = os.pread(handle, os.fstat(handle).st_size - end, end)
        if not rest or b"\n" in rest:  # it was finished meanwhile
            return False
        os.ftruncate(handle, end)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        os.close(handle)
    return True


class Segment:
    """The segment that this process writes."""

    def __init__(self, folder: Path):
        self.path = folder / f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.jsonl"
        self.size = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            with suppress(OSError):  # a file system without locks: its unfinished lines are never cut off
                fcntl.flock(self.handle, fcntl.LOCK_EX)
            _sync_folder(folder)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def append(self, line: bytes) -> int:
        """Where the line begins; StageError, and nothing of it left behind, where it cannot be written."""
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self.handle, rest) :]
        except BaseException as error:
            with suppress(OSError):
                os.ftruncate(self.handle, self.size)
            if isinstance(error, OSError):
                raise cannot_write(self.path, error) from error
            raise
        self.size += len(line)
        return self.size - len(line)

    def sync(self) -> None:
        try:
            os.fsync(self.handle)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def close(self) -> None:
        os.close(self.handle)


def _sync_folder(folder: Path) -> None:
    """The name of a new file is on disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
