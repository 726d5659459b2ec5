"""Exact: the response is the gold answer, letter for letter, once both are trimmed.

In   answer, one text or, with `several`, a JSON list of those that are right; response
Out  1 when equal, 0 when not; no_answer for an empty response, undecidable_gold without a gold answer
Use  classification, retrieval, anything whose answer has one spelling
"""

from __future__ import annotations

import json

from datafactory import answers
from datafactory.config import Base
from datafactory.types import Completion, Problem, Verdict

VERSION = 1


class Config(Base):
    ignore_case: bool = False
    """Compare without regard to case."""
    ignore_space: bool = False
    """Compare with every run of white space as one space."""
    ignore_end: str = ""
    """Characters that may stand at the end of either, such as ".!"."""
    marked: bool = False
    """Compare what the response marks as its answer, its last <answer> block or \\boxed{}, and not all of it."""
    several: bool = False
    """The gold answer is a JSON list of texts, and each of them is right."""


def verify(problem: Problem, completion: Completion, config: Config) -> Verdict:
    golds = _golds(problem.answer or "", config)
    if not golds:
        why = (
            "the gold answer is no JSON list of texts"
            if problem.answer and config.several
            else "there is no gold answer"
        )
        return Verdict.undecided("undecidable_gold", why)
    response = answers.final(completion.response) if config.marked else completion.response
    given = _spelled(response or "", config)
    if not given:
        return Verdict.no_answer("no answer is marked" if config.marked else "the response is empty")
    if given in golds:
        return Verdict.correct()
    return Verdict.incorrect(f"expected {' or '.join(repr(gold[:80]) for gold in golds[:5])}, got {given[:80]!r}")


def gold(problem: Problem, config: Config) -> Verdict:
    """Whether there is a gold answer: a list of them is no response."""
    verdict = verify(problem, Completion(""), config)
    return Verdict.correct() if verdict.status == "no_answer" else verdict


def _golds(answer: str, config: Config) -> list[str]:
    """Every right answer in the spelling that is compared."""
    right = [answer]
    if config.several:
        try:
            right = json.loads(answer)
        except (ValueError, RecursionError):
            return []
        if not (isinstance(right, list) and all(isinstance(text, str) for text in right)):
            return []
    return [spelled for text in right if (spelled := _spelled(text, config))]


def _spelled(text: str, config: Config) -> str:
    text = " ".join(text.split()) if config.ignore_space else text.strip()
    text = text.rstrip(config.ignore_end).rstrip() if config.ignore_end else text
    return text.casefold() if config.ignore_case else text
