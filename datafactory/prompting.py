"""Prompting: how a problem becomes a prompt, and how the tokens of its answer are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ValidationInfo

from datafactory.budget import Budget
from datafactory.chat import THINK, before, fill, listed, slips, turns
from datafactory.check import Check
from datafactory.config import Base, runtime
from datafactory.engines import Sampling
from datafactory.errors import UserError
from datafactory.settings import Prompt, System, Text, located
from datafactory.sources import rows_of
from datafactory.types import Message

QUESTION = Text("{question}")


def _examples(value: Any, info: ValidationInfo) -> tuple[tuple[str, str], ...]:
    if isinstance(value, tuple):
        return value
    if not isinstance(value, str):
        raise ValueError("should be the path of a JSONL file with `question` and `response`")
    path = located(value, info)
    found = []
    for place, row in rows_of(path):
        if not isinstance(row.get("question"), str) or not isinstance(row.get("response"), str):
            raise UserError(f"{place}: a worked example has `question` and `response`; this has {', '.join(row)}")
        found.append((row["question"], row["response"]))
    return tuple(found)


class Prompting(Base):
    """How a problem becomes a prompt, and a model's text a completion."""

    prompt: Prompt = QUESTION
    """The user's turn, a text or a .txt file, with {question} where the question goes; {choices}, {domain} and {source}
    stand for those of the problem. Other braces are text; { question } is text too."""
    system: System | None = None
    """The system prompt, with the same placeholders; that of the problem's `history` or the chat template's own without
    one. "" is an empty one, in the place of the template's own."""
    examples: Annotated[tuple[tuple[str, str], ...], BeforeValidator(_examples)] = ()
    """Worked examples shown before the question: a JSONL file with `question` and `response`."""
    prefill: str = ""
    """How the assistant's turn begins, such as "<think>\\n"; part of the completion."""
    template: Literal["chat", "none"] = "chat"
    """chat: the model's own chat template around the turns. none: the prompt is all that the model sees, as a base
    model wants it; the system prompt, worked examples and history stand before it as plain text."""
    think: tuple[str, str] = THINK
    """The tags around the thinking."""

    def check(self, check: Check) -> None:
        if "{question}" not in self.prompt.content:
            check.wrong(("prompt",), "has no {question}: every problem would get the same prompt")
        for key, text in (("prompt", self.prompt), ("system", self.system)):
            for slip in slips(text.content if text else ""):
                check.wrong((key,), slip)
        if not all(self.think) or self.think[0] == self.think[1]:
            check.wrong(("think",), "needs two different tags, the one that opens and the one that closes")

    def messages(self, row: dict[str, Any]) -> list[Message]:
        """The turns put to the model for a row of the problem table."""
        shown: list[Message] = []
        for question, response in self.examples:
            shown.append({"role": "user", "content": fill(self.prompt.content, {"question": question})})
            shown.append({"role": "assistant", "content": response})
        values = self._values(row)
        history = before(row)
        said = [turn for turn in history if turn["role"] != "system"]
        own = next((turn["content"] for turn in history if turn["role"] == "system" and turn["content"]), None)
        system = fill(self.system.content, values) if self.system else own
        return turns(system, [*shown, *said], fill(self.prompt.content, values))

    def put(self, row: dict[str, Any], render: Callable[[Sequence[Message], str], str]) -> tuple[list[Message], str]:
        """The turns, none without a template, and the prompt as the model sees it."""
        messages = self.messages(row)
        if self.template == "chat":
            return messages, render(messages, self.prefill)
        return [], self._plain(row, messages) + self.prefill

    def _values(self, row: dict[str, Any]) -> dict[str, str]:
        values = {"question": row["question"], "domain": row.get("domain") or "", "source": row.get("source") or ""}
        if row.get("choices"):
            values["choices"] = listed(row["choices"])
        return values

    def _plain(self, row: dict[str, Any], messages: Sequence[Message]) -> str:
        """The turns as one text that ends with the prompt. A text file's last line break is not part of it."""
        prompt = self.prompt.content.removesuffix("\n")
        parts = [messages[0]["content"]] if messages[0]["role"] == "system" and messages[0]["content"] else []
        for question, response in self.examples:
            shown = fill(prompt, {"question": question})
            parts.append(shown + ("" if shown[-1:].isspace() else " ") + response)
        parts += [f"{turn['role'].capitalize()}: {turn['content']}" for turn in before(row) if turn["role"] != "system"]
        return "\n\n".join([*parts, fill(prompt, self._values(row))])


class Asking(Prompting):
    """Prompting, and how the tokens of the answer are drawn."""

    sampling: Sampling = Sampling()
    budget: Budget = runtime(Budget())
    """What the stage may spend: {tokens: 5000000} generated, or {cost: 20} at the model's `price`. It stops before it
    would spend more, with what arrived kept."""
