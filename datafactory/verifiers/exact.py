"""Exact: the response is the gold answer, letter for letter, once both are trimmed.

In   answer, response
Out  1 when equal, 0 when not; no_answer for an empty response, undecidable_gold without a gold answer
Use  classification, retrieval, anything whose answer has one spelling
"""

from __future__ import annotations

from datafactory.config import Base
from datafactory.types import Completion, Problem, Verdict

VERSION = 1


class Config(Base):
    ignore_case: bool = False
    """Compare without regard to case."""


def verify(problem: Problem, completion: Completion, config: Config) -> Verdict:
    if not problem.answer or not problem.answer.strip():
        return Verdict.undecided("undecidable_gold", "there is no gold answer")
    gold, given = problem.answer.strip(), completion.response.strip()
    if not given:
        return Verdict.no_answer("the response is empty")
    if config.ignore_case:
        gold, given = gold.casefold(), given.casefold()
    return Verdict.correct() if gold == given else Verdict.incorrect(f"expected {gold[:80]!r}, got {given[:80]!r}")
