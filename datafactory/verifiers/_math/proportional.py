"""Whether one equation or inequality is another times a number: 2x = 4 and x = 2.

In   two Relations with two sides each
Out  the number; zero where it is certain that there is none, None where that is undecided
"""

from __future__ import annotations

from fractions import Fraction

from datafactory.verifiers._math.exact import NotRational, Point, Undefined, exact
from datafactory.verifiers._math.form import Relation, Value
from datafactory.verifiers._math.tree import Node, has, symbols


def factor(gold: Relation, given: Relation) -> Fraction | None:
    """What the difference of the sides of one is multiplied by to give the other's, where that is one number.

    Zero where it is certain that there is no such number: for polynomials, one of which may be the other's square."""
    zeros = []
    for form in (gold, given):
        left, right = form.sides
        if not isinstance(left, Value) or not isinstance(right, Value) or left.node is None or right.node is None:
            return None
        zeros.append(Node("+", arguments=(left.node, Node("neg", arguments=(right.node,)))))
    if not symbols(zeros[0]) or has(zeros[0], "pm"):
        return None
    try:
        points = [Point(number) for number in range(3)]
        factors = {exact(zeros[1], point) / exact(zeros[0], point) for point in points}
    except (NotRational, Undefined, ZeroDivisionError):
        return None
    if len(factors) == 1 and 0 not in factors:
        return factors.pop()
    return Fraction(0) if all(map(_is_polynomial, zeros)) else None


def _is_polynomial(node: Node) -> bool:
    if node.kind in ("number", "symbol"):
        return True
    if node.kind in ("/", "^"):
        of, by = node.arguments
        return by.kind == "number" and (node.kind == "/" or by.value.denominator == 1) and _is_polynomial(of)  # type: ignore[union-attr]
    return node.kind in ("+", "*", "neg") and all(map(_is_polynomial, node.arguments))
