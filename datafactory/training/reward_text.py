"""What a reward model reads: the conversation and the answer as its chat template puts them, in training and after.

text of a response      the final response alone, as R1 scores help (arXiv:2501.12948, 3.1)
text of a completion    thinking and response as they are published, as R1 scores safety
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jinja2 import TemplateError

from datafactory.chat import join_thinking
from datafactory.errors import StageError
from datafactory.training.common import plain
from datafactory.types import Completion, Message

Part = Literal["response", "completion"]


@dataclass(frozen=True)
class Reader:
    """A model's tokenizer, and the part of an answer that is scored; reference is the model's name in an error."""

    tokenizer: Any
    of: Part
    reference: str

    def text(self, conversation: Sequence[Message], completion: Completion) -> str | None:
        """The text whose last token the score stands at; None where the part that is scored is empty.

        StageError where the chat template cannot be rendered, or leaves the thinking out that is to be scored.
        """
        whole = self.of == "completion"
        answer = join_thinking(completion.reasoning, completion.response) if whole else completion.response
        if not completion.response.strip() and not (whole and (completion.reasoning or "").strip()):
            return None
        if not self.tokenizer.chat_template:
            return plain(conversation) + answer + (self.tokenizer.eos_token or "")
        turns = [*conversation, {"role": "assistant", "content": answer}]
        try:
            text = str(self.tokenizer.apply_chat_template(turns, tokenize=False))
        except TemplateError as error:
            said = f"the chat template of {self.reference} does not take a conversation: {error}"
            raise StageError(f"{said}; it begins with {conversation[0]!r:.200}") from error
        if whole and (completion.reasoning or "").strip() not in text:
            raise StageError(
                f"the chat template of {self.reference} drops the thinking, and `of: completion` scores it; "
                "take a base whose template keeps it, or `of: response`"
            )
        return text

    def ids(self, conversation: Sequence[Message], completion: Completion) -> list[int]:
        """The tokens of that text; none where there is no text."""
        text = self.text(conversation, completion)
        if text is None:
            return []
        found: list[int] = self.tokenizer(text, add_special_tokens=not self.tokenizer.chat_template)["input_ids"]
        return found

    def demand_thinking(self) -> None:
        """StageError where the template would drop the thinking that is to be scored, before any row is read."""
        if self.of == "completion":
            self.text([{"role": "user", "content": "question"}], Completion("response", "of two parts"))
