"""The value of an expression at a point in floating point, or in the numbers of another library.

In   a tree, a Point, a library with the functions of cmath: FLOATS, or mpmath's in the child process
Out  a number; Undefined, ArithmeticError or ValueError where there is none. The Point notes a branch that was chosen
"""

from __future__ import annotations

import cmath
import math
from fractions import Fraction
from typing import Any

from datafactory.verifiers._math.exact import NotRational, Point, Undefined, exact
from datafactory.verifiers._math.tree import Node

# names of cmath's and mpmath's functions alike
_LIBRARY = {
    **{name: name for name in ("sin", "cos", "tan", "exp", "sinh", "cosh", "tanh")},
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan")},
    "arsinh": "asinh",
    "arcosh": "acosh",
    "artanh": "atanh",
}
_RECIPROCALS = {"cot": "tan", "sec": "cos", "csc": "sin", "coth": "tanh"}


class _Floats:
    """What approximate computes with: Python's complex numbers. mpmath's numbers have the same functions."""

    pi, e, j = cmath.pi, cmath.e, 1j
    log, exp, sqrt = cmath.log, cmath.exp, cmath.sqrt
    sin, cos, tan, asin, acos, atan = cmath.sin, cmath.cos, cmath.tan, cmath.asin, cmath.acos, cmath.atan
    sinh, cosh, tanh, asinh, acosh, atanh = (
        cmath.sinh,
        cmath.cosh,
        cmath.tanh,
        cmath.asinh,
        cmath.acosh,
        cmath.atanh,
    )

    @staticmethod
    def number(value: Fraction) -> complex:
        return complex(value.numerator / value.denominator)


FLOATS = _Floats()


def approximate(node: Node, at: Point, library: Any) -> Any:
    """The value in the numbers of a library, complex ones where a root or a logarithm needs them."""
    if node.kind == "number":
        return library.number(node.value)
    if node.kind == "symbol":
        constants = {"e": library.e, "i": library.j, r"\pi": library.pi}
        found = constants.get(node.name)
        return library.number(at.rational(node.name)) if found is None else found * library.number(Fraction(1))
    if node.kind in ("!", "binom", "floor", "ceil", "bmod"):
        return library.number(exact_part(node, at))
    values = [approximate(argument, at, library) for argument in node.arguments]
    kind, first = node.kind, values[0]
    if kind == "+":
        return sum(values[1:], first)
    if kind == "neg":
        return -first + 0  # -1 - 0j would be on the other side of the branch cut
    if kind == "*":
        return first * values[1]
    if kind == "/":
        return first / values[1]
    if kind == "abs":
        return library.number(Fraction(1)) * abs(first)
    if kind in ("^", "root"):
        return _raised(first, values[1] if kind == "^" else 1 / values[1], at, library, kind == "root")
    if kind in ("log", "ln"):
        at.branched |= _leaves_reals(first)
        # log means the natural logarithm, as in sympy and in the answers of MATH that write it
        return library.log(first) / library.log(values[1]) if len(values) > 1 else library.log(first)
    if kind in _RECIPROCALS:
        return 1 / getattr(library, _RECIPROCALS[kind])(first)
    if kind == "arccot":
        return library.atan(1 / first)
    if kind in _LIBRARY:
        at.branched |= kind.startswith("a")
        return getattr(library, _LIBRARY[kind])(first)
    raise Undefined


def exact_part(node: Node, at: Point) -> Fraction:
    try:
        return exact(node, at)
    except NotRational as error:
        raise Undefined from error


def _raised(base: Any, exponent: Any, at: Point, library: Any, is_root: bool) -> Any:
    if abs(exponent) > 10_000 or (abs(base) > 0 and abs(exponent) * abs(math.log(float(abs(base)))) > 600):
        raise Undefined
    whole = exponent.imag == 0 and exponent.real == round(float(exponent.real))
    if not whole and _leaves_reals(base):
        odd = is_root and round(float((1 / exponent).real)) % 2
        if odd and base.imag == 0:  # the real root, as \\sqrt[3]{-8} is -2
            return -((-base) ** exponent)
        at.branched = True
    return base ** int(exponent.real) if whole else base**exponent


def _leaves_reals(value: Any) -> bool:
    return bool(value.imag != 0 or value.real < 0)
