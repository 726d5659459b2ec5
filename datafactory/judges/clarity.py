"""Clarity: how well the response reads: how readable it is, how coherent, and how friendly to the person who asked.

In   question with its choices, response: never the reasoning
Out  the mean of three grades from 1 to 5, over the votes; readable, coherent and friendly beside it; no_verdict for an
     empty response, error where the judge's answers cannot be read
Use  what R1-Zero lacks, and R1's cold start is chosen for (arXiv:2501.12948, 2.3.1); the scale is a choice
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
GRADES = ("readable", "coherent", "friendly")
FACTS = dict.fromkeys(GRADES, "Float64")


class Config(Judge):
    places: ClassVar[tuple[str, ...]] = ("question", "response")

    prompt: Prompt = Field(default_factory=partial(beside, __file__))
    """A .txt of your own in its place; the keys of the JSON object it asks for stay the same."""


class Answer(Base):
    analysis: str
    readable: int = Field(ge=1, le=5)
    coherent: int = Field(ge=1, le=5)
    friendly: int = Field(ge=1, le=5)


def shown(problem: Problem, completion: Completion, config: Config) -> dict[str, str] | Verdict:
    if not completion.response.strip():
        return Verdict.undecided("no_verdict", "the response is empty")
    return {"question": asked(problem), "response": completion.response}


def opinion(answer: Answer, config: Config) -> Verdict:
    grades = {name: getattr(answer, name) for name in GRADES}
    return Verdict.scored(sum(grades.values()) / len(grades), answer.analysis, grades)
