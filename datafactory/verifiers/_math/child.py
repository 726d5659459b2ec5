"""What the math verifier runs behind the process boundary: the only file that imports mpmath, math-verify and sympy.

In   a gold answer and an answer, each as it was isolated
Out  {"gold": whether the gold answer can be read, "equal": the decision}
Use  expressions that are equal in floating point are compared to DIGITS digits; what is no expression to
     expression is read by math-verify
"""

from __future__ import annotations

import logging
import re
from fractions import Fraction
from typing import Any

import math_verify
import mpmath
from sympy import Basic, Expr, MatrixBase, Symbol
from sympy.core.function import AppliedUndef

from datafactory import answers
from datafactory.verifiers._math.approximate import approximate
from datafactory.verifiers._math.exact import Point, Undefined
from datafactory.verifiers._math.form import Form, Value, Words, readable
from datafactory.verifiers._math.reading import read
from datafactory.verifiers._math.same import same_answer
from datafactory.verifiers._math.spelling import spelled
from datafactory.verifiers._math.tree import Node, has, in_tens, symbols
from datafactory.verifiers._math.value import POINTS, same_value

logging.getLogger("math_verify").setLevel(logging.ERROR)  # says once per process that its timeouts are off

DIGITS = 60
# what math-verify reads a part of, and compares that: congruences, cases, quantifiers, bounds, words
_NOT_WHOLE = re.compile(
    r"\\(?:equiv|p?mod|forall|exists|nexists|Rightarrow|Leftrightarrow|implies|iff|to|subset|supset|notin|text|ldots|triangle"
    r"|angle|parallel|perp|mathbb|cup|cap|setminus|in|ne|le|ge|approx|sim|begin\{(?![a-zA-Z]?matrix))(?![a-zA-Z])"
    r"|\\\{|[<>:;~]|\.\.\."
)
_LIMIT = re.compile(r"\\lim\s*_\s*\{[^{}]*\}")
_BARE_PERCENT = re.compile(r"(?<!\\)%")


def compare(gold: str, given: str) -> dict[str, Any]:
    decided = same_answer(gold, given, _same_leaf)
    if decided is not None:
        return {"gold": True, "equal": decided}
    # the process is the boundary: math-verify's own timeouts need the main thread and do not always work
    expected, got = _read(gold), _read(given)
    return {
        "gold": bool(expected) or _is_known(read(gold)),
        "equal": bool(expected and got) and _verified(expected, got),
    }


def _is_known(gold: Form) -> bool:
    """Whether a gold answer is read, and no sentence that another one may say as well."""
    return readable(gold) and not isinstance(gold, Words)


def _same_leaf(gold: Value, given: Value) -> bool | None:
    if gold.node is not None and given.node is not None:
        decided = same_value(gold.node, given.node)
        if decided is not None:
            return decided
        return _same_to_many_digits(gold.node, given.node) or _same_to_many_digits(
            in_tens(gold.node), in_tens(given.node)
        )
    if not gold.text or not given.text:
        return None
    expected, got = _read(gold.text), _read(given.text)
    return _verified(expected, got) if expected and got else None


def _verified(expected: list[Any], got: list[Any]) -> bool:
    """math-verify's decision, but for numbers: it rounds to six places, where 2e-27 and 1e-27 are the same."""
    if not math_verify.verify(expected, got, timeout_seconds=None):
        return False
    a, b = expected[0], got[0]
    if not (isinstance(a, Expr) and isinstance(b, Expr) and a.is_number and b.is_number):
        return True
    one, other = (mpmath.mpmathify(value.evalf(30)) for value in (a, b))
    return bool(abs(one - other) <= 1e-6 * max(abs(one), abs(other)))


def _same_to_many_digits(one: Node, other: Node) -> bool | None:
    points = [Point(number) for number in range(POINTS if symbols(one) | symbols(other) else 1)]
    if has(one, "abs") or has(other, "abs"):
        points += [Point(number, -1) for number in range(POINTS)]
    compared = 0
    with mpmath.workdps(DIGITS):
        for point in points:
            try:
                a, b = approximate(one, point, _Precise), approximate(other, point, _Precise)
                if abs(a - b) > mpmath.mpf(10) ** (10 - DIGITS) * max(abs(a), abs(b), 1):
                    return None if point.branched and len(points) > 1 else False
            except (Undefined, ArithmeticError, ValueError):
                continue
            compared += 1
    return True if compared else None


class _Precise:
    pi, e, j = mpmath.mp.pi, mpmath.mp.e, mpmath.mpc(0, 1)
    log, exp, sqrt = mpmath.log, mpmath.exp, mpmath.sqrt
    sin, cos, tan, asin, acos, atan = mpmath.sin, mpmath.cos, mpmath.tan, mpmath.asin, mpmath.acos, mpmath.atan
    sinh, cosh, tanh, asinh = mpmath.sinh, mpmath.cosh, mpmath.tanh, mpmath.asinh
    acosh, atanh = mpmath.acosh, mpmath.atanh

    @staticmethod
    def number(value: Fraction) -> Any:
        return mpmath.mpf(value.numerator) / value.denominator


def _read(text: str) -> list[Any]:
    """The values that math-verify reads in a text, where it reads all: of what it does not know it takes a piece."""
    if isinstance(read(text), Words) or _NOT_WHOLE.search(_LIMIT.sub("", spelled(text))):
        return []
    text = _BARE_PERCENT.sub(r"\\%", answers.respelled(text))
    if "\\begin" not in text:
        text = text.replace("\\\\", "\\")  # \\frac, escaped once too often: no line ends outside an environment
    if not answers.has_math_mode(text):
        if "\\" not in text and not answers.is_formula(text):
            return []  # prose, of which math-verify would read a number
        text = f"${text.strip().rstrip('.')}$"
    parsed = math_verify.parse(text, parsing_timeout=None)
    values = [value for value in parsed if isinstance(value, Basic | MatrixBase)]
    return values if values and _symbols_in(text) <= _names_of(values[0]) else []


def _symbols_in(text: str) -> set[str]:
    """The letters that stand alone in a text, and are not those of a differential, e or i."""
    return set(re.findall(r"(?<![\\a-zA-Z])[a-zA-Z](?![a-zA-Z])", re.sub(r"\\[a-zA-Z]+", " ", text))) - set("dei")


def _names_of(value: Any) -> set[str]:
    return {str(atom)[0] for atom in value.atoms(Symbol, AppliedUndef)} | {
        str(atom.func)[0] for atom in value.atoms(AppliedUndef)
    }
