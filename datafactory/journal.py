"""The journal: every completion a model returned, on disk before it counts.

Completions are paid for. Each is kept under the hash of everything that decided its text (the model, the rendered
prompt, the sampling, the rollout's seed) and of nothing else, so that any later build that asks for the same one gets
it from here.

A journal is a folder of segments, one per process that wrote; a segment is lines of `<crc32> <JSON list of outputs>`.
A line is a batch: it is there whole or not at all. A line that a kill tore, or a disk damaged, fails its checksum and
is owed again; it is counted in `damaged`, and never a crash.
"""

from __future__ import annotations

import json
import os
import time
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from datafactory.engines import Output
from datafactory.tables import cannot_write

SYNC_SECONDS = 0.5  # kill -9 loses nothing that was written; this bounds what a power cut loses


class Journal:
    def __init__(self, folder: Path):
        self.folder = folder
        self.damaged = 0
        self._places: dict[str, tuple[Path, int, int]] = {}  # key -> segment, offset, length of its line
        self._handle: int | None = None
        self._segment = folder / f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.jsonl"
        self._offset = 0
        self._synced = 0.0
        for segment in sorted(folder.glob("*.jsonl")):
            self._index(segment)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def held(self, keys: Iterable[str]) -> set[str]:
        """Those of these keys that are there."""
        return {key for key in keys if key in self._places}

    def append(self, outputs: Iterable[Output]) -> None:
        """The batch on disk, in one write."""
        records = [{name: value for name, value in asdict(output).items() if value is not None} for output in outputs]
        body = json.dumps(records, ensure_ascii=True, separators=(",", ":")).encode()
        line = b"%08x %b\n" % (zlib.crc32(body), body)
        try:
            handle = self._open()
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(handle, rest) :]
            if time.monotonic() - self._synced > SYNC_SECONDS:
                os.fsync(handle)
                self._synced = time.monotonic()
        except OSError as error:
            raise cannot_write(self._segment, error) from error
        for record in records:
            self._places[record["key"]] = (self._segment, self._offset, len(line))
        self._offset += len(line)

    def read(self, keys: Iterable[str]) -> dict[str, Output]:
        """The outputs under these keys, those that are there."""
        lines: dict[tuple[Path, int, int], list[str]] = {}
        for key in keys:
            if key in self._places:
                lines.setdefault(self._places[key], []).append(key)
        found: dict[str, Output] = {}
        for (segment, offset, length), wanted in sorted(lines.items()):
            with segment.open("rb") as stream:
                stream.seek(offset)
                records = {record["key"]: record for record in _records(stream.read(length)) or []}
            found.update({key: Output(**records[key]) for key in wanted if key in records})
        return found

    def close(self) -> None:
        if self._handle is not None:
            os.fsync(self._handle)
            os.close(self._handle)
            self._handle = None

    def _open(self) -> int:
        if self._handle is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self._segment, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        return self._handle

    def _index(self, segment: Path) -> None:
        offset = 0
        with segment.open("rb") as stream:
            for line in stream:
                records = _records(line)
                if records is None:
                    self.damaged += 1
                for record in records or []:
                    self._places[record["key"]] = (segment, offset, len(line))
                offset += len(line)


def _records(line: bytes) -> list[dict[str, Any]] | None:
    """The outputs of a line; None for one that is torn or damaged."""
    checksum, _, body = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(body):
        return None
    records: list[dict[str, Any]] = json.loads(body)
    return records
