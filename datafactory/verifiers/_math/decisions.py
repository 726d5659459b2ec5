"""Decisions that may be undecided: True, False, or None; and how two expressions are decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from datafactory.verifiers._math.form import Value

Leaf = Callable[[Value, Value], bool | None]


def every(decisions: Iterable[bool | None]) -> bool | None:
    """False when one is false, else None when one is undecided, else True."""
    result: bool | None = True
    for decision in decisions:
        if decision is False:
            return False
        if decision is None:
            result = None
    return result


def some(decisions: Iterable[bool | None]) -> bool | None:
    result: bool | None = False
    for decision in decisions:
        if decision:
            return True
        if decision is None:
            result = None
    return result
