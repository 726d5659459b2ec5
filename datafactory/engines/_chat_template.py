"""Chat template: the prompt as a model sees it, by its tokenizer's own template; no weights are read.

In   messages, and how the assistant's turn begins
Out  the text that is to be continued, and its tokens
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datafactory.errors import StageError
from datafactory.quiet import quiet
from datafactory.types import Message

OPENING = re.compile(r"\s*(<[^<>\s]+>|\[[^\[\]\s]+\])")  # a tag that opens the assistant's turn, as <think> and [THINK]


class ChatTemplate:
    def __init__(self, tokenizer: Any):
        self.tokenizer = tokenizer

    def render(self, messages: Sequence[Message], prefill: str) -> str:
        """The prompt by the model's own chat template; as plain text, turn after turn, for a model without one."""
        if not self.tokenizer.chat_template:
            return "\n\n".join(message["content"] for message in messages) + "\n" + prefill
        from jinja2 import TemplateError

        try:
            text = self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
        except TemplateError as error:
            roles = ", ".join(message["role"] for message in messages)
            raise StageError(f"the model's chat template refuses these turns ({roles}): {error}") from error
        return continued(text, prefill)

    def tokens(self, prompt: str, messages: Sequence[Message]) -> list[int]:
        """The prompt's tokens. What a template rendered has its special tokens; plain text is given those it begins
        with."""
        plain = not (messages and self.tokenizer.chat_template)
        ids: list[int] = self.tokenizer(prompt, add_special_tokens=plain)["input_ids"]
        return ids


def chat_template(weights: str | Path) -> ChatTemplate:
    """That of the model in a folder, or of a hub id."""
    from transformers import AutoTokenizer

    try:
        with quiet():
            return ChatTemplate(AutoTokenizer.from_pretrained(str(weights), padding_side="left"))
    except (OSError, ValueError) as error:
        raise StageError(f"the tokenizer of {weights} cannot be loaded: {str(error).splitlines()[0]}") from error


def continued(text: str, prefill: str) -> str:
    """The prefill behind the text, whose end may have opened what the prefill opens (R1-distill: `<think>`)."""
    opening = OPENING.match(prefill)
    first = opening[1] if opening else prefill.strip()
    if not first or not re.search(r"(?<!\w)" + re.escape(first) + r"\s*$", text):
        return text + prefill
    rest = prefill[opening.end() :] if opening else ""
    space = text[len(text.rstrip()) :]
    return text + rest.removeprefix(space)
