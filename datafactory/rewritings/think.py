"""Think: a chain of thought that might have come before the response, for rows that have none.

In   question; the response too, where `sees` says so
Out  a reasoning; the response stays
Use  R1's general data: for some tasks a model writes a potential chain of thought before answering, for simple queries
     such as a greeting none (arXiv:2501.12948, B.3.3). Which rows is the recipe's to say, in `where`
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from datafactory.rewritings import ALL, CheckName, Rewriting, beside
from datafactory.rewritings._texts import asked
from datafactory.settings import Prompt
from datafactory.types import Completion, Problem

VERSION = 1
CHECKS: tuple[CheckName, ...] = tuple(name for name in ALL if name != "numbers")


class Config(Rewriting):
    places: ClassVar[tuple[str, ...]] = ("question",)
    prose: ClassVar[bool] = True
    never_mentions: ClassVar[tuple[str, ...]] = ("process", "given")

    sees: Literal["question", "both"] = "both"
    """both: question and response, so that the thinking leads to what is said. question: the question alone."""
    prompt: Prompt = Field(default_factory=partial(beside, __file__))
    """A .txt of your own in its place. With `sees: question` the default has no place for the response."""
    checks: tuple[CheckName, ...] = CHECKS
    """The checks that the thinking has to pass; `numbers`, which are free to come up here, may be added."""

    @model_validator(mode="before")
    @classmethod
    def _prompt_of_what_it_sees(cls, values: object) -> object:
        if isinstance(values, dict) and values.get("sees") == "question" and "prompt" not in values:
            return {**values, "prompt": beside(str(Path(__file__).with_name("think_unseen.py")))}
        return values

    @model_validator(mode="after")
    def _has_room_for_what_it_sees(self) -> Config:
        both = self.sees == "both"
        if ("{response}" in self.prompt.content) != both:
            raise ValueError(f"with `sees: {self.sees}` the prompt has {'a' if both else 'no'} {{response}}")
        return self


def shown(problem: Problem, completion: Completion, config: Config) -> dict[str, str] | str:
    if (completion.reasoning or "").strip():
        return "there is a thinking already"
    if not completion.response.strip():
        return "there is no response"
    return {"question": asked(problem), **({"response": completion.response} if config.sees == "both" else {})}
