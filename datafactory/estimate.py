"""Estimates: what the whole comes to, from what was seen of some problems drawn at random. Pure.

The whole is what was seen and the rest. How far the rest can be from what was seen is found by drawing the problems
again, with replacement: once for the mean that is not known well, once for the chance in the rest itself. A small
sample is known to be too sure of itself: it is widened by what Student's distribution is wider than the normal one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.9
DRAWS = 2000
ROUGH = 0.1  # of a file's size: what a compressor makes of other rows of the same kind; a choice
Draws = np.ndarray  # (DRAWS + 1,) the expected value, and what it might be


def certain(value: float) -> Draws:
    return np.full(DRAWS + 1, float(value))


@dataclass(frozen=True)
class Interval:
    """The expected value, and the ends between which the truth is with the chance LEVEL."""

    expected: float
    low: float
    high: float

    @classmethod
    def of(cls, draws: Draws) -> Interval:
        low, high = np.quantile(draws[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return cls(float(draws[0]), min(float(low), float(draws[0])), max(float(high), float(draws[0])))

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


class Sampled:
    """`seen` problems of `whole`, drawn at random."""

    def __init__(self, seen: int, whole: int, seed: int = 0):
        self.seen = seen
        self.whole = whole
        self.rest = max(0, whole - seen)
        self._stream = np.random.default_rng([seed, seen, whole])
        self._known, self._chance = self._drawn(), self._drawn()
        self._known *= math.sqrt(seen / (seen - 1)) * _student(seen - 1) if seen > 1 else 0.0

    def total(self, values: Sequence[float], most: float | None = None) -> Draws:
        """The sum over the whole of what each problem seen came to.

        most  what a problem can come to, where all that were seen alike may not be all there is
        """
        each = np.asarray(values, dtype=float)
        if not self.seen:
            return certain(0.0)
        if self.rest and most is not None and np.all(each == each[0]):
            return self._alike(float(each[0]), most)
        if not self.rest:
            return certain(each.sum())
        return each.sum() + self.rest * self.mean(values, self.rest)

    def mean(self, values: Sequence[float], size: float) -> Draws:
        """What a problem comes to on the mean of so many that were not seen; never less than nothing."""
        each = np.asarray(values, dtype=float)
        apart = (self._known + math.sqrt(self.seen / max(1.0, size)) * self._chance) @ each
        result: Draws = np.maximum(0.0, each.mean() + np.concatenate([[0.0], apart]))
        return result

    def _drawn(self) -> np.ndarray:
        """How much more often than the others each problem is drawn with replacement, for every draw."""
        if self.seen < 2:
            return np.zeros((DRAWS, self.seen))
        even = [1 / self.seen] * self.seen
        return self._stream.multinomial(self.seen, even, size=DRAWS) / self.seen - 1 / self.seen

    def _alike(self, value: float, most: float) -> Draws:
        """Of n alike the share that is otherwise is drawn as Jeffreys has it, from Beta(1/2, n + 1/2)."""
        other = self._stream.beta(0.5, self.seen + 0.5, size=DRAWS)
        side = most if value < most else 0.0
        rest = self.rest * ((1 - other) * value + other * side)
        return np.concatenate([[(self.seen + self.rest) * value], self.seen * value + rest])


def _student(degrees: int) -> float:
    """Student's 95 % quantile over the normal one (Cornish and Fisher's expansion)."""
    z = 1.6449
    terms = (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
    return (z + terms) / z


@dataclass(frozen=True)
class Sizes:
    """The bytes of a file with one row, with half and with all of some, and of what these hold, unpacked."""

    packed: tuple[int, int, int]
    unpacked: tuple[int, int, int]

    def at(self, unpacked: Draws, files: float, stream: np.random.Generator) -> Draws:
        """The bytes of so much in so many files. A row takes less the more there are before it: compression.

        How much less beyond what was seen is not known: the draws reach from no more of it to as much as before, and
        by ROUGH to both sides.
        """
        half, whole = self._slope(1), self._slope(2)
        less = min(1.0, whole / half) if half > 0 else 1.0
        share = np.concatenate([[0.5], stream.uniform(0, 1, DRAWS)])
        rough = np.concatenate([[1.0], stream.uniform(1 - ROUGH, 1 + ROUGH, DRAWS)])
        doublings = np.log2(np.maximum(unpacked / max(files, 1), 1) / max(1, self.unpacked[2]))
        each = whole * less ** (share * np.clip(doublings, 0, 6))
        result: Draws = (files * self.packed[0] + unpacked * each) * rough
        return result

    def _slope(self, at: int) -> float:
        """Of what stands behind the first row, packed bytes for one unpacked."""
        return (self.packed[at] - self.packed[0]) / max(1, self.unpacked[at] - self.unpacked[0])
