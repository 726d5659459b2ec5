"""Translate: the thinking in the language of the question.

In   question, reasoning
Out  another reasoning; the response stays
Use  R1-Zero's thinking mixes languages; R1's cold start has it translated (arXiv:2501.12948, B.3.2). Rows whose
     thinking is in that language already are best left out: `where: language_consistency < 0.95`, where a filter
     measured it
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from pydantic import Field

from datafactory.rewritings import Rewriting, beside
from datafactory.rewritings._texts import asked
from datafactory.settings import Prompt
from datafactory.types import Completion, Problem

VERSION = 1


class Config(Rewriting):
    places: ClassVar[tuple[str, ...]] = ("question", "reasoning")

    prompt: Prompt = Field(default_factory=partial(beside, __file__))
    """A .txt of your own in its place, with the same places for what is shown."""
    keeps: float = Field(0.9, ge=0, le=1)
    """The least share of the old thinking's numbers that the new one says too."""
    at_least: float | None = Field(0.4, ge=0)
    """The least share of the old text's words that the new one may have; languages differ by a factor of two."""
    at_most: float | None = Field(4.0, gt=0)
    """The most that it may have. A choice, as the least is."""


def shown(problem: Problem, completion: Completion, config: Config) -> dict[str, str] | str:
    if not (completion.reasoning or "").strip():
        return "there is no thinking to translate"
    return {"question": asked(problem), "reasoning": completion.reasoning or ""}
