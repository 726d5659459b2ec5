r"""Summary: a clean solution written from the question and the thinking, in place of the response.

In   question, reasoning, response
Out  another response; the thinking stays
Use  R1-Zero's summary is only the answer. R1's cold start has one written: no new steps, the key steps in LaTeX,
     \boxed{}, the question's language, no mention of a thought process (arXiv:2501.12948, B.3.2)
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

from pydantic import Field

from datafactory import answers
from datafactory.rewritings import Rewriting, beside
from datafactory.rewritings._texts import asked
from datafactory.settings import Prompt
from datafactory.types import Completion, Problem

VERSION = 1


class Config(Rewriting):
    places: ClassVar[tuple[str, ...]] = ("question", "reasoning", "response")
    writes: ClassVar[Literal["reasoning", "response"]] = "response"
    never_mentions: ClassVar[tuple[str, ...]] = ("process",)

    prompt: Prompt = Field(default_factory=partial(beside, __file__))
    """A .txt of your own in its place, with the same places for what is shown."""
    box: Literal["gold", "always", "never"] = "gold"
    """Whether the solution has to end in a \\boxed{}. gold: where the problem has a gold answer and no tests."""


def shown(problem: Problem, completion: Completion, config: Config) -> dict[str, str] | str:
    if not (completion.reasoning or "").strip():
        return "there is no thinking to write it from"
    if not completion.response.strip():
        return "there is no response: the thinking came to no end"
    return {
        "question": asked(problem),
        "reasoning": completion.reasoning or "",
        "response": completion.response,
    }


def fault(problem: Problem, before: Completion, text: str, config: Config) -> str | None:
    has_gold = bool((problem.answer or "").strip()) and not problem.tests
    wanted = config.box == "always" or (config.box == "gold" and has_gold)
    return "it has no \\boxed{}" if wanted and not (answers.boxed(text) or "").strip() else None
