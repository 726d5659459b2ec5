"""Columns: which column of someone's source is which of ours, and by which shape its rows are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field

from datafactory.config import Base
from datafactory.shapes import COLUMNS as SHAPES
from datafactory.shapes import OPTIONAL, Name, fitting

OWN = ("domain", "source", "license", "category", "label")
GIVEN = ("category", "label")  # of these, those that are columns only where they are given


class Column(Base):
    """A value that stands in a column of the source, row by row."""

    column: str


class Columns(Base):
    """Which column of the source is which of ours."""

    shape: Name | None = None
    """The form of a fine-tuning set: its rows are finished answers. Where no column is named here and there is none
    called as `question` says, the columns tell it; docs/load.md shows each."""
    messages: str | None = None
    """The column that holds a whole conversation, the answer as its last turn; `messages` or `conversations` by itself
    where the shape says so."""
    question: str = "question"
    """The column that holds the question."""
    answer: str | None = None
    """The column that holds the gold answer; `answer` where there is one."""
    response: str | None = None
    """The column that holds a finished response: the rows are then completions already, not problems."""
    chosen: str | None = None
    """The column that holds the better of two answers, or the conversation that ends with it: the rows are then pairs,
    of the shape `preferences`; `chosen` where the shape says so."""
    rejected: str | None = None
    """The column that holds the worse one; `rejected` where the shape says so."""
    reasoning: str | None = None
    """The column that holds the thinking before that response."""
    choices: str | Annotated[tuple[str, ...], Field(min_length=2)] | None = None
    """The column that holds the options of a multiple-choice question: a list, {A: text, ...} or ARC's {label, text};
    or a list of the columns that hold one each, as [A, B, C, D]."""
    tests: str | None = None
    """The column that holds what a code verifier runs."""
    history: str | None = None
    """The column that holds the conversation so far, a list of {role, content}, which is put before the question. Its
    last user's turn is the question, where `question` names no column that is there; what was said after it is left
    out of the history, and the whole column then stays in `meta`."""
    domain: str | Column | None = None
    """A word for all rows, or {column: name}; the column `domain` where there is one."""
    source: str | Column | None = None
    """Where the rows are from; by default the file's, dataset's or generator's name."""
    license: str | Column | None = None
    """A word for all rows, or {column: name}; the column `license` where there is one."""
    category: str | Column | None = None
    """What a row is about, finer than its domain: a word for all rows, or {column: name}. It becomes a column where it
    is given."""
    label: str | Column | None = None
    """What was said of a finished answer, as safe or unsafe: a word for all rows, or {column: name}. It becomes a
    column of text where it is given."""


def shape_of(config: Columns, columns: Iterable[str]) -> Name | None:
    """The shape that is named, or that the source's columns have where the settings name none of them.

    None where the question stands in a column of its own. Raises ValueError where several shapes fit.
    """
    have = set(columns)
    if config.shape is not None:
        return config.shape
    if config.chosen is not None or config.rejected is not None:
        return "preferences"
    if config.messages is not None:
        return "messages"
    if config.model_fields_set & {"question", "response", "reasoning", "history"} or config.question in have:
        return None
    found = fitting(have)
    if len(found) > 1:
        raise ValueError(f"the columns fit the shapes {' and '.join(found)}; name the one that is meant")
    return found[0] if found else None


def reads_of(config: Columns, shape: Name) -> dict[str, str]:
    """Which column holds what of a shape: the shape's own, or what the settings say instead."""
    reads = dict(SHAPES[shape])
    if config.messages is not None:
        reads["turns"] = config.messages
    for what in ("question", "response", "history", "chosen", "rejected"):
        if what in config.model_fields_set and getattr(config, what) is not None:
            reads[what] = getattr(config, what)
    return reads


def finished(config: Columns, shape: Name | None) -> bool:
    """Whether the rows are finished answers, not problems."""
    return shape not in (None, "preferences") or config.response is not None


def named_columns(config: Columns, shape: Name | None) -> Iterator[tuple[str, str]]:
    """The columns that have to be there, each with the setting that says so."""
    keys = ["question", "answer", "response", "reasoning", "choices", "tests", "history"]
    if shape is not None:
        for what, name in reads_of(config, shape).items():
            setting = (
                "messages"
                if what == "turns" and config.messages
                else what
                if what in config.model_fields_set
                else "shape"
            )
            if what not in OPTIONAL or setting == what:
                yield setting, name
        keys = ["answer", "reasoning", "choices", "tests"]
    for key in keys:
        if key == "question" and config.history is not None and "question" not in config.model_fields_set:
            continue  # the last turn of the conversation
        value = getattr(config, key)
        yield from ((key, name) for name in (value if isinstance(value, tuple) else (value,)) if name is not None)
