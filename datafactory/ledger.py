"""The ledger: the completions that a stage has spent on, each once, and what they came to.

It lies beside the shards while these are being made, so that a stage that was killed goes on with what it had spent,
also on shards that are finished and on rollouts that were thrown away. The manifest has its sums in the end.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from datafactory.keys import Keys, short
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
        return Spent(
            self.requests + other.requests,
            self.tokens + other.tokens,
            self.prompt_tokens + other.prompt_tokens,
            self.cost + other.cost,
            self.bounded + other.bounded,
        )

    def told(self) -> dict[str, Any]:
        return asdict(self)


class Ledger:
    """In memory alone without a folder."""

    def __init__(self, folder: Path | None = None):
        self.path = folder / NAME if folder else None
        self.spent = Spent()
        self._keys = Keys()
        self._handle: int | None = None
        if self.path and self.path.exists():
            content = self.path.read_bytes()
            whole = len(content) - len(content) % ENTRY.size
            if whole < len(content):  # a kill tore the last entry: it is found in the journal again
                os.truncate(self.path, whole)
            self._count(list(ENTRY.iter_unpack(content[:whole])))

    def __contains__(self, key: str) -> bool:
        return short(key) in self._keys

    def add(self, entries: Iterable[tuple[str, Spent]]) -> Spent:
        """What these come to, those left out that it holds already."""
        told = [
            (short(key), spent.tokens, spent.prompt_tokens, spent.cost, spent.bounded)
            for key, spent in entries
            if key not in self
        ]
        if told and self.path:
            try:
                if self._handle is None:
                    self._handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
                content = b"".join(ENTRY.pack(*entry) for entry in told)
                if os.write(self._handle, content) < len(content):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # what came next would stand askew
            except OSError as error:
                raise cannot_write(self.path, error) from error
        return self._count(told)

    def remove(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        if self.path:
            self.path.unlink(missing_ok=True)

    def _count(self, entries: list[tuple[int, int, int, float, int]]) -> Spent:
        requests, tokens, prompt_tokens, cost, bounded = 0, 0, 0, 0.0, 0
        for number, longest, prompt, price, unsure in entries:
            if self._keys.add(number):
                requests += 1
                tokens += longest
                prompt_tokens += prompt
                cost += price
                bounded += unsure
        new = Spent(requests, tokens, prompt_tokens, cost, bounded)
        self.spent += new
        return new
