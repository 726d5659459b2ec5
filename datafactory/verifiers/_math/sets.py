r"""Sets of real numbers as intervals: 1 <= x < 2 is [1, 2), x \ne 0 is (-\infty, 0) \cup (0, \infty).

In   a Form
Out  its intervals from left to right, none of which touch; None where it is no such set, or its ends are not numbers
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from datafactory.verifiers._math.approximate import FLOATS, approximate
from datafactory.verifiers._math.exact import Point, Undefined
from datafactory.verifiers._math.form import Combined, Form, Relation, Several, Value
from datafactory.verifiers._math.tree import Node, symbols

_INFINITY = Node("symbol", name=r"\infty")
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!=", "=": "="}


@dataclass(frozen=True)
class Interval:
    """at: the ends as floats, by which intervals are put in order; ends: what they are."""

    at: tuple[float, float]
    ends: tuple[Node, Node]
    closed: tuple[bool, bool]


Intervals = tuple[Interval, ...]


def is_set(form: Form) -> bool:
    """Whether a form can only be read as a set of real numbers: (1, 2) alone may be a point."""
    if isinstance(form, Relation):
        return form.signs[0] not in ("=", "~")
    if isinstance(form, Several):
        if form.brackets in ("cases", "pair", "builder"):
            return False
        infinite = any(isinstance(item, Value) and r"\infty" in item.text for item in form.items)
        if form.brackets == "":
            return all(is_set(item) for item in form.items)
        return form.brackets in ("(]", "[)") or (infinite and len(form.items) == 2 and form.brackets != "{}")
    return isinstance(form, Combined) or (isinstance(form, Value) and form.text in (r"\mathbb{R}", r"\emptyset"))


def intervals(form: Form) -> Intervals | None:
    found = _intervals(form)
    return None if found is None else _merged(found)


def _intervals(form: Form) -> Intervals | None:
    if isinstance(form, Value):
        known: dict[str, Intervals] = {r"\mathbb{R}": (_REALS,), r"\emptyset": ()}
        return known.get(form.text)
    if isinstance(form, Relation):
        return _of_relation(form)
    if isinstance(form, Combined):
        parts = [_intervals(item) for item in form.items]
        return _combined(form.sign, parts)
    if not isinstance(form, Several):
        return None
    if form.brackets == "":
        parts = [_intervals(item) for item in form.items]
        if form.joined == ",":  # x < 4, x != 2 holds for both, as x > 2, x < 5; x < 1, x > 2 for either
            both = any(isinstance(item, Relation) and item.signs == ("!=",) for item in form.items)
            either = None if both else _combined(r"\cup", parts)
            return (
                _combined(r"\cap", parts) if both or (either is not None and _merged(either) == (_REALS,)) else either
            )
        return _combined(r"\cup" if form.joined == "or" else r"\cap", parts)
    if form.brackets in ("cases", "pair", "builder"):
        return None
    if form.brackets == "{}":
        points = [_end(item) for item in form.items]
        return None if None in points else tuple(_point(*point) for point in points if point is not None)
    if len(form.items) != 2:
        return None
    low, high = (_end(item) for item in form.items)
    if low is None or high is None or low[0] > high[0]:
        return None
    return (Interval((low[0], high[0]), (low[1], high[1]), (form.brackets[0] == "[", form.brackets[1] == "]")),)


def _of_relation(form: Relation) -> Intervals | None:
    """Bounds on one unknown, as x > 1, 1 < x <= 2 and |x - 1| > 2 are."""
    unknown = [n for n, side in enumerate(form.sides) if _is_unknown(side) or _is_distance(side)]
    if len(unknown) != 1 or not set(form.signs) <= set(_FLIPPED) or len(form.sides) > 3:
        return None
    at = unknown[0]
    found: Intervals = (_REALS,)
    for n, side in enumerate(form.sides):
        if n == at:
            continue
        if abs(n - at) != 1:
            return None
        end = _end(side)
        if end is None:
            return None
        sign = form.signs[at] if n > at else _FLIPPED[form.signs[n]]
        bound = _bound(sign, *end) if _is_unknown(form.sides[at]) else _apart(form.sides[at], sign, *end)
        if bound is None:
            return None
        found = _both(found, bound)
    return found


def _is_distance(side: Form) -> bool:
    return isinstance(side, Value) and side.node is not None and side.node.kind == "abs" and bool(symbols(side.node))


def _apart(side: Form, sign: str, at: float, end: Node) -> Intervals | None:
    """Where |x - a| is as the sign says."""
    centre = _centre(side.node.arguments[0]) if isinstance(side, Value) and side.node else None
    if centre is None or at < 0 or sign not in ("<", "<=", ">", ">="):
        return None
    low, high = (_end(Value("", Node("+", arguments=(centre, far)))) for far in (_negative(end), end))
    if low is None or high is None:
        return None
    closed = sign in ("<=", ">")
    inner = Interval((low[0], high[0]), (low[1], high[1]), (closed, closed))
    return (inner,) if sign in ("<", "<=") else _outside((inner,))


def _centre(node: Node) -> Node | None:
    """a of x - a."""
    if node.kind == "symbol" and symbols(node):
        return Node("number", Fraction(0), "0")
    if node.kind == "+" and len(node.arguments) == 2 and node.arguments[0].kind == "symbol":
        return None if symbols(node.arguments[1]) else _negative(node.arguments[1])
    return None


def _bound(sign: str, at: float, end: Node) -> Intervals:
    below = Interval((-math.inf, at), (_negative(_INFINITY), end), (False, sign == "<="))
    above = Interval((at, math.inf), (end, _INFINITY), (sign == ">=", False))
    if sign == "=":
        return (_point(at, end),)
    return (below, above) if sign == "!=" else (below,) if sign in ("<", "<=") else (above,)


def _is_unknown(side: Form) -> bool:
    if not isinstance(side, Value) or side.node is None:
        return False
    kind, arguments = side.node.kind, side.node.arguments
    function = kind == "*" and len(arguments) == 2 and all(a.kind == "symbol" for a in arguments)  # f(x)
    return bool(symbols(side.node)) and (kind == "symbol" or function) and r"\infty" not in side.text


def _end(form: Form) -> tuple[float, Node] | None:
    if not isinstance(form, Value) or form.node is None:
        return None
    if form.node == _INFINITY:
        return math.inf, form.node
    if form.node == _negative(_INFINITY):
        return -math.inf, form.node
    if symbols(form.node):
        return None
    try:
        value = complex(approximate(form.node, Point(0), FLOATS))
    except (Undefined, ArithmeticError, ValueError):
        return None
    return None if value.imag else (value.real, form.node)


def _negative(node: Node) -> Node:
    return Node("neg", arguments=(node,))


def _point(at: float, end: Node) -> Interval:
    return Interval((at, at), (end, end), (True, True))


_REALS = Interval((-math.inf, math.inf), (_negative(_INFINITY), _INFINITY), (False, False))


def _combined(sign: str, parts: list[Intervals | None]) -> Intervals | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    result = known[0]
    for part in known[1:]:
        if sign == r"\cup":
            result = _merged(result + part)
        else:
            result = _both(result, part if sign == r"\cap" else _outside(part))
    return result


def _both(one: Intervals, other: Intervals) -> Intervals:
    found = []
    for a in one:
        for b in other:
            low = max((a.at[0], not a.closed[0], a.ends[0]), (b.at[0], not b.closed[0], b.ends[0]), key=lambda e: e[:2])
            high = min((a.at[1], a.closed[1], a.ends[1]), (b.at[1], b.closed[1], b.ends[1]), key=lambda e: e[:2])
            closed = (not low[1], high[1])
            if low[0] < high[0] or (low[0] == high[0] and all(closed)):
                found.append(Interval((low[0], high[0]), (low[2], high[2]), closed))
    return tuple(found)


def _outside(part: Intervals) -> Intervals:
    result: Intervals = (_REALS,)
    for each in part:
        below = Interval((-math.inf, each.at[0]), (_negative(_INFINITY), each.ends[0]), (False, not each.closed[0]))
        above = Interval((each.at[1], math.inf), (each.ends[1], _INFINITY), (not each.closed[1], False))
        result = _both(result, tuple(side for side in (below, above) if side.at[0] < side.at[1]))
    return result


def _merged(parts: Intervals) -> Intervals:
    """In order, and one interval where two overlap or touch."""
    merged: list[Interval] = []
    for part in sorted(parts, key=lambda p: (p.at[0], not p.closed[0])):
        last = merged[-1] if merged else None
        if last and (part.at[0] < last.at[1] or (part.at[0] == last.at[1] and (part.closed[0] or last.closed[1]))):
            high = max(
                (last.at[1], last.closed[1], last.ends[1]),
                (part.at[1], part.closed[1], part.ends[1]),
                key=lambda e: e[:2],
            )
            merged[-1] = Interval((last.at[0], high[0]), (last.ends[0], high[2]), (last.closed[0], high[1]))
        else:
            merged.append(part)
    return tuple(merged)
