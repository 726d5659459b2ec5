"""Foreign files: anyone's JSONL, Parquet or CSV read as rollouts, by the names that others give their columns.

In   a file, or the folder of a dataset; which column is which, where its name does not say so
Out  rows as they are read, and a table of them under the project's names: responses split from their thinking, and in
     `meta` every column that is not one of ours, since a problem's tests or names may stand there
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.chat import split_thinking
from datafactory.conversation import Odd, Turn, listed_in, turn_of
from datafactory.errors import UserError, did_you_mean
from datafactory.options import gold, options
from datafactory.shapes import COLUMNS as SHAPES
from datafactory.shapes import Exchange, exchange, exchanges, fitting
from datafactory.sources import Row, columns_of, rows_of, shards_at
from datafactory.tables import TYPES, clean, frame
from datafactory.types import COLUMNS, problem_id

# what others call the columns, in the order they are looked for
NAMES = {
    "question": ("question", "problem", "prompt", "instruction", "input"),
    "answer": ("answer", "gold", "expected_answer", "ground_truth", "solution"),
    "response": ("response", "completion", "generation", "output", "prediction", "text"),
    "reasoning": ("reasoning", "reasoning_content", "thinking", "deepseek_reasoning"),
}
TURNS = ("messages", "conversations")
SHAPE = "shape"  # under which a mapping says that its question and its response are those of a fine-tuning set
OTHERS = ("choices", "tests", "meta", "finish_reason", "completion_tokens", "problem_id", "domain", "source")


def rows_in(path: Path) -> Iterator[Row]:
    return (row for file in shards_at(path) for _, row in rows_of(file))


def columns_at(path: Path) -> list[str]:
    if not path.exists():
        near = [inner.name for inner in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UserError(f"there is no {path}.{did_you_mean(path.name, near)}")
    return list(dict.fromkeys(name for file in shards_at(path) for name in columns_of(file)))


def mapping_of(path: Path, given: dict[str, str | None]) -> dict[str, str]:
    """Which column of the file is which of ours; UserError where none holds a response."""
    have = columns_at(path)
    if not have:  # a file of no rows says nothing of its columns
        return {"response": "response"}
    found: dict[str, str] = {}
    for ours, theirs in NAMES.items():
        named = given.get(ours)
        if named is not None and named not in have:
            raise UserError(f"{path} has no column '{named}'.{did_you_mean(named, have)}")
        match = named or next((name for name in theirs if name in have), None)
        if match is not None:
            found[ours] = match
    turns = next((name for name in TURNS if name in have), None)
    if "response" not in found and turns is None:
        wanted = ", ".join((*NAMES["response"], *TURNS))
        raise UserError(f"{path} has no column of responses ({wanted}); it has: {', '.join(have)}")
    if "response" not in found and turns is not None:
        found["messages"] = turns
    elif not given.get("question") and not given.get("response"):
        fits = (name for name in fitting(have) if "turns" not in SHAPES[name] and name != "generations")
        reads = {name: (SHAPES[name]["question"], SHAPES[name]["response"]) for name in fits}
        asked = found.get("question")
        found.update((SHAPE, name) for name, pair in reads.items() if pair == (asked or pair[0], found["response"]))
    return found


def table_of(rows: list[Row], found: dict[str, str]) -> pl.DataFrame:
    """The rows under the project's names, responses split from their thinking."""
    further = ["history"] if {"messages", SHAPE} & set(found) else []
    return frame([_mapped(row, found) for row in rows], [*COLUMNS, *further])


def _mapped(row: Row, found: dict[str, str]) -> Row:
    question, response = _text(row.get(found.get("question", ""))), _text(row.get(found.get("response", "")))
    spoken = _exchange(row, found)
    if spoken is not None:
        question = spoken.question if SHAPE in found else question or spoken.question
        response = spoken.response
    elif response is None:
        row = {**row, "finish_reason": "error"}
    reason: Any = row.get("finish_reason") if row.get("finish_reason") in ("stop", "length", "error") else "stop"
    reasoning = _text(row.get(found["reasoning"])) if "reasoning" in found else None
    reasoning = spoken.reasoning if reasoning is None and spoken is not None else reasoning
    if reasoning is None and response is not None:
        completion = split_thinking(clean(response), finish_reason=reason)
        reasoning, response = completion.reasoning, completion.response
    choices = options(row.get("choices"))
    answer = _text(gold(row.get(found.get("answer", "")), choices))
    if choices is not None:
        row = {**row, "choices": list(choices.texts)}
    mapped = {name: _fitting(name, row[name]) for name in OTHERS if name in row}
    return mapped | {
        "finish_reason": reason,
        "question": question,
        "answer": answer,
        "response": response,
        "reasoning": reasoning,
        "history": json.dumps(spoken.history, ensure_ascii=False) if spoken and spoken.history else None,
        # rows without a question are no rollouts of one problem
        "problem_id": mapped.get("problem_id") or problem_id(question or f"{reasoning}{response}", answer),
        "meta": _meta(row, found),
    }


def _meta(row: Row, found: dict[str, str]) -> str | None:
    """Every further column of a row, beside what its own `meta` holds."""
    ours = {*found.values(), *OTHERS, *TURNS}
    meta = {name: value for name, value in row.items() if name not in ours}
    held = row.get("meta")
    try:
        held = json.loads(held) if isinstance(held, str) else held
    except ValueError:
        held = {"meta": held}
    if isinstance(held, dict):
        meta |= held
    return json.dumps(meta, ensure_ascii=False, default=str) if meta else None


def _exchange(row: Row, found: dict[str, str]) -> Exchange | None:
    """The last question of a conversation and its answer, as far as there are any: a file's rows all count."""
    if SHAPE in found:
        (spoken,) = exchanges(found[SHAPE], SHAPES[found[SHAPE]], row)
        return spoken if not spoken.odd or spoken.response is not None else None
    return exchange(_turns(row.get(found["messages"]))) if "messages" in found else None


def _turns(value: Any) -> list[Turn]:
    """The turns of a conversation that can be read; none where the cell holds no conversation."""
    turns = []
    try:
        listed = listed_in(value)
    except Odd:
        return []
    for number, turn in enumerate(listed, 1):
        try:
            turns.append(turn_of(turn, number))
        except Odd as odd:
            if "a part of type" in str(odd):  # a picture: what is asked cannot be told from the text
                raise UserError(f"in 'messages' {odd}") from odd
    return turns


def _fitting(name: str, value: Any) -> Any:
    """The value in its column's type; a count that is no number is as good as none."""
    if value is None or TYPES[name] == pl.String:
        return _text(value)
    return int(value) if isinstance(value, int | float) and 0 <= value < 2**31 else None


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
