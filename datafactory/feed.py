"""The feed: requests on their way from a stage to an engine.

A stage puts chunks and goes on while the engine works; the engine takes what it has room for. A chunk is what is to be
decoded together where batches decide the text: a shard's round. Engines for which they do not take request by request.

What a request may cost at most is set aside before it is taken, so that a budget cannot be overrun.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from datafactory.budget import Purse
from datafactory.engines import Request


class Feed:
    """Of two threads: one puts, the other takes. taken counts what was taken and is owed, in all."""

    def __init__(self, purse: Purse | None = None):
        self.purse = purse or Purse()
        self.closed = False  # nothing more will be put
        self.blocked = False  # the budget does not allow what waits
        self.taken = 0
        self._refused: Sequence[Request] = ()
        self._chunks: deque[deque[Request]] = deque()
        self._waiting = 0
        self._changed = threading.Condition()
        self._news = False

    def __len__(self) -> int:
        """The requests that wait and are owed."""
        return self._waiting

    def put(self, chunk: Sequence[Request]) -> None:
        with self._changed:
            if chunk:
                self._chunks.append(deque(chunk))
            self._waiting += sum(request.owed for request in chunk)
            self._tell()

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._tell()

    def wake(self) -> None:
        """Who waits is to look again."""
        with self._changed:
            self._tell()

    def wait(self, seconds: float) -> None:
        """Until something was put, closed or said since the last time, so long at most."""
        with self._changed:
            if not self._news:
                self._changed.wait(seconds)
            self._news = False

    def take(self, most: int) -> list[Request]:
        """The next requests that are owed, as many as there are, the budget allows, and `most` at most."""
        taken: list[Request] = []
        with self._changed:
            while self._chunks and len(taken) < most:
                request = self._chunks[0][0]
                if request.owed:
                    if not self.admit([request]):
                        break
                    taken.append(request)
                    self._waiting -= 1
                self._chunks[0].popleft()
                if not self._chunks[0]:
                    self._chunks.popleft()
        return taken

    def chunk(self) -> list[Request] | None:
        """The next chunk whole, with what is not owed, or None; what is decoded of it has to be admitted."""
        with self._changed:
            if not self._chunks:
                return None
            chunk = list(self._chunks.popleft())
            self._waiting -= sum(request.owed for request in chunk)
        return chunk

    def admit(self, requests: Sequence[Request]) -> bool:
        """Whether the budget allows them all; it is set aside for them then."""
        self.blocked = not self.purse.admit(requests)
        if self.blocked:
            self._refused = requests
        else:
            self.taken += len(requests)
        return not self.blocked

    @property
    def stuck(self) -> bool:
        """Whether the budget does not allow what it refused last, with nothing under way that could come to less."""
        return self.blocked and not self.purse.allows(self._refused)

    def _tell(self) -> None:
        self._news = True
        self._changed.notify()
