r"""Answer agrees: 1 where the thinking concludes what the response answers, 0 where it concludes something else.

Measure  the response's last \boxed{} or <answer>, else what it states as its answer, against what the thinking
         concludes: its last box, or the last "the answer is" behind that. Equal in one spelling, or else under the math
         verifier, or as options where the response names one by its letter. null where one of them says nothing, where
         they are texts that differ, where the comparison is undecided, and where the thinking went on behind its
         conclusion for more than 1,500 characters or comes to speak of the response's answer there
Source   R1's summary says what the thinking found (arXiv:2501.12948, B.3.3); that both agree is how a faithful summary
         is told here, which is a choice
Use      catches summaries that answer something else than was thought out. Keeps all that states no answer: undecided
         is not wrong. `min` 1, `undecided: keep`
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import polars as pl

from datafactory import answers
from datafactory.verifiers import choice
from datafactory.verifiers import math as verifier
from datafactory.verifiers._math.form import Words
from datafactory.verifiers._math.prose import stated_in
from datafactory.verifiers._math.reading import read
from filters._text import column

VERSION = 1
SCOPE = "row"
BOUNDS = {"min": 1.0, "undecided": "keep"}

_TIMEOUT = 5.0  # seconds of one comparison, the verifier's own
_NEAR = 1500  # characters from the end in which thinking concludes
_LONGEST = 200  # characters of an answer
_NUMBER = re.compile(
    r"(\\frac\{-?\d+\}\{\d+\}|[+-]?\d[\d.,]*(?:/\d+)?)(?<![.,])(%|(?!but|and|or|if|so|at|when)[A-Za-z]{0,24})"
)
_OF_UNITS = {Fraction(ratio) for ratio in (7, 12, 24, 30, 52, 60, 365, 1000, 3600)} | {
    Fraction(10) ** n for n in range(7)
}
# how a thinking ends that says neither: "Therefore, the units digit is 5."
_ENDING = re.compile(
    r"(?:^|[.!?。\n])\s*(?:[^.!?。\n]{0,80}[ ,])?(?:therefore|thus|so|hence|finally|answer|所以|因此)\b"
    r"(?:[^.!?。\n]|\.(?=\d)){0,150}"
    r"(?:\b(?:is|are|be|equals|gives|get)|=|是|为)[ ]*"
    r"(?P<number>[^.!?。\n=]{0,4}-?\d(?:[^.!?。\n=]|\.(?=\d)){0,30})[.。]?\s*$",
    re.I,
)
_DOUBTED = re.compile(
    r"\b(?:if|whether|maybe|perhaps|might|could|suppose|assum\w+|unless|think|guess|likely|tentative\w*|forced|unclear"
    r"|initially|originally|wrong)\b[^.!?\n]{0,80}$",
    re.I,
)


class _Answer(NamedTuple):
    """What a text answers, where that stands, and how: in a box, as a plain number, or somehow."""

    at: int
    text: str
    boxed: bool = False
    number: Fraction | None = None
    unit: str = ""


def answer_agrees(rows: pl.DataFrame) -> pl.Series:
    return pl.Series("answer_agrees", [found and found[0] for found in _compared(rows)], dtype=pl.Float64)


def evidence(rows: pl.DataFrame) -> pl.Series:
    """The two answers."""
    told = [f"thought {found[1]!r}, answered {found[2]!r}"[:300] if found else None for found in _compared(rows)]
    return pl.Series("evidence", told, dtype=pl.String)


def _compared(rows: pl.DataFrame) -> list[tuple[float, str, str] | None]:
    return list(map(_compare, column(rows, "reasoning"), column(rows, "response")))


def _compare(reasoning: str, response: str) -> tuple[float, str, str] | None:
    """Whether they agree, and both answers; None where that is not decided."""
    given = _answer_of(response) if reasoning else None
    if given is None:
        return None
    if option := choice.named(given.text, ()):
        settled = choice.settled_on(reasoning[-_NEAR:], (), cut=True)
        return (float(settled == option), settled, given.text) if settled else None
    thought = _answer_of(reasoning)
    if thought is None:
        return _ended(given, reasoning[-_NEAR:])
    if _verdict(given.text, thought.text) == 1.0 or _verdict(thought.text, given.text) == 1.0:
        return 1.0, thought.text, given.text
    concluded = len(reasoning) - thought.at < _NEAR and not _DOUBTED.search(
        reasoning[max(thought.at - 150, 0) : thought.at]
    )
    behind = reasoning[thought.at :].replace(thought.text, "", 1)
    differ = concluded and not _speaks_of(behind, given.text) and _differ(given, thought)
    return (0.0, thought.text, given.text) if differ else None


def _ended(given: _Answer, end: str) -> tuple[float, str, str] | None:
    """The comparison with the number that the thinking's last sentence gives, where that concludes."""
    last = _ENDING.search(end[-300:])
    number = _number(last["number"].strip(" $\\()")) if last and not _DOUBTED.search(last[0]) else None
    if last is None or number is None or given.number is None:
        return None
    thought = _Answer(0, last["number"], False, *number)
    if number[0] == given.number:
        return 1.0, thought.text, given.text
    return (0.0, thought.text, given.text) if not _speaks_of(end, given.text) and _differ(given, thought) else None


def _answer_of(text: str) -> _Answer | None:
    """The last marked answer, or what is stated behind it."""
    marked = answers.final(text)
    start = text.rfind(marked) + len(marked) if marked else 0
    if line := answers.stated(text[start:]):
        at = text.rfind(line)
        claim = answers.claim(line)
        if number := _number(claim):
            return _Answer(at, claim, False, *number)
        said = stated_in(text[start:], marked or "1")
        if said and len(said) <= _LONGEST and marked is None:
            return _Answer(at, said)
    if not marked or len(marked) > _LONGEST:
        return None
    return _Answer(start - len(marked), marked, True, *(_number(marked) or ()))


def _number(answer: str) -> tuple[Fraction, str] | None:
    """An answer that is a number and at most a unit."""
    found = _NUMBER.fullmatch(answers.plain(answer)) if len(answer.split()) <= 4 else None
    value = answers.number(found[1]) if found else None
    return (value, found[2]) if found and value is not None else None


@lru_cache(maxsize=4096)
def _verdict(gold: str, given: str) -> float | None:
    return 1.0 if answers.plain(gold) == answers.plain(given) else verifier.compare(gold, given, _TIMEOUT).reward


def _differ(given: _Answer, thought: _Answer) -> bool:
    """Whether the answers, which are not known to be equal, are certainly not."""
    if given.number is not None and thought.number is not None:
        low, high = sorted((abs(given.number), abs(thought.number)))
        return (given.unit == thought.unit == "") or low == 0 or high / low not in _OF_UNITS
    if not (given.boxed and thought.boxed):
        return False
    words = isinstance(read(given.text), Words) or isinstance(read(thought.text), Words)
    return not words and _verdict(given.text, thought.text) == _verdict(thought.text, given.text) == 0.0


def _speaks_of(text: str, answer: str) -> bool:
    """Whether an answer stands in a text as a whole word."""
    sought = answers.plain(answer).replace(",", "")
    return re.search(rf"(?<![\w.]){re.escape(sought)}(?!\w|\.\d)", text.replace(",", "")) is not None
