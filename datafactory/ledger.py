"""The ledger: the completions that a stage has spent on, each once, and what they came to.

It lies beside the shards while these are being made, so that a stage that was killed goes on with what it had spent,
also on shards that are finished and on rollouts that were thrown away. The manifest has its sums in the end.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from datafactory.tables import cannot_write

NAME = "spent.bin"
ENTRY = struct.Struct("<QIIdI")  # 8 bytes of the key, tokens, prompt tokens, cost, bounded


@dataclass(frozen=True)
class Spent:
    """bounded: completions of which no usage was told; the most they can have taken is in `tokens`."""

    requests: int = 0
    tokens: int = 0
    prompt_tokens: int = 0
    cost: float = 0.0
    bounded: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def told(self) -> dict[str, Any]:
        return asdict(self)


class Ledger:
    """In memory alone without a folder."""

    def __init__(self, folder: Path | None = None):
        self.path = folder / NAME if folder else None
        self.spent = Spent()
        self._keys = _Keys()
        if self.path and self.path.exists():
            content = self.path.read_bytes()
            whole = len(content) - len(content) % ENTRY.size
            if whole < len(content):  # a kill tore the last entry: it is found in the journal again
                os.truncate(self.path, whole)
            self._count(list(ENTRY.iter_unpack(content[:whole])))

    def __contains__(self, key: str) -> bool:
        return _short(key) in self._keys

    def add(self, entries: Iterable[tuple[str, Spent]]) -> Spent:
        """What these come to, those left out that it holds already."""
        before = self.spent
        told = [
            (_short(key), spent.tokens, spent.prompt_tokens, spent.cost, spent.bounded)
            for key, spent in entries
            if key not in self
        ]
        if told and self.path:
            try:
                with self.path.open("ab") as stream:
                    stream.write(b"".join(ENTRY.pack(*entry) for entry in told))
            except OSError as error:
                raise cannot_write(self.path, error) from error
        self._count(told)
        return Spent(*(b - a for a, b in zip(astuple(before), astuple(self.spent), strict=True)))

    def remove(self) -> None:
        if self.path:
            self.path.unlink(missing_ok=True)

    def _count(self, entries: list[tuple[int, int, int, float, int]]) -> None:
        requests, tokens, prompt_tokens, cost, bounded = 0, 0, 0, 0.0, 0
        for short, longest, prompt, price, unsure in entries:
            if self._keys.add(short):
                requests += 1
                tokens += longest
                prompt_tokens += prompt
                cost += price
                bounded += unsure
        self.spent += Spent(requests, tokens, prompt_tokens, cost, bounded)


def _short(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") or 1


class _Keys:
    """A set of 64-bit numbers other than 0, in an open table: 16 to 32 bytes each where Python's own takes 100."""

    def __init__(self) -> None:
        self._count = 0
        self._table = array("Q", bytes(8 * 1024))

    def __contains__(self, number: int) -> bool:
        return self._table[self._place(number)] == number

    def add(self, number: int) -> bool:
        """Whether it is new."""
        place = self._place(number)
        if self._table[place] == number:
            return False
        self._table[place] = number
        self._count += 1
        if 2 * self._count > len(self._table):
            held = self._table
            self._table = array("Q", bytes(8 * 2 * len(held)))
            for each in held:
                if each:
                    self._table[self._place(each)] = each
        return True

    def _place(self, number: int) -> int:
        """Where it stands, or would."""
        table, last = self._table, len(self._table) - 1
        place = number & last
        while table[place] and table[place] != number:
            place = (place + 1) & last
        return place
