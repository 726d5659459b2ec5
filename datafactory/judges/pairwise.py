"""Pairwise: which of two responses to the same question serves the person who asked better; for the stage `pairs`.

In   question with its choices, and the final responses of two rollouts: never their reasoning
Out  a number for each of five labels: A much better 2, A better 1, equal 0, B better -1, B much better -2
Use  preference pairs for a reward model or DPO (R1's helpful reward model, arXiv:2501.12948, 3.1); what the labels
     are and which numbers they stand for is a choice
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

from pydantic import Field

from datafactory.config import Base
from datafactory.judges import Judge, beside
from datafactory.judges._texts import asked
from datafactory.settings import Prompt
from datafactory.types import Completion, Problem, Verdict

VERSION = 1
LABELS = {"A much better": 2.0, "A better": 1.0, "equal": 0.0, "B better": -1.0, "B much better": -2.0}


class Config(Judge):
    places: ClassVar[tuple[str, ...]] = ("question", "response A", "response B")

    prompt: Prompt = Field(default_factory=partial(beside, __file__))
    """A .txt of your own in its place; the keys of the JSON object it asks for stay the same."""


class Answer(Base):
    analysis: str
    preference: Literal["A much better", "A better", "equal", "B better", "B much better"]


def compared(problem: Problem, a: Completion, b: Completion, config: Config) -> dict[str, str]:
    return {"question": asked(problem), "response A": a.response, "response B": b.response}


def opinion(answer: Answer, config: Config) -> Verdict:
    return Verdict.scored(LABELS[answer.preference], answer.analysis)
