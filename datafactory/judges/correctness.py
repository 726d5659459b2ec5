"""Correctness: a model's opinion on whether the response comes to the reference answer.

In   question with its choices, answer, response: never the reasoning
Out  1 or 0 by the majority of the votes; no_answer for an empty response and undecidable_gold without a reference,
     which are not asked about; no_verdict for a tie, error where the judge's answers cannot be read
Use  answers no rule can compare: a sentence, a proof's claim, a free-form explanation (arXiv:2501.12948, B.3.3)
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


class Config(Judge):
    places: ClassVar[tuple[str, ...]] = ("question", "reference", "response")

    prompt: Prompt = Field(default_factory=partial(beside, __file__))
    """A .txt of your own in its place; the keys of the JSON object it asks for stay the same."""


class Answer(Base):
    analysis: str
    verdict: Literal["correct", "incorrect"]


def shown(problem: Problem, completion: Completion, config: Config) -> dict[str, str] | Verdict:
    if not (problem.answer or "").strip():
        return Verdict.undecided("undecidable_gold", "there is no reference answer")
    if not completion.response.strip():
        return Verdict.no_answer("the response is empty")
    return {"question": asked(problem), "reference": problem.answer or "", "response": completion.response}


def opinion(answer: Answer, config: Config) -> Verdict:
    return Verdict.correct(answer.analysis) if answer.verdict == "correct" else Verdict.incorrect(answer.analysis)
