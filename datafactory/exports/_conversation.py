"""A row as a conversation, with its thinking kept in the text, taken out, or in a field of its own."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from datafactory.chat import split_thinking
from datafactory.exports import Record, Row, Thinking

FIELD = "reasoning_content"


def turns(row: Row, thinking: Thinking) -> list[Record]:
    """The messages of a published row."""
    messages: list[Record] = row["messages"] or []
    if thinking == "keep":
        return [{"role": turn["role"], "content": turn["content"]} for turn in messages]
    told = [_apart(turn, thinking) for turn in messages]
    if told and told[-1]["role"] == "assistant":  # the columns say exactly what the text may leave open
        told[-1]["content"] = row["response"] or ""
        if thinking == "field":
            told[-1][FIELD] = row["reasoning"]
    return told


def _apart(turn: Record, thinking: Thinking) -> Record:
    if turn["role"] != "assistant":
        return {"role": turn["role"], "content": turn["content"], **({FIELD: None} if thinking == "field" else {})}
    said = split_thinking(turn["content"] or "")
    apart: Record = {"role": "assistant", "content": said.response}
    return {**apart, FIELD: said.reasoning} if thinking == "field" else apart


def fault(messages: list[Record]) -> str | None:
    """Why a conversation cannot be trained on; None where it can."""
    if not messages or messages[-1]["role"] != "assistant":
        return "does not end with the assistant's turn"
    if any(not turn["content"] and not turn.get(FIELD) for turn in messages):
        return "has an empty message"
    return None


def alternates(messages: list[Record]) -> bool:
    """User and assistant take turns, after a system's turn at most."""
    roles = [turn["role"] for turn in messages]
    roles = roles[1:] if roles[:1] == ["system"] else roles
    return len(roles) % 2 == 0 and all(role == ("user", "assistant")[at % 2] for at, role in enumerate(roles))


def message_type(thinking: Thinking) -> pa.DataType:
    """A list of messages in Parquet."""
    names = ["role", "content", *([FIELD] if thinking == "field" else [])]
    return pa.list_(pa.struct([(name, pa.string()) for name in names]))


def filled(messages: list[Record]) -> list[Record]:
    """For JSON lines, whose readers take a column's type from what comes first: a field is a text everywhere."""
    return [{name: value if value is not None else "" for name, value in turn.items()} for turn in messages]


class Once:
    """Each problem once, in the order of the rows; its id is held, and nothing of its text."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def new(self, row: Row) -> bool:
        before = len(self._seen)
        self._seen.add(row["problem_id"])
        return len(self._seen) > before


def solved(row: Row) -> Any:
    """The gold answer as text, None where there is none."""
    return (row.get("solution") or "").strip() or None
