"""Mapping: a row of someone's source under the project's column names; what is not mapped stays in `meta` as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from datafactory.chat import THINK, conversation, split_thinking
from datafactory.columns import GIVEN, OWN, Column, Columns, finished, reads_of
from datafactory.errors import StageError
from datafactory.keys import Keys, short
from datafactory.options import Options, gold, options
from datafactory.preferences import preference, reads_in
from datafactory.shapes import Exchange, Name, exchanges
from datafactory.sources import Row
from datafactory.types import Message, problem_id


@dataclass(frozen=True)
class Found:
    """A row under the project's names, and the place in the source it is from.

    reason says in a few words why it cannot be used, detail where; None and "" where it can.
    """

    place: str
    row: Row
    reason: str | None = None
    detail: str = ""


def mapped(config: Columns, shape: Name | None, place: str, row: Row, origin: str) -> Iterator[Found]:
    """A row of the source under the project's column names; of `generations` one for each answer."""
    if shape is None:
        exchange, taken = _columns(config, place, row)
        yield _found(config, None, place, row, exchange, taken, origin)
        return
    reads = reads_of(config, shape)
    if shape == "preferences":
        reads = reads_in(reads, row)
        exchange, pair = preference(reads, row)
        found = _found(config, shape, place, row, exchange, {*reads.values(), "system"}, origin)
        yield replace(found, row={**found.row, **pair})
        return
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
        if key in GIVEN and given is None:
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
    if "chosen" in row:
        identity = json.dumps([identity, row["chosen"], row["rejected"]])
    if not seen.add(short(identity)):
        return "duplicate"
    if "response" in row and not (row["response"] or "").strip():
        return "no response"
    return None
