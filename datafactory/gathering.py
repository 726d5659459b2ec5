"""Gathering: finished answers with those to the same question together, whatever their order, in bounded memory.

The rows are read once, and where no answer comes late, after answers to other questions, that is all. Where some do,
they are laid aside on disk, and a second reading puts each behind the first answers to its question. What is held in
memory is two numbers a row.

    gathering = Gathering(file)
    for found in gathering.first(rows()): ...        ends where an answer comes late
    if gathering.late:
        for found in gathering.again(rows()): ...    all rows, in the order of the first answer to each question
    gathering.close()
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from datafactory.keys import Keys, short
from datafactory.mapping import Found
from datafactory.tables import cannot_write


class Gathering:
    """file is where late answers lie until they are put in their place."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._keys = array("Q")  # of each row's problem; 0 where it cannot be used, and belongs to none
        self._late = array("Q")  # the numbers of the rows that come late
        self._ends = array("Q", [0])  # where each of them ends in the file

    @property
    def late(self) -> int:
        """How many answers came late."""
        return len(self._late)

    def first(self, rows: Iterable[Found]) -> Iterator[Found]:
        """The rows as they come, as long as none of them comes late."""
        seen = Keys()
        before, comes_late = 0, False
        try:
            with self._file.open("wb") as stream:
                for number, found in enumerate(rows):
                    key = 0 if found.reason else short(found.row["problem_id"])
                    if key != before or not key:
                        comes_late = key > 0 and key in seen
                    if key:
                        seen.add(key)
                    before = key
                    self._keys.append(key)
                    if comes_late:
                        self._late.append(number)
                        self._ends.append(self._ends[-1] + stream.write(_packed(found)))
                    elif not self._late:
                        yield found
        except OSError as error:
            raise cannot_write(self._file, error) from error

    def again(self, rows: Iterable[Found]) -> Iterator[Found]:
        """All rows, an answer that came late behind the first answers to its question."""
        keys = np.frombuffer(self._keys, dtype=np.uint64)
        late = np.frombuffer(self._late, dtype=np.uint64).astype(np.int64)
        _, firsts, which = np.unique(keys, return_index=True, return_inverse=True)
        begins = firsts[which[late]]  # the first row of the same problem
        away = np.zeros(len(keys), dtype=bool)
        away[late] = True
        order = np.argsort(begins, kind="stable")
        waiting = iter([(int(begins[at]), int(at)) for at in order])
        begin, at = next(waiting, (-1, -1))
        start = 0
        with self._file.open("rb") as stream:
            for number, found in enumerate(rows):
                if away[number]:
                    continue
                if not keys[number] or keys[number] != keys[start]:
                    while begin == start:
                        yield self._laid(stream, at)
                        begin, at = next(waiting, (-1, -1))
                    start = number
                yield found
            while begin >= 0:
                yield self._laid(stream, at)
                begin, at = next(waiting, (-1, -1))

    def close(self) -> None:
        """Remove what was laid aside."""
        self._file.unlink(missing_ok=True)

    def _laid(self, stream: BinaryIO, at: int) -> Found:
        stream.seek(self._ends[at])
        return _unpacked(stream.read(self._ends[at + 1] - self._ends[at]))


def _packed(found: Found) -> bytes:
    """A row as bytes: how long its JSON is, and the JSON compressed."""
    text = json.dumps([found.place, found.row]).encode()
    return len(text).to_bytes(8, "big") + pa.compress(text, codec="zstd", asbytes=True)


def _unpacked(packed: bytes) -> Found:
    text = pa.decompress(packed[8:], int.from_bytes(packed[:8], "big"), codec="zstd", asbytes=True)
    return Found(*json.loads(text))
