"""Math: the final answer equals the gold answer as mathematics, by exact arithmetic or else by math-verify and sympy.

In   answer, response: its last \\boxed{} or <answer> block, "the answer is", or else what math-verify finds in it
Out  1 when equal, 0 when not; no_answer when there is none, undecidable_gold when the gold answer cannot be read,
     timeout after `timeout` seconds, error when the comparison died
Use  GSM8K, MATH, AIME: numbers, expressions, tuples, sets, intervals, matrices, units, answers of a word
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from pydantic import Field

from datafactory import answers, boundary
from datafactory.config import Base
from datafactory.types import Completion, Problem, Verdict

VERSION = 1
LONGEST = 4000  # characters of an answer; the longest gold answer of MATH has 159
SAME = Fraction(1, 10**6)  # 0.333333 is 1/3: math-verify's float_rounding of 6 places
# Words are compared as words. Bare, they have four letters, as xyz is a product; more than three have other wordings.
WORDS = re.compile(
    r"(?P<text>\\(?:text(?:bf|it)?|mbox|mathrm)\s*\{)?(?P<words>[^\W\d_]{2,}(?:[ '-][^\W\d_]+){0,2})\.?(?(text)\})"
)
CODE = re.compile(r"__\w+__|\blambda\b|\w\(['\")]")  # states no answer, whatever number it ends in
FUNCTIONS = ("sin", "cos", "tan", "log", "ln", "sqrt", "exp", "arc", "pi")


class Config(Base):
    timeout: float = Field(5.0, gt=0)
    """Seconds that one comparison may take."""


def verify(problem: Problem, completion: Completion, config: Config) -> Verdict:
    gold, response = (problem.answer or "").strip(), completion.response.strip()
    gold = answers.final(gold) or gold
    if not gold:
        return Verdict.undecided("undecidable_gold", "there is no gold answer")
    given = _answer_in(response, gold)
    if not given:
        return Verdict.no_answer("the response is empty" if not response else "found no answer")
    if len(gold) > LONGEST and gold != given:
        return Verdict.undecided("undecidable_gold", f"the gold answer has {len(gold)} characters")
    if len(given) > LONGEST and gold != given:
        return Verdict.no_answer(f"{len(given)} characters are not an answer")
    return compare(gold, given, config.timeout)


def _answer_in(response: str, gold: str) -> str:
    """The answer where it is marked, else the text that may hold one, which ends as the response does.

    Of prose that should hold a number only its last number counts: a sum it quotes is not worked out for it.
    """
    marked = answers.final(response)
    if marked is not None:
        return marked
    said = answers.stated(response)
    if said and answers.is_formula(said):
        return said
    if CODE.search(response.rpartition("\n")[2]):
        return ""
    numeric = answers.number(answers.plain(gold)) is not None
    if numeric and not answers.is_formula(response) and not answers.has_math_mode(response):
        number = answers.last_number(said or response)
        if number is not None:
            return number
    if len(response) <= LONGEST:
        return response
    return "".join(response[-LONGEST:].split(maxsplit=1)[1:])  # not from the middle of a number


@lru_cache(maxsize=16384)  # the rollouts of a group give few distinct answers
def compare(gold: str, given: str, timeout: float) -> Verdict:
    equal = equal_by_spelling(gold, given)
    if equal is not None:
        said = _difference(gold, given)
        return Verdict.correct(said) if equal else Verdict.incorrect(said)
    try:
        found = boundary.call("datafactory.verifiers._math_child:compare", gold, given, timeout=timeout)
    except boundary.TimedOut as error:
        return Verdict.undecided("timeout", f"{_difference(gold, given)}: {error}")
    except boundary.Failed as error:
        return Verdict.undecided("error", f"{_difference(gold, given)}: {error}")
    if found["equal"]:
        return Verdict.correct(_difference(gold, given))
    if not found["gold"]:
        return Verdict.undecided("undecidable_gold", f"cannot read the gold answer {_short(gold)}")
    if found["given"] is None:
        return Verdict.no_answer(f"expected {_short(gold)}, found no answer")
    return Verdict.incorrect(_difference(gold, found["given"]))


def equal_by_spelling(gold: str, given: str) -> bool | None:
    """Whether the answers are equal where that is certain without algebra, else None."""
    ours, theirs = answers.plain(gold), answers.plain(given)
    if ours and ours == theirs:
        return True
    expected, got = answers.number(ours), answers.number(theirs)
    if expected is not None and got is not None:
        whole = expected.denominator == 1 and got.denominator == 1
        return expected == got or (not whole and abs(expected - got) <= SAME * max(abs(expected), abs(got)))
    words = WORDS.fullmatch(gold)
    if words and (words["text"] or (len(words["words"]) > 3 and not gold.startswith(FUNCTIONS))):
        return ours.casefold() == theirs.casefold()
    return None


def _difference(gold: str, given: str) -> str:
    return f"expected {_short(gold)}, got {_short(given)}"


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}..."
