"""Math: the final answer equals the gold answer as mathematics: by exact arithmetic, part by part, or else by sympy.

In   answer, response: its last \\boxed{} or <answer> block, "the answer is", or else the formula or number it ends on
Out  1 when equal, 0 when not; no_answer when there is none, undecidable_gold when the gold answer cannot be read,
     timeout after `timeout` seconds, error when the comparison died
Use  GSM8K, MATH, AIME: numbers, expressions, tuples, sets, intervals, matrices, units, answers of a word
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache

from pydantic import Field

from datafactory import answers, boundary
from datafactory.config import Base
from datafactory.types import Completion, Problem, Verdict
from datafactory.verifiers._math.form import Value
from datafactory.verifiers._math.prose import LONGEST, LONGEST_HERE, answer_in, stated_in
from datafactory.verifiers._math.same import same_answer
from datafactory.verifiers._math.spelling import spelled
from datafactory.verifiers._math.value import same_value

VERSION = 2
HERE = 0.2  # seconds that this process computes for one pair of answers


class Config(Base):
    timeout: float = Field(5.0, gt=0)
    """Seconds that one comparison may take."""


def verify(problem: Problem, completion: Completion, config: Config) -> Verdict:
    gold, response = _gold_in((problem.answer or "").strip()), completion.response.strip()
    if not gold:
        return Verdict.undecided("undecidable_gold", "there is no gold answer")
    if len(gold) > LONGEST:
        if gold in (response, answers.final(response)):
            return Verdict.correct(_difference(gold, gold))
        return Verdict.undecided("undecidable_gold", f"the gold answer has {len(gold)} characters")
    if response == gold:
        return Verdict.correct(_difference(gold, gold))
    # what was cut off ends on a step, not on an answer
    given = answers.final(response) if completion.finish_reason == "length" else answer_in(response, gold)
    if not given:
        return Verdict.no_answer("the response is empty" if not response else "found no answer")
    if len(given) > LONGEST:
        return Verdict.no_answer(f"{len(given)} characters are not an answer")
    return compare(gold, given, config.timeout)


def _gold_in(gold: str) -> str:
    """The gold answer, or that of a solution."""
    marked = answers.final(gold)
    if marked is not None or ("\n" not in gold and len(gold) <= 300 and "####" not in gold):
        return marked or gold
    return stated_in(gold, "") or gold


@lru_cache(maxsize=16384)  # the rollouts of a group give few distinct answers
def compare(gold: str, given: str, timeout: float) -> Verdict:
    said = _difference(gold, given)
    equal = equal_without_algebra(gold, given)
    if equal is not None:
        return Verdict.correct(said) if equal else Verdict.incorrect(said)
    try:
        found = boundary.call("datafactory.verifiers._math.child:compare", gold, given, timeout=timeout)
    except boundary.TimedOut as error:
        return Verdict.undecided("timeout", f"{said}: {error}")
    except boundary.Failed as error:
        return Verdict.undecided("error", f"{said}: {error}")
    if found["equal"]:
        return Verdict.correct(said)
    if not found["gold"]:
        return Verdict.undecided("undecidable_gold", f"cannot read the gold answer {_short(gold)}")
    return Verdict.incorrect(said)


def equal_without_algebra(gold: str, given: str) -> bool | None:
    """Whether the answers are equal where arithmetic in this process makes that certain, else None."""
    angles = any(sign in text for sign in ("circ", "°", "degree") for text in (gold, given))
    if spelled(gold) == spelled(given) != "" or (not angles and answers.plain(gold) == answers.plain(given) != ""):
        return True
    if max(len(gold), len(given)) > LONGEST_HERE:
        return None
    try:
        return same_answer(gold, given, _while_there_is_time())
    except _OutOfTime:
        return None


class _OutOfTime(Exception):
    """So many parts are to be compared, as of two long lists, that the child process shall do it."""


def _while_there_is_time() -> Callable[[Value, Value], bool | None]:
    end = time.monotonic() + HERE

    def same_leaf(gold: Value, given: Value) -> bool | None:
        if time.monotonic() > end:
            raise _OutOfTime
        return None if gold.node is None or given.node is None else same_value(gold.node, given.node)

    return same_leaf


def _difference(gold: str, given: str) -> str:
    return f"expected {_short(gold)}, got {_short(given)}"


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}..."
