"""Pacing: how fast requests go out, and how many are under way at once."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_PAUSE = 30.0  # seconds, where a server does not say how long


class Rate:
    """So much a minute, evenly: no minute holds more, wherever it begins."""

    def __init__(self, per_minute: int | None):
        self.each = 60 / per_minute if per_minute else 0.0
        self.free_at = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next may go."""
        return max(0.0, self.free_at - now)

    def use(self, now: float, amount: float = 1) -> None:
        self.free_at = max(self.free_at, now) + amount * self.each

    def correct(self, amount: float) -> None:
        """What was used more, or less, than was thought."""
        self.free_at += amount * self.each


class Allowance:
    """Requests and tokens per minute, over all servers together."""

    def __init__(self, requests: int | None, tokens: int | None):
        self.requests = Rate(requests)
        self.tokens = Rate(tokens)
        self._mean = 0.0  # tokens of a completion so far
        self._known = 0

    def wait(self, now: float) -> float:
        return max(self.requests.wait(now), self.tokens.wait(now))

    def use(self, now: float, prompt: int, longest: int) -> float:
        """A request of about so many tokens goes out; how many were taken for it."""
        taken = prompt + (min(self._mean, longest) if self._known else longest)
        self.requests.use(now)
        self.tokens.use(now, taken)
        return taken

    def arrived(self, taken: float, used: int | None, completion: int | None) -> None:
        if completion is not None:
            self._known += 1
            self._mean += (completion - self._mean) / min(self._known, 1000)
        if used is not None:
            self.tokens.correct(used - taken)


class Width:
    """How many requests a server is given at once: fewer when it is overloaded, step by step more when it is not.

    Additive increase, multiplicative decrease (Chiu and Jain 1989), as TCP does it.
    """

    def __init__(self, most: int):
        self.most = most
        self.limit = float(most)
        self._shrunk = 0.0

    def good(self) -> None:
        if self.limit < self.most:
            self.limit = min(self.most, self.limit + max(1.0, self.most / 32) / self.limit)

    def overloaded(self, asked: float, now: float) -> None:
        """A request that went out then was turned down; those that went out together count as one."""
        if asked >= self._shrunk:
            self.limit = max(1.0, self.limit / 2)
            self._shrunk = now


@dataclass(frozen=True)
class Backoff:
    """A wait that doubles, with jitter, so that what failed together does not come back together."""

    first: float

    def after(self, attempt: int) -> float:
        return min(LONGEST_PAUSE, self.first * 2 ** min(attempt - 1, 20)) * random.uniform(0.5, 1.0)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """The seconds that a server asks to wait; None where it says nothing that can be read."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        said = headers.get("retry-after", "").strip()
        if not said:
            return None
        if said.replace(".", "", 1).isdigit():
            return float(said)
        when = parsedate_to_datetime(said)
        return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, TypeError):
        return None
