"""Chat: a prompt's turns, and the thinking split from the answer and joined again.

A completion is split only where it is well formed: one block of think tags, at the very start. Anything else stays
whole in `response`, so that nothing is half-parsed and a format verifier can say what was wrong.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datafactory.conversation import Turn, turns_of
from datafactory.types import Completion, FinishReason, Message

THINK = ("<think>", "</think>")
PLACES = ("question", "choices", "domain", "source")
PLACEHOLDER = re.compile(rf"\{{({'|'.join(PLACES)})\}}")
LONE = re.compile(r"(?<![A-Za-z])\{([A-Za-z_]+)\}")  # not LaTeX's \text{choices made}, nor \boxed{answer}
ALIKE = 0.8  # of difflib's ratio: `domian` is 0.83 of `domain`, `main` is 0.8


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with its placeholders substituted in one pass: braces inside a question stay as they are."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], ""), template)


def slips(template: str) -> Iterator[str]:
    """What is wrong with each name in braces that is almost a placeholder; other braces are text."""
    for name in dict.fromkeys(LONE.findall(template)):
        if name in PLACES:
            continue
        near = [place for place in PLACES if difflib.SequenceMatcher(None, name.lower(), place).ratio() > ALIKE]
        if near:
            yield (
                f"has {{{name}}}, which is no placeholder. Did you mean {{{near[0]}}}? Where the braces are meant, "
                f"write {{ {name} }}"
            )


def listed(choices: str) -> str:
    """The options of a multiple-choice question, a JSON list, as lines `A. ...`."""
    return "\n".join(f"{chr(ord('A') + place)}. {option}" for place, option in enumerate(json.loads(choices)))


def turns(system: str | None, examples: Sequence[Message], user: str) -> list[Message]:
    """The messages of one prompt: system, worked examples, and the user's turn."""
    start: list[Message] = [{"role": "system", "content": system}] if system is not None else []
    return [*start, *examples, {"role": "user", "content": user}]


def conversation(value: Any) -> list[Message]:
    """The turns in a cell: a list of {role, content}, or ShareGPT's {from, value}, or one of these as JSON text.

    Raises ValueError with what is wrong; what is no text is never left out quietly.
    """
    return [spelled(turn) for turn in turns_of(value)]


def spelled(turn: Turn) -> Message:
    """A turn as a message, its thinking in a think block before what it said."""
    return {"role": turn.role, "content": join_thinking(turn.reasoning, turn.content)}


def before(row: Mapping[str, Any]) -> list[Message]:
    """The turns before the question of a row, where it has any."""
    return conversation(row["history"]) if row.get("history") else []


def split_thinking(text: str, tags: tuple[str, str] = THINK, finish_reason: FinishReason = "stop") -> Completion:
    """The thinking and the response in a model's text.

    A block that was opened and never closed is all thinking, with an empty response. Text before the block, a second
    block or a stray tag leave the whole text in `response` with reasoning None.
    """
    opening, closing = tags
    body = text.strip()
    if not body.startswith(opening):
        return Completion(body, None, finish_reason)
    inside, closed, after = body[len(opening) :].partition(closing)
    if opening in inside or opening in after or closing in after:
        return Completion(body, None, finish_reason)
    if not closed:
        return Completion("", inside.strip(), finish_reason)
    return Completion(after.strip(), inside.strip(), finish_reason)


def completed(
    text: str, reasoning: str | None, finish_reason: FinishReason, prompt: str, tags: tuple[str, str], rendered: bool
) -> Completion:
    """The completion in what a model said behind `prompt`, whoever opened the thinking.

    reasoning is what a server handed over apart. A template may write the opening tag itself; where a server renders
    the prompt (`rendered` is False), only a text that closes a thinking it never opened tells so.
    """
    opening, closing = tags
    if reasoning is not None:
        return Completion(text.strip(), reasoning.strip(), finish_reason)
    opened = prompt.rstrip().endswith(opening) if rendered else opening not in text and text.count(closing) == 1
    return split_thinking(opening + text if opened and not text.startswith(opening) else text, tags, finish_reason)


def join_thinking(reasoning: str | None, response: str) -> str:
    """The assistant's turn of a published row, R1's form: the think block, a blank line, the response."""
    if reasoning is None:
        return response
    return f"{THINK[0]}\n{reasoning}\n{THINK[1]}\n\n{response}"
