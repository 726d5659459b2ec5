"""Behaviours: how often the thinking verifies, backtracks, sets subgoals and works backwards.

In   question with its choices, reasoning; the response where the completion has no thinking apart
Out  the four counts together, the mean over the votes, and each beside it: verification, backtracking, subgoals,
     backward; no_verdict where there is no text, error where the judge's answers cannot be read
Use  traces that show them make a base model gain from RL, even where they are wrong (arXiv:2503.01307)
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from pydantic import Field

from datafactory.config import Base
from datafactory.judges import Judge, beside
from datafactory.judges._texts import asked
from datafactory.settings import Prompt
from datafactory.types import Completion, Problem, Verdict

VERSION = 1
COUNTED = ("verification", "backtracking", "subgoals", "backward")
FACTS = dict.fromkeys(COUNTED, "Float64")


class Config(Judge):
    places: ClassVar[tuple[str, ...]] = ("question", "reasoning")

    prompt: Prompt = Field(default_factory=partial(beside, __file__))
    """A .txt of your own in its place; the keys of the JSON object it asks for stay the same."""
    longest: int = Field(60_000, ge=100)
    """Characters of each text that are shown; of a longer one the middle is left out, and what is there not counted."""


class Answer(Base):
    analysis: str
    verification: int = Field(ge=0, le=1000)
    backtracking: int = Field(ge=0, le=1000)
    subgoals: int = Field(ge=0, le=1000)
    backward: int = Field(ge=0, le=1000)


def shown(problem: Problem, completion: Completion, config: Config) -> dict[str, str] | Verdict:
    thinking = completion.response if completion.reasoning is None else completion.reasoning
    if not thinking.strip():
        return Verdict.undecided("no_verdict", "there is no thinking to count in")
    return {"question": asked(problem), "reasoning": thinking}


def opinion(answer: Answer, config: Config) -> Verdict:
    counts = {name: getattr(answer, name) for name in COUNTED}
    return Verdict.scored(float(sum(counts.values())), answer.analysis, counts)
