"""The tree of an expression, and what can be asked of it without computing."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple


class Unreadable(Exception):
    """The text is no expression that is known here: algebra systems may read it."""


class Node(NamedTuple):
    """kind: number, symbol, or what is done to the arguments: + * / ^ neg ! root abs binom pm ... or a function."""

    kind: str
    value: Fraction | None = None
    name: str = ""
    arguments: tuple[Node, ...] = ()


@lru_cache(maxsize=4096)
def symbols(node: Node) -> frozenset[str]:
    """The symbols that stand for anything, which e, i and pi do not."""
    if node.kind == "symbol":
        return frozenset() if node.name in ("e", "i", r"\pi") else frozenset([node.name])
    return frozenset().union(*map(symbols, node.arguments))


def has(node: Node, *kinds: str) -> bool:
    return node.kind in kinds or any(has(argument, *kinds) for argument in node.arguments)


def is_decimal(node: Node) -> bool:
    return "." in node.name if node.kind == "number" else any(map(is_decimal, node.arguments))


TEN = Node("number", Fraction(10), "10")


def in_tens(node: Node) -> Node:
    """The expression with every log that names no base to the base of ten."""
    arguments = tuple(in_tens(argument) for argument in node.arguments)
    return node._replace(arguments=(*arguments, TEN) if node.kind == "log" and len(arguments) == 1 else arguments)
