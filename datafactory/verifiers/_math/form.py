"""The forms of an answer: a value, words, a list, a tuple or interval, a matrix, a relation, a ratio, sets combined."""

from __future__ import annotations

from dataclasses import dataclass

from datafactory.verifiers._math.tree import Node


@dataclass(frozen=True)
class Value:
    r"""A number or an expression. unit: the name of its unit; base: of its digits; percent: whether a % follows it."""

    text: str
    node: Node | None = None
    unit: str = ""
    percent: bool = False
    base: str = ""


@dataclass(frozen=True)
class Words:
    text: str


@dataclass(frozen=True)
class Several:
    r"""Items in brackets: () [] (] [) as they stand, {} for a set, "" for none; joined: "and", "or" or ","."""

    brackets: str
    items: tuple[Form, ...]
    joined: str = ","


@dataclass(frozen=True)
class Matrix:
    rows: tuple[tuple[Form, ...], ...]


@dataclass(frozen=True)
class Relation:
    """sides has one more than signs; texts are the sides as spelled."""

    signs: tuple[str, ...]
    sides: tuple[Form, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Ratio:
    items: tuple[Form, ...]


@dataclass(frozen=True)
class Combined:
    r"""Sets combined by "\cup", "\cap" or "\setminus"."""

    sign: str
    items: tuple[Form, ...]


Form = Value | Words | Several | Matrix | Relation | Ratio | Combined


def readable(form: Form) -> bool:
    """Whether a form holds no text that stands for nothing known."""
    if isinstance(form, Value):
        return form.node is not None or bool(form.base) or form.text in (r"\mathbb{R}", r"\emptyset")
    if isinstance(form, Matrix):
        return all(readable(cell) for row in form.rows for cell in row)
    if isinstance(form, Relation):
        return any(readable(side) for side in form.sides)
    return not isinstance(form, Several | Ratio | Combined) or all(readable(item) for item in form.items)
