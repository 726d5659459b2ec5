"""Chat: a prompt's turns, and the thinking split from the answer and joined again.

A completion is split only where it is well formed: one block of think tags, at the very start. Anything else stays
whole in `response`, so that nothing is half-parsed and a format verifier can say what was wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from datafactory.types import Completion, FinishReason, Message

THINK = ("<think>", "</think>")
PLACEHOLDER = re.compile(r"\{(question|choices|domain|source)\}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with its placeholders substituted in one pass: braces inside a question stay as they are."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], ""), template)


def listed(choices: str) -> str:
    """The options of a multiple-choice question, a JSON list, as lines `A. ...`."""
    return "\n".join(f"{chr(ord('A') + place)}. {option}" for place, option in enumerate(json.loads(choices)))


def turns(system: str | None, examples: Sequence[Message], user: str) -> list[Message]:
    """The messages of one prompt: system, worked examples, and the user's turn."""
    start: list[Message] = [{"role": "system", "content": system}] if system else []
    return [*start, *examples, {"role": "user", "content": user}]


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
