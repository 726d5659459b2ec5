r"""Whether two quantities are the same: numbers with units, percent, degrees, bases; times of day; what is rounded.

In   two Values, or two times; how to compare two expressions
Out  True, False, or None where the expressions are undecided
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from datafactory.verifiers._math import units
from datafactory.verifiers._math.approximate import FLOATS, approximate
from datafactory.verifiers._math.decisions import Leaf, some
from datafactory.verifiers._math.exact import Point, Undefined
from datafactory.verifiers._math.expression import DEGREE
from datafactory.verifiers._math.form import Form, Value
from datafactory.verifiers._math.tree import Node, has, symbols

Clock = tuple[int, int, int, str]
_HUNDREDTH = Node("number", Fraction(1, 100), "1/100")


def same_quantity(gold: Value, given: Value, leaf: Leaf) -> bool | None:
    """Units count where both name one; 50% is 0.5 as well as 50; 101_2 is 101, since the question names the base."""
    if gold.node is not None and given.node is not None and symbols(given.node) and not symbols(gold.node):
        return False  # a number is asked for, not what comes to it
    if units.contradict(_quantity(gold), _quantity(given)):
        return False
    number_sets = [form.text for form in (gold, given) if form.text.startswith(r"\mathbb{")]
    if number_sets:
        return gold.text == given.text
    if "degree" in (gold.unit, given.unit) and gold.unit != given.unit and (turned := _in_radians(gold, given)):
        return some([leaf(gold, given), leaf(*turned)])
    if gold.base or given.base:
        if gold.base and given.base and gold.base != given.base:
            return _in_base(gold) == _in_base(given) if _in_base(gold) is not None else None
        return gold.text.upper() == given.text.upper()
    if gold.percent == given.percent:
        return leaf(gold, given)
    return some([leaf(gold, given), leaf(_as_share(gold), _as_share(given))])


def same_time(gold: Clock, given: Clock) -> bool:
    """8:34 p.m. is 8:34 and 20:34, and not 8:34 a.m."""
    if gold[3] and given[3]:
        return (gold[0] % 12, *gold[1:]) == (given[0] % 12, *given[1:])
    named, bare = (gold, given) if gold[3] else (given, gold)
    hours = {named[0]} | ({named[0] % 12 + 12 * (named[3] == "p")} if named[3] else set())
    return bare[0] in hours and bare[1:3] == named[1:3]


def rounds(exactly: Form, roughly: Form) -> bool:
    """Whether a decimal may be what a value is rounded to: within two units of its last place."""
    if not isinstance(exactly, Value) or not isinstance(roughly, Value) or exactly.node is None or roughly.node is None:
        return True
    if symbols(exactly.node) or symbols(roughly.node):
        return True
    places = len(roughly.node.name.partition(".")[2])
    try:
        values = [complex(approximate(node, Point(0), FLOATS)) for node in (exactly.node, roughly.node)]
    except (Undefined, ArithmeticError, ValueError):
        return True
    return abs(values[0] - values[1]) <= max(2 * 10.0**-places, 0.01 * abs(values[0]))


def _quantity(value: Value) -> units.Quantity:
    return units.Quantity(value.text, value.unit, value.label)


def _in_radians(*values: Value) -> list[Value] | None:
    r"""Degrees as radians, where the other angle is in them: 30 degrees and \pi/6."""
    radians = next(value for value in values if value.unit != "degree")
    if radians.node is None or not _is_radian(radians.node):
        return None
    return [
        replace(v, node=Node("*", arguments=(v.node, DEGREE)), text=f"({v.text})*\\pi/180")
        if v.unit == "degree" and v.node is not None
        else v
        for v in values
    ]


def _is_radian(node: Node) -> bool:
    arc = has(node, "arcsin", "arccos", "arctan", "arccot", "arcsec", "arccsc")
    return arc or node.name == r"\pi" or any(_is_radian(argument) for argument in node.arguments)


def _in_base(value: Value) -> int | None:
    try:
        return int(value.text, int(value.base))
    except ValueError:
        return None


def _as_share(value: Value) -> Value:
    if not value.percent or value.node is None:
        return value
    return replace(value, node=Node("*", arguments=(value.node, _HUNDREDTH)), text=f"({value.text})/100", percent=False)
