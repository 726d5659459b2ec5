"""A rewriting of one's own that is a prompt and nothing else: what it writes and shows is told in the recipe.

In   those of question, reasoning and response that the prompt has places for
Out  another reasoning or another response, as `writes` says
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from datafactory.rewritings import Rewriting
from datafactory.rewritings._texts import asked
from datafactory.types import Completion, Problem

VERSION = 1
SHOWN = ("question", "reasoning", "response")


class Config(Rewriting):
    part: Literal["reasoning", "response"] = Field("reasoning", alias="writes")
    """What the model writes anew."""

    @property
    def writes(self) -> Literal["reasoning", "response"]:  # type: ignore[override]
        return self.part

    @model_validator(mode="after")
    def _shows_something(self) -> Config:
        if not any(f"{{{name}}}" in self.prompt.content for name in SHOWN):
            raise ValueError("the prompt has a place for none of {question}, {reasoning} and {response}")
        return self


def shown(problem: Problem, completion: Completion, config: Config) -> dict[str, str] | str:
    texts = {"question": asked(problem), "reasoning": completion.reasoning or "", "response": completion.response}
    there = {name: text for name, text in texts.items() if f"{{{name}}}" in config.prompt.content}
    empty = [name for name, text in there.items() if not text.strip()]
    return f"there is no {empty[0]}" if empty else there
