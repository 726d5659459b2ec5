"""The value of an expression, exact where it is rational, else in floating point; whether two expressions are equal.

In   two trees
Out  True or False where that is certain, None where only an algebra system can say
Use  symbols get values: two expressions that differ at one point differ; rational ones that agree at three are equal.
     Time and memory are bounded: what would be large is left undecided

A decimal stands for what it rounds: it is within SAME of the other value, or its correct rounding to FIGURES figures
or more.
"""

from __future__ import annotations

from fractions import Fraction

from datafactory.verifiers._math.approximate import FLOATS, approximate
from datafactory.verifiers._math.exact import NotRational, Point, Undefined, exact
from datafactory.verifiers._math.tree import Node, has, in_tens, is_decimal, symbols

SAME = Fraction(1, 10**6)  # 0.333333 is 1/3: math-verify's float_rounding of 6 places
NEARLY = Fraction(1, 10**9)  # whole numbers are not rounded: 0.9999999 is not 1; 3.0000000000000004 is 3
FIGURES = 4  # 2.667 is 8/3, 0.33 is not 1/3
CLOSE = 1e-9  # floating point: what differs by more is different
POINTS = 3


def same_value(one: Node, other: Node) -> bool | None:
    """Whether two expressions are equal, with log as the natural logarithm or else as the decimal one."""
    decided = _same_value(one, other)
    if decided is False and (one, other) != (tens := (in_tens(one), in_tens(other))):
        return _same_value(*tens)
    return decided


def _same_value(one: Node, other: Node) -> bool | None:
    if one == other:
        return True
    if has(one, "pm") or has(other, "pm"):
        return None
    names = symbols(one) | symbols(other)
    if not names:
        return _same_number(one, other)
    rounded = is_decimal(one) or is_decimal(other)
    signs = (1, -1) if has(one, "abs", "floor", "ceil") or has(other, "abs", "floor", "ceil") else (1,)
    points = [Point(number, sign) for sign in signs for number in range(POINTS)]
    try:
        differences = [exact(one, point) - exact(other, point) for point in points]
        if not rounded or not any(differences):
            return not any(differences)
    except (NotRational, Undefined, ZeroDivisionError):
        pass
    return _agree_at(points, one, other, rounded)


def _agree_at(points: list[Point], one: Node, other: Node, rounded: bool) -> bool | None:
    compared = 0
    for point in points:
        try:
            a, b = approximate(one, point, FLOATS), approximate(other, point, FLOATS)
        except (Undefined, ArithmeticError, ValueError):
            continue
        compared += 1
        if not _close(a, b, float(SAME) if rounded else CLOSE):
            return None if point.branched else False
    return True if rounded and compared == len(points) else None


def _same_number(one: Node, other: Node) -> bool | None:
    rounded = is_decimal(one) or is_decimal(other)
    nowhere = Point(0)
    try:
        a, b = exact(one, nowhere), exact(other, nowhere)
        if a == b or not rounded:
            return a == b
        if not has(one, "symbol") and not has(other, "symbol"):
            return _same_rounded(a, b, one, other)
    except (NotRational, Undefined, ZeroDivisionError):
        pass
    try:
        x, y = approximate(one, nowhere, FLOATS), approximate(other, nowhere, FLOATS)
    except (Undefined, ArithmeticError, ValueError):
        return None
    if rounded:
        if x.imag or y.imag:
            return _close(x, y, float(SAME))
        return _same_rounded(Fraction(x.real), Fraction(y.real), one, other)
    return None if _close(x, y, CLOSE) else False


def _same_rounded(a: Fraction, b: Fraction, one: Node, other: Node) -> bool:
    off = abs(a - b)
    if a.denominator == b.denominator == 1:
        return off == 0
    near = NEARLY if 1 in (a.denominator, b.denominator) else SAME
    if off <= near * max(abs(a), abs(b)) and off <= near:
        return True
    return any(
        off <= _half_unit(written) and not is_decimal(exactly) and value.denominator != 1
        for written, exactly, value in ((one, other, b), (other, one, a))
    )


def _half_unit(node: Node) -> Fraction:
    """Half of the last place of a decimal of enough figures, else nothing."""
    node = node.arguments[0] if node.kind == "neg" else node
    if (
        node.kind != "number"
        or "." not in node.name
        or node.value is None
        or node.value.denominator == 1
        or len(node.name.replace(".", "").lstrip("0")) < FIGURES
    ):
        return Fraction(0)
    places = len(node.name.partition(".")[2])
    return Fraction(1000001, 1000000) * Fraction(1, 2 * 10**places)


def _close(a: complex, b: complex, within: float) -> bool:
    return abs(a - b) <= within * max(abs(a), abs(b))
