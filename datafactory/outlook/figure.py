"""Figures: numbers that know what they rest on. One that is not known makes what follows from it unknown too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """stated says that the recipe's own word stands somewhere in it, measured that something was measured for it."""

    value: float | None
    stated: bool = False
    measured: bool = False

    def __add__(self, other: Figure) -> Figure:
        return self._with(other, None if None in (self.value, other.value) else self.value + other.value)  # type: ignore[operator]

    def __sub__(self, other: Figure) -> Figure:
        return self._with(other, None if None in (self.value, other.value) else self.value - other.value)  # type: ignore[operator]

    def __mul__(self, other: Figure) -> Figure:
        if 0 in (self.value, other.value):
            return NONE
        return self._with(other, None if None in (self.value, other.value) else self.value * other.value)  # type: ignore[operator]

    def __truediv__(self, other: Figure) -> Figure:
        """Nothing of nothing is nothing."""
        if self.value == 0:
            return self
        return self._with(other, None if self.value is None or not other.value else self.value / other.value)

    def least(self, other: Figure) -> Figure:
        return self if self.value is not None and other.value is not None and self.value <= other.value else other

    def most(self, other: Figure) -> Figure:
        """The larger of two, unknown where one of them is."""
        if self.value is None or other.value is None:
            return self._with(other, None)
        return self if self.value >= other.value else other

    def like(self, other: Figure) -> Figure:
        """This value, resting on what the other does."""
        return Figure(self.value, other.stated, other.measured)

    def _with(self, other: Figure, value: float | None) -> Figure:
        parts = [each for each in (self, other) if each.value != 0]
        return Figure(value, any(each.stated for each in parts), any(each.measured for each in parts))


NONE, ONE, UNKNOWN = Figure(0.0), Figure(1.0), Figure(None)


def known(value: float, stated: bool = False, measured: bool = False) -> Figure:
    return Figure(float(value), stated, measured)


def total(figures: Iterable[Figure]) -> Figure:
    found = NONE
    for figure in figures:
        found = found + figure
    return found


def told_or_none(figure: Figure) -> Figure:
    """Nothing, where it is not told: for what is small beside the rest, as a question is beside an answer."""
    return NONE if figure.value is None else figure
