"""Conversational: the thinking told in the first person, as someone would think aloud, in plain prose.

In   question, reasoning
Out  another reasoning; the response stays
Use  R1's cold start: human-made examples prompt a model to rewrite more, and people verify. It begins by understanding
     the problem, then reasons with reflection and verification (arXiv:2501.12948, B.3.2); short paragraphs and no
     markdown (B.3.3). How long it may be is a choice
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
    prose: ClassVar[bool] = True
    never_mentions: ClassVar[tuple[str, ...]] = ("process",)

    prompt: Prompt = Field(default_factory=partial(beside, __file__))
    """A .txt of your own in its place, with the same places for what is shown."""
    keeps: float = Field(0.7, ge=0, le=1)
    """The least share of the old thinking's numbers that the new one says too. A choice."""
    at_least: float | None = Field(0.6, ge=0)
    """The least share of the old text's words that the new one may have."""


def shown(problem: Problem, completion: Completion, config: Config) -> dict[str, str] | str:
    if not (completion.reasoning or "").strip():
        return "there is no thinking to tell"
    return {"question": asked(problem), "reasoning": completion.reasoning or ""}
