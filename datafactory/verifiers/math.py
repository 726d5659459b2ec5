"""Math: the final answer equals the gold answer as mathematics: by exact arithmetic, part by part, or else by sympy.

In   answer, response: its last \\boxed{} or <answer> block, "the answer is", or else the formula or number it ends on
Out  1 when equal, 0 when not; no_answer when there is none, undecidable_gold when the gold answer cannot be read,
     timeout after `timeout` seconds, error when the comparison died
Use  GSM8K, MATH, AIME: numbers, expressions, tuples, sets, intervals, matrices, units, answers of a word
"""

from __future__ import annotations

import re
from functools import lru_cache

from pydantic import Field

from datafactory import answers, boundary
from datafactory.config import Base
from datafactory.types import Completion, Problem, Verdict
from datafactory.verifiers._math import words
from datafactory.verifiers._math.form import Form, Several, Value, Words, readable
from datafactory.verifiers._math.reading import read
from datafactory.verifiers._math.same import same_answer
from datafactory.verifiers._math.spelling import spelled
from datafactory.verifiers._math.value import same_value

VERSION = 2
LONGEST = 4000  # characters of an answer; the longest gold answer of MATH has 159
LONGEST_SAID = 100  # characters after "is" that may be an answer
LONGEST_HERE = 1000  # characters of an answer that this process reads itself
CODE = re.compile(r"__\w+__|(?<!\\)\blambda\b|\w\(['\")]")  # states no answer, whatever number it ends in
FORMULAS = re.compile(r"\$\$?[^$]{1,300}\$\$?|\\\([^$\\]{1,300}\\\)")
JOINTS = re.compile(r"\b(?:and|or|percent(?:age)?|pct)\b|[\s,;.%]")
WORD = re.compile(r"[A-Z][a-z]+\s+[\d\\(-]")  # So 5 + 6 = 11
SENTENCE = re.compile(r"[.!?。！？]\s+|\n")
SAYS = re.compile(r"\b(?:is|are|be|equals)\b[: ]")
CHOICE = re.compile(r"\(?[A-J]\)?")
OPTION = re.compile(r"\(([A-J])\)|\*\*([A-J])\*\*|(?<![\w'])([B-HJ])(?![\w'])")
DENIES = re.compile(r"\b(?:not|no|neither|nor|never|or|if|whether|either|cannot)\b|n't\b", re.I)
OPPOSITES = {"yes": "no", "no": "yes", "true": "false", "false": "true", "odd": "even", "even": "odd"}


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
    given = answers.final(response) if completion.finish_reason == "length" else _answer_in(response, gold)
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
    return _stated_in(gold, "") or gold


def _answer_in(response: str, gold: str) -> str:
    """The answer where it is marked, else what is stated as it, else what the response ends on."""
    marked = answers.final(response)
    if marked is not None:
        return marked
    if CODE.search(response.rpartition("\n")[2][-LONGEST:]):
        return ""
    if (said := _stated_in(response, gold)) is not None:
        return said
    if len(response) > LONGEST:
        response = "".join(response[-LONGEST:].split(maxsplit=1)[1:])  # not from the middle of a number
    return _ending(response, gold)


def _stated_in(text: str, gold: str) -> str | None:
    said = answers.stated(text)
    if not said:
        return None
    parts = (
        [said] if len(said) <= LONGEST_HERE and _is_answer(said) else [answers.claim(said[:LONGEST]), said[:LONGEST]]
    )
    for part in parts:
        found = _ending(part, gold)
        # "the answer is correct" states no number
        if found and (isinstance(read(gold), Words) or not isinstance(read(found), Words)):
            return found
    return None


def _ending(text: str, gold: str) -> str:
    """All of a text that is an answer and nothing else, else what its prose ends on: of a sum it quotes, nothing."""
    if len(text) <= LONGEST_HERE and _is_answer(text):
        return text
    form = read(gold)
    if isinstance(form, Words) or CHOICE.fullmatch(gold):
        return _word_in(text, form) or ""
    formula = answers.last_formula(text)
    if formula and "\\" not in formula[1] and not answers.is_formula(formula[1]):
        formula = None  # between two prices stands prose
    after = text[formula[0] :].replace("$", " ") if formula else text
    if formula and isinstance(form, Several):
        return _joined(text[-LONGEST_HERE:]) or formula[1]
    *_, said = ["", *SAYS.split(SENTENCE.split(after.strip())[-1])[1:]] if not formula else [""]
    if 0 < len(said) <= LONGEST_SAID and _is_answer(said) and not isinstance(read(said), Words):
        return said.strip(" .。*")
    return answers.last_number(after) or (formula[1] if formula else "")


def _joined(text: str) -> str:
    """The formulas that a text ends on, where "and", "or" or a comma joins them: $1$ and $2$."""
    found = list(FORMULAS.finditer(text))
    first = len(found) - 1
    while first > 0 and not JOINTS.sub("", text[found[first - 1].end() : found[first].start()]):
        first -= 1
    return text[found[first].start() : found[-1].end()] if first >= 0 else ""


def _is_answer(text: str) -> bool:
    outside = FORMULAS.sub("", text)
    if outside != text:
        return not JOINTS.sub("", outside)
    return answers.is_formula(text) and not WORD.match(text) and readable(read(text))


def _word_in(text: str, gold: Form) -> str | None:
    """A gold answer of words, or the letter of an option, where the last sentence says it and denies nothing."""
    sentences = [sentence for sentence in SENTENCE.split(text[-LONGEST:]) if sentence.strip()]
    if not sentences:
        return None
    if not isinstance(gold, Words):
        letters = [next(filter(None, found)) for found in OPTION.findall(sentences[-1])]
        return letters[-1] if letters else None
    expected = words.normal(gold.text)
    opposite = OPPOSITES.get(expected, "")
    if opposite and (first := words.normal(sentences[0].partition(",")[0])) in (expected, opposite):
        return first
    said = f" {words.normal(sentences[-1])} "
    if opposite and f" {opposite} " in said:
        return opposite
    if f" {expected} " in said and not DENIES.search(said.replace(f" {expected} ", " ")):
        return gold.text
    return sentences[-1].strip()


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
    if answers.plain(gold) == answers.plain(given) != "" or spelled(gold) == spelled(given) != "":
        return True
    if max(len(gold), len(given)) > LONGEST_HERE:
        return None
    return same_answer(gold, given, _same_leaf)


def _same_leaf(gold: Value, given: Value) -> bool | None:
    return None if gold.node is None or given.node is None else same_value(gold.node, given.node)


def _difference(gold: str, given: str) -> str:
    return f"expected {_short(gold)}, got {_short(given)}"


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}..."
