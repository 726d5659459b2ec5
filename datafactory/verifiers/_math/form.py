"""The forms of an answer: a value, words, a list, a tuple or interval, a matrix, a relation, a ratio, sets combined."""

from __future__ import annotations

from dataclasses import dataclass

from datafactory.verifiers._math.tree import Node


@dataclass(frozen=True)
class Value:
    r"""A number or an expression. unit: the name of its unit; base: of its digits; percent: whether a % follows it.

    label: other words after it, as in 7 apples."""

    text: str
    node: Node | None = None
    unit: str = ""
    percent: bool = False
    base: str = ""
    label: str = ""


@dataclass(frozen=True)
class Words:
    text: str


@dataclass(frozen=True)
class Several:
    r"""Items in brackets: () [] (] [) as they stand, {} for a set, "" for none; joined: "and", "or" or ",".

    Three more kinds of brackets: "cases" holds pairs, each "pair" a value and its condition; "builder" holds what
    stands before and after the colon of a set."""

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
    """3:4; clock: hours, minutes, seconds and "a", "p" or "" where it may be a time of day, as 8:34 p.m. is."""

    items: tuple[Form, ...]
    clock: tuple[int, int, int, str] | None = None


@dataclass(frozen=True)
class Residue:
    r"""x \equiv 3 \pmod 7."""

    name: str
    value: Form
    modulus: Form


@dataclass(frozen=True)
class Labelled:
    """Words before a value: A wins with probability 1/2."""

    lead: str
    form: Form


@dataclass(frozen=True)
class Combined:
    r"""Sets combined by "\cup", "\cap" or "\setminus"."""

    sign: str
    items: tuple[Form, ...]


Form = Value | Words | Several | Matrix | Relation | Ratio | Combined | Residue | Labelled


_SETS = (*(rf"\mathbb{{{name}}}" for name in "RZNQC"), r"\emptyset")


def readable(form: Form) -> bool:
    """Whether a form holds no text that stands for nothing known."""
    if isinstance(form, Value):
        return form.node is not None or bool(form.base) or form.text in _SETS
    if isinstance(form, Matrix):
        return all(readable(cell) for row in form.rows for cell in row)
    if isinstance(form, Relation):
        return any(readable(side) for side in form.sides)
    if isinstance(form, Residue):
        return readable(form.value) and readable(form.modulus)
    if isinstance(form, Labelled):
        return readable(form.form)
    return not isinstance(form, Several | Ratio | Combined) or all(readable(item) for item in form.items)
