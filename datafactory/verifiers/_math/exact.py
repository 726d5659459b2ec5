"""The exact value of an expression at a point, where it is rational and not too large to hold.

Use  time and memory are bounded: a bound stands before every operation, and the Point counts what all of them cost;
     Undefined for what would be large
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from zlib import crc32

from datafactory.verifiers._math.tree import Node

MOST_BITS = 10_000  # of the arguments of one operation, and of a power
MOST_WORK = 400_000  # bits that all operations at one point may read and write


class Undefined(Exception):
    """There is no value here: a division by zero, an overflow, a number that would be too large to hold."""


class NotRational(Exception):
    """There is a value, but no fraction."""


class Point:
    """A value for every symbol, the same in every process; notes whether a root or logarithm left the real numbers."""

    def __init__(self, number: int, sign: int = 1) -> None:
        self.number, self.sign, self.branched = number, sign, False
        self.spent = 0

    def spend(self, bits: int) -> None:
        self.spent += bits
        if bits > 2 * MOST_BITS or self.spent > MOST_WORK:
            raise Undefined

    def rational(self, name: str) -> Fraction:
        if name == "i":
            raise NotRational
        low, step = ((Fraction(1, 10), 1000), (Fraction(11, 10), 500), (Fraction(3), 200))[self.number]
        return self.sign * (low + Fraction(crc32(f"{name} {self.number}".encode("utf-8", "replace")) % 797, step))


def exact(node: Node, at: Point) -> Fraction:
    """The value as a fraction; pi and e are symbols here, since no rational expression in them makes them cancel."""
    if node.kind == "number":
        assert node.value is not None
        return node.value
    if node.kind == "symbol":
        return at.rational(node.name)
    values = [exact(argument, at) for argument in node.arguments]
    operation = _EXACT.get(node.kind)
    if operation is None:
        raise NotRational
    if node.kind != "+":
        return _applied(operation, at, *values)
    total = values[0]
    for value in values[1:]:
        total = _applied(operation, at, total, value)
    return total


def _applied(operation: Callable[..., Fraction], at: Point, *values: Fraction) -> Fraction:
    read = sum(map(_bits, values))
    if read > MOST_BITS:
        raise Undefined
    found = operation(*values)
    at.spend(read + _bits(found))
    return found


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if abs(exponent) * _bits(base) > MOST_BITS:  # before all else: the exponent may be a fraction
        raise Undefined
    if exponent.denominator != 1:
        return _root(base, Fraction(exponent.denominator)) ** exponent.numerator if base > 0 else _irrational()
    return base**exponent.numerator


def _root(base: Fraction, index: Fraction) -> Fraction:
    degree = index.numerator
    if index.denominator != 1 or not 1 <= degree <= 64 or (base < 0 and degree % 2 == 0):
        raise NotRational
    above, below = _whole_root(abs(base.numerator), degree), _whole_root(base.denominator, degree)
    return Fraction(above if base >= 0 else -above, below)


def _whole_root(number: int, degree: int) -> int:
    if degree == 2:
        root = math.isqrt(number)
    elif number.bit_length() < 900:
        root = round(number ** (1 / degree))
    else:
        raise NotRational
    if root**degree != number:
        raise NotRational
    return root


def _factorial(number: Fraction) -> Fraction:
    if number.denominator != 1 or not 0 <= number <= 1000:
        raise Undefined
    return Fraction(math.factorial(number.numerator))


def _binomial(above: Fraction, below: Fraction) -> Fraction:
    if above.denominator != 1 or below.denominator != 1 or not 0 <= below <= above:
        raise Undefined
    if min(below, above - below) * _bits(above) > MOST_BITS:
        raise Undefined
    return Fraction(math.comb(above.numerator, below.numerator))


def _remainder(number: Fraction, modulus: Fraction) -> Fraction:
    if number.denominator != 1 or modulus.denominator != 1:
        raise Undefined
    return number % modulus


def _irrational() -> Fraction:
    raise NotRational


_EXACT: dict[str, Callable[..., Fraction]] = {
    "+": lambda a, b: a + b,
    "neg": lambda a: -a,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": _power,
    "root": _root,
    "bmod": _remainder,
    "!": _factorial,
    "binom": _binomial,
    "abs": abs,
    "floor": lambda a: Fraction(math.floor(a)),
    "ceil": lambda a: Fraction(math.ceil(a)),
}
