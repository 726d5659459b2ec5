"""Conversations: the turns in a cell, as others write them.

    {role, content}     OpenAI's and TRL's: the content a text or a list of text parts; the thinking of a turn beside it
                        (`reasoning_content`, `reasoning`, `thinking`) or in a part of that type
    {from, value}       ShareGPT's

What cannot be read as turns of system, user and assistant is Odd, which says why in two or three words that can be
counted, and in a sentence that says where.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# names seen in published sets: ShareGPT's bots, OpenAI's `developer`, OpenAssistant's `prompter`, Gemini's `model`
ROLES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "chatgpt", "bing", "bard", "gemini", "claude", "model", "bot", "ai", "chatbot"),
        "assistant",
    ),
}
TOOLS = frozenset((
    "tool", "tools", "function", "function_call", "function_response", "tool_call", "tool_calls", "tool_response",
    "observation", "ipython",
))  # fmt: skip
THOUGHT = ("reasoning_content", "reasoning", "thinking")


class Odd(ValueError):
    """What is no conversation, or none that can be used: `reason` to count, the message to read."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class Turn:
    """What one side said; reasoning is the thinking that stood apart from it, None where there was none."""

    role: str
    content: str
    reasoning: str | None = None


def turns_of(value: Any) -> list[Turn]:
    """The turns in a cell: a list of them, or that list as JSON text; Odd where there is anything else among them."""
    return [turn_of(turn, number) for number, turn in enumerate(listed_in(value), 1)]


def listed_in(value: Any) -> list[Any]:
    """The list in a cell, before its turns are read."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise _none(value) from None
    if not isinstance(value, list) or not all(isinstance(turn, Mapping) for turn in value):
        raise _none(value)
    return value


def _none(value: Any) -> Odd:
    shown = repr(value[:80]) if isinstance(value, str) else str(value)[:80]
    return Odd("not a conversation", f"should be a conversation, a list of {{role, content}}, not {shown}")


def turn_of(turn: Mapping[str, Any], number: int) -> Turn:
    """One turn, the number-th of its conversation."""
    said = turn.get("role") if turn.get("role") is not None else turn.get("from")
    role = ROLES.get(said.strip().lower()) if isinstance(said, str) else None
    if role is None:
        tool = isinstance(said, str) and said.strip().lower() in TOOLS
        what = f"turn {number} has the role {said!r}; there is system, user and assistant"
        raise Odd("a tool's turn" if tool else "unknown role", what)
    if turn.get("tool_calls") or turn.get("function_call"):
        raise Odd("a tool's turn", f"turn {number} calls a tool; there is no column for what a tool says")
    content = turn.get("content") if turn.get("content") is not None else turn.get("value")
    reasoning = next((turn[name] for name in THOUGHT if isinstance(turn.get(name), str) and turn[name].strip()), None)
    if isinstance(content, list):
        reasoning = reasoning or "".join(filter(None, map(_thought, content))) or None
        content = [part for part in content if _thought(part) is None]
    try:
        return Turn(role, spoken(content), reasoning)
    except ValueError as error:
        raise Odd("a turn without text", f"turn {number} {error}") from None


def _thought(part: Any) -> str | None:
    """The text of a part that is thinking."""
    if not isinstance(part, Mapping) or part.get("type") not in THOUGHT:
        return None
    return next((part[name] for name in (*THOUGHT, "text") if isinstance(part.get(name), str)), "")


def spoken(content: Any) -> str:
    """The text of a turn: a text, or OpenAI's list of parts where all of them are text; ValueError otherwise."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise ValueError(f"has no text: its content is {type(content).__name__}")
    texts = []
    for part in content:
        kind = (part.get("type") or "text") if isinstance(part, Mapping) else type(part).__name__
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping) and kind == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        else:
            raise ValueError(f"has a part of type {kind!r}; only text can be put to a model here")
    return "".join(texts)
