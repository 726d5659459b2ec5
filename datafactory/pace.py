"""Pace: how fast something goes once it is under way, its start left out."""

from __future__ import annotations

import time


class Pace:
    """What is counted at its beginning is not what it goes at: an engine is filled at once, a worker loads first."""

    def __init__(self) -> None:
        self.count = 0
        self.start = 0  # of them, those that belong to the beginning
        self._from = self._to = 0.0
        self._gap, self._behind = 0.0, 0  # the longest wait since the beginning, and what came at its end

    def mark(self, count: int, beginning: bool = False) -> None:
        """So many more, now. The first are the beginning, and those after them for which it is said."""
        now = time.monotonic()
        if not self.count or beginning:
            self.start += count
            self._from = self._from or now
        elif now - self._to > self._gap:
            self._gap, self._behind = now - self._to, count
        self.count += count
        self._to = now

    @property
    def per_second(self) -> float | None:
        """None where there was nothing but the beginning."""
        if self.count <= self.start or self._to <= self._from:
            return None
        count, seconds = self.count - self.start, self._to - self._from
        if self._gap > seconds / 2 and count > self._behind and seconds > self._gap:
            # one wait that is longer than all the rest is a start too: of the processes that verify, say
            count, seconds = count - self._behind, seconds - self._gap
        return count / seconds
