"""The journal: every completion a model returned, on disk before it counts.

Completions are paid for. Each is kept under the hash of everything that decided its text (the model, the rendered
prompt, the sampling, the rollout's seed) and of nothing else, so that any later build that asks for the same one gets
it from here.

A journal is a folder of segments, and an index of them that can be made again at any time. A line that was damaged is
owed again; it is counted in `damaged` when it is found, and never a crash.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from datafactory.engines import Output
from datafactory.places import BATCH, Place, Places
from datafactory.segments import Segment, line_of, outputs_of

SYNC_SECONDS = 0.5  # kill -9 loses nothing that was written; this bounds what a power cut loses
INDEX_SECONDS = 5.0  # what is not indexed after a kill is read again; other processes see what is
RECENT = 16 << 20  # bytes of lines whose outputs are kept in memory
HANDLES = 32  # segments held open for reading


class Journal:
    """Of any thread; other processes may write in the same folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._lock = threading.RLock()
        self._segment: Segment | None = None
        self._fresh: dict[str, Place] = {}  # appended, and not handed to the index
        self._handed: dict[str, Place] = {}  # being put into the index
        self._recent = _Recent()
        self._handles: OrderedDict[str, int] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, "journal")  # a disk that is slow does not hold up the stream
        self._kept: Future[bool] | None = None
        self._synced = self._indexed = time.monotonic()
        self._distrusted = False
        self._places = Places(folder) if folder.is_dir() else None

    @property
    def damaged(self) -> int:
        return self._places.damaged if self._places else 0

    def __contains__(self, key: str) -> bool:
        return bool(self.held([key]))

    def __len__(self) -> int:
        with self._lock:
            self._keep(wait=True)
            return self._places.count() if self._places else 0

    def held(self, keys: Iterable[str]) -> set[str]:
        """Those of these keys that are there, and can be read."""
        with self._lock:
            return {output.key for output in self._sound(keys)}

    def read(self, keys: Iterable[str]) -> dict[str, Output]:
        """The outputs under these keys, those that are there."""
        with self._lock:
            return {output.key: output for output in self._sound(keys)}

    def append(self, outputs: Iterable[Output]) -> None:
        """The batch on disk, in one write."""
        batch = {output.key: output for output in outputs}
        if batch:
            line = line_of(batch.values())
            with self._lock:
                self._append(line, batch)

    def _append(self, line: bytes, batch: dict[str, Output]) -> None:
        if self._segment is None:
            self._segment = Segment(self.folder)
            self._places = self._places or Places(self.folder)
        try:
            place = self._segment.path.name, self._segment.append(line), len(line)
            self._fresh.update(dict.fromkeys(batch, place))
        except BaseException:  # something may have been left behind: nothing more goes into this segment
            segment, self._segment = self._segment, None
            if self._kept:
                self._put_in(self._kept.result())
            segment.close()
            raise
        self._recent.put(place, batch)
        self._keep()

    def close(self) -> None:
        self._lock.acquire()  # for good: an engine that is left behind writes nothing more
        try:
            self._keep(wait=True)
        finally:
            self._thread.shutdown()
            if self._segment:
                self._segment.close()
            if self._places:
                self._places.close()
            while self._handles:
                os.close(self._handles.popitem()[1])

    def _keep(self, wait: bool = False) -> None:
        """Sync and index what was appended, where it is time to."""
        if self._kept and (self._kept.done() or wait or len(self._fresh) > 4 * BATCH):
            self._put_in(self._kept.result())
        if self._places is None or self._kept:
            return
        now = time.monotonic()
        if wait or len(self._fresh) >= BATCH or now - self._indexed > INDEX_SECONDS:
            self._handed, self._fresh, self._indexed, self._synced = self._fresh, {}, now, now
        elif now - self._synced > SYNC_SECONDS:
            self._synced = now
        else:
            return
        self._kept = self._thread.submit(_kept, self._segment, self._places, self._handed)
        if wait and self._kept:
            self._put_in(self._kept.result())

    def _put_in(self, indexed: bool) -> None:
        """What was handed to the index is in it, or is handed over again."""
        self._kept = None
        if not indexed:
            self._fresh = self._handed | self._fresh
        self._handed = {}

    def _sound(self, keys: Iterable[str]) -> Iterator[Output]:
        """The outputs under these keys, each from a line whose checksum is right."""
        owed = set(keys)
        while owed:
            places = self._candidates(owed)
            lines: dict[Place, set[str]] = defaultdict(set)
            for key, possible in places.items():
                for place in possible:
                    lines[place].add(key)
            for place in sorted(lines):
                outputs = self._line(place) if lines[place] & owed else {}
                for key in lines[place] & owed & outputs.keys():
                    owed.discard(key)
                    yield outputs[key]
            if self._distrusted or not owed & places.keys():
                return
            # the index says what is not so: a line was damaged since, or the index was
            self._distrusted = True
            self._distrust()

    def _candidates(self, keys: set[str]) -> dict[str, list[Place]]:
        if self._places is None:
            return {}
        written = {
            key: [self._fresh.get(key) or self._handed[key]]
            for key in keys
            if key in self._fresh or key in self._handed
        }
        try:
            return self._places.look_up(keys - written.keys()) | written
        except sqlite3.Error:
            self._distrust()
            return self._places.look_up(keys - written.keys()) | written

    def _distrust(self) -> None:
        assert self._places is not None
        if self._kept:
            self._put_in(self._kept.result())
        self._places.make_anew()

    def _line(self, place: Place) -> dict[str, Output]:
        """The outputs of a line under their keys; none where no sound one is in that place."""
        outputs = self._recent.get(place)
        if outputs is None:
            outputs = outputs_of(self._bytes(place)) or {}
            if outputs:
                self._recent.put(place, outputs)
        return outputs

    def _bytes(self, place: Place) -> bytes:
        name, offset, length = place
        try:
            if name not in self._handles:
                self._handles[name] = os.open(self.folder / name, os.O_RDONLY)
                if len(self._handles) > HANDLES:
                    os.close(self._handles.popitem(last=False)[1])
            handle = self._handles[name]
            return os.pread(handle, length, offset) if offset + length <= os.fstat(handle).st_size else b""
        except (OSError, TypeError, OverflowError):
            return b""


class _Recent:
    """The outputs of the lines that were last written or read."""

    def __init__(self) -> None:
        self._lines: OrderedDict[Place, dict[str, Output]] = OrderedDict()
        self._bytes = 0

    def get(self, place: Place) -> dict[str, Output] | None:
        return self._lines.get(place)

    def put(self, place: Place, outputs: dict[str, Output]) -> None:
        if place[2] > RECENT:
            return
        self._lines[place] = outputs
        self._bytes += place[2]
        while self._bytes > RECENT:
            self._bytes -= self._lines.popitem(last=False)[0][2]


def _kept(segment: Segment | None, places: Places, handed: dict[str, Place]) -> bool:
    if segment:
        segment.sync()
    return not handed or places.add(handed)
