"""Mapping: a row of someone's source under the project's column names; what is not mapped stays in `meta` as JSON."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field

from datafactory.chat import conversation
from datafactory.config import Base
from datafactory.errors import StageError
from datafactory.keys import Keys, short
from datafactory.options import Options, gold, options
from datafactory.sources import Row
from datafactory.types import problem_id

OWN = ("domain", "source", "license")


class Column(Base):
    """A value that stands in a column of the source, row by row."""

    column: str


class Columns(Base):
    """Which column of the source is which of ours."""

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


def mapped(config: Columns, place: str, row: Row, origin: str) -> Row:
    """A row of the source under the project's column names."""
    history, asked, rest_of_it = _history(config, place, row)
    if config.question not in row and asked is None:
        raise StageError(f"{place}: no column '{config.question}'; it has: {', '.join(row)}")
    choices = _choices(config, place, row)
    answer = config.answer or ("answer" if "answer" in row else None)
    taken = {config.question, answer, config.response, config.reasoning, config.tests}
    taken |= set() if rest_of_it else {config.history}
    taken |= set(config.choices) if isinstance(config.choices, tuple) else {config.choices}
    made: Row = {
        "question": _text(row[config.question]) if asked is None else asked,
        "answer": _text(gold(row.get(answer), choices)) if answer else None,
        "choices": _json(choices.texts) if choices else None,
        "tests": _json(row.get(config.tests)) if config.tests else None,
    }
    for key in OWN:
        given = getattr(config, key)
        column = given.column if isinstance(given, Column) else None if given else key
        taken.add(column)
        made[key] = given if isinstance(given, str) else _text(row.get(column or ""))
    made["source"] = made["source"] or origin
    rest = {key: value for key, value in row.items() if key not in taken}
    if config.history:
        made["history"] = history
    made["problem_id"] = problem_id(made["question"] or "", made["answer"], made["tests"], made["choices"], history)
    made["meta"] = json.dumps(rest, ensure_ascii=False, sort_keys=True, default=str)
    if config.response:
        made |= {
            "rollout": 0,
            "response": _text(row.get(config.response)),
            "reasoning": _text(row.get(config.reasoning)) if config.reasoning else None,
            "finish_reason": "stop",
        }
    return made


def _history(config: Columns, place: str, row: Row) -> tuple[str | None, str | None, bool]:
    """The turns before the question as JSON, the question where it is one of the turns, and whether more was said."""
    if config.history is None or row.get(config.history) is None:
        return None, None, False
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
    return _json(turns) if turns else None, asked, more


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


def unfit(row: Row, seen: Keys) -> str | None:
    """Why a row cannot be used; None where it can, and is then seen."""
    if not (row["question"] or "").strip():
        return "no question"
    identity = row["problem_id"] + (
        problem_id(row.get("reasoning") or "", row["response"]) if "response" in row else ""
    )
    if not seen.add(short(identity)):
        return "duplicate"
    if "response" in row and not (row["response"] or "").strip():
        return "no response"
    return None
