"""Mapping: a row of someone's source under the project's column names; what is not mapped stays in `meta` as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field

from datafactory.chat import THINK, conversation, split_thinking
from datafactory.config import Base
from datafactory.errors import StageError
from datafactory.keys import Keys, short
from datafactory.options import Options, gold, options
from datafactory.shapes import COLUMNS as SHAPES
from datafactory.shapes import Exchange, Name, exchanges, fitting
from datafactory.sources import Row
from datafactory.types import Message, problem_id

OWN = ("domain", "source", "license", "category")


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


@dataclass(frozen=True)
class Found:
    """A row under the project's names, and the place in the source it is from.

    reason says in a few words why it cannot be used, detail where; None and "" where it can.
    """

    place: str
    row: Row
    reason: str | None = None
    detail: str = ""


def shape_of(config: Columns, columns: Iterable[str]) -> Name | None:
    """The shape that is named, or that the source's columns have where the settings name none of them.

    None where the question stands in a column of its own. Raises ValueError where several shapes fit.
    """
    have = set(columns)
    if config.shape is not None:
        return config.shape
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
    for what in ("question", "response", "history"):
        if what in config.model_fields_set and getattr(config, what) is not None:
            reads[what] = getattr(config, what)
    return reads


def finished(config: Columns, shape: Name | None) -> bool:
    """Whether the rows are finished answers, not problems."""
    return shape is not None or config.response is not None


def mapped(config: Columns, shape: Name | None, place: str, row: Row, origin: str) -> Iterator[Found]:
    """A row of the source under the project's column names; of `generations` one for each answer."""
    if shape is None:
        exchange, taken = _columns(config, place, row)
        yield _found(config, None, place, row, exchange, taken, origin)
        return
    reads = reads_of(config, shape)
    thought = _text(row.get(config.reasoning)) if config.reasoning else None
    taken = {*reads.values(), "system", config.reasoning}
    for at, exchange in enumerate(exchanges(shape, reads, row), 1):
        here = f"{place}, answer {at}" if shape == "generations" else place
        each = exchange if thought is None else replace(exchange, reasoning=thought)
        yield _found(config, shape, here, row, each, taken, origin)


def _found(
    config: Columns, shape: Name | None, place: str, row: Row, exchange: Exchange, taken: set[str | None], origin: str
) -> Found:
    choices = _choices(config, place, row)
    gold_in = [name for name in ("answer", "solution")[: 2 if shape == "generations" else 1] if name in row]
    answer = config.answer or (gold_in[0] if gold_in else None)
    taken = {*taken, answer, config.tests}
    taken |= set(config.choices) if isinstance(config.choices, tuple) else {config.choices}
    made: Row = {
        "question": exchange.question,
        "answer": _text(gold(row.get(answer), choices)) if answer else None,
        "choices": _json(choices.texts) if choices else None,
        "tests": _json(row.get(config.tests)) if config.tests else None,
        "history": _json(list(exchange.history)) if exchange.history else None,
    }
    for key in OWN:
        given = getattr(config, key)
        if key == "category" and given is None:
            continue
        column = given.column if isinstance(given, Column) else None if given else key
        taken.add(column)
        made[key] = given if isinstance(given, str) else _text(row.get(column or ""))
    made["source"] = made["source"] or origin
    # of a row that cannot be used nothing is lost: all that it held stays
    rest = (
        row
        if exchange.odd or not (exchange.question or "").strip()
        else {key: value for key, value in row.items() if key not in taken}
    )
    made["meta"] = json.dumps(rest, ensure_ascii=False, sort_keys=True, default=str)
    asked = made["question"] or ""
    reason = exchange.odd or (None if asked.strip() else "no question")
    # rows without a question are no rollouts of one problem
    asked = asked if asked.strip() else made["meta"]
    made["problem_id"] = problem_id(asked, made["answer"], made["tests"], made["choices"], made["history"])
    if finished(config, shape):
        made |= {
            "response": exchange.response,
            "reasoning": exchange.reasoning,
            "finish_reason": exchange.finish_reason,
        }
    return Found(place, made, reason, exchange.detail)


def _columns(config: Columns, place: str, row: Row) -> tuple[Exchange, set[str | None]]:
    """What stands in the columns that the settings name, and which of them need not be kept beside it."""
    history, asked, more = _history(config, place, row)
    if config.question not in row and asked is None:
        raise StageError(f"{place}: no column '{config.question}'; it has: {', '.join(row)}")
    response = _text(row.get(config.response)) if config.response else None
    reasoning = _text(row.get(config.reasoning)) if config.reasoning else None
    if reasoning is None and response is not None and response.lstrip().startswith(THINK[0]):
        split = split_thinking(response)
        reasoning, response = split.reasoning, split.response
    question = _text(row[config.question]) if asked is None else asked
    taken = {config.question, config.response, config.reasoning, None if more else config.history}
    return Exchange(question, response, reasoning, tuple(history)), taken


def _history(config: Columns, place: str, row: Row) -> tuple[list[Message], str | None, bool]:
    """The turns before the question, the question where it is one of the turns, and whether more was said."""
    if config.history is None or row.get(config.history) is None:
        return [], None, False
    try:
        turns = conversation(row[config.history])
    except ValueError as error:
        raise StageError(f"{place}: the column '{config.history}': {error}") from error
    asked, more = None, False
    if config.question not in row:
        at = max((at for at, turn in enumerate(turns) if turn["role"] == "user"), default=None)
        if at is None:
            raise StageError(f"{place}: the column '{config.history}' has no turn of the user, and so no question")
        asked, more, turns = turns[at]["content"], at + 1 < len(turns), turns[:at]
    elif turns and turns[-1] == {"role": "user", "content": row[config.question]}:
        turns = turns[:-1]  # the question, said twice
    elif turns and turns[-1]["role"] == "user":
        raise StageError(
            f"{place}: the column '{config.history}' ends with a user's turn that is not the question; "
            "where it is, let `question` name no column that is there"
        )
    return turns, asked, more


def _choices(config: Columns, place: str, row: Row) -> Options | None:
    if config.choices is None:
        return None
    if isinstance(config.choices, tuple):
        texts = [row.get(name) for name in config.choices]
        return options([text for text in texts if text is not None])
    given = row.get(config.choices)
    found = options(given)
    if found is None and given is not None:
        raise StageError(
            f"{place}: the column '{config.choices}' should hold a list of options, {{A: text, ...}} or "
            f"{{label: [...], text: [...]}}, not {str(given)[:200]!r}"
        )
    return found


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict | bool) else str(value)


def _json(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def unfit(found: Found, seen: Keys) -> str | None:
    """Why a row cannot be used; None where it can, and is then seen."""
    row = found.row
    if found.reason:
        return found.reason
    identity = row["problem_id"]
    if "response" in row:
        thought = row.get("reasoning") or ""
        identity = f"{identity} {len(thought)} {thought}{row['response']}"
    if not seen.add(short(identity)):
        return "duplicate"
    if "response" in row and not (row["response"] or "").strip():
        return "no response"
    return None
