"""Choice: the option that the response settles on is the gold option.

In   answer: a letter as B or (B), or the text of an option; choices, where the options are known; response
Out  1 for the gold option, 0 for another; no_answer when the response settles on none, undecidable_gold when the gold
     answer names none
Use  MMLU, GPQA, ARC: one right option, of as many as there are letters
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

from datafactory import answers
from datafactory.config import Base
from datafactory.types import Completion, Problem, Verdict

VERSION = 1
UNKNOWN = 10  # options where a problem does not list them: MMLU-Pro has ten (arXiv:2406.01574)

ALONE = re.compile(r"[(\[{*]*([A-Za-z])[)\]}*.:,]*")
LED = re.compile(r"[*\s]*(?:\(([A-Za-z])\)|([A-Z])[.):、：])[*\s]*\S")  # B. text, (B) text
_LETTER = r"[\s*$]{0,8}([(\[]?)\s?([A-Za-z])(?![\w'’])"
SAID = re.compile(
    r"(?:(?i:answer|choice|option)\*{0,2}\s{0,4}(?i:is|was|would be|should be|must be|:|=)"
    r"|答案(?:应该)?(?:是|为|选|:){1,3}|选(?:择|项)?:?)"
    r"[\s*:]{0,8}(?i:(?:therefore|thus|indeed|clearly|probably)?,?\s?(?:the\s)?(?:option|choice|letter)?)"
    rf"{_LETTER}|(?<!\w){_LETTER}[)\]*]{{0,3}}\s(?:is|must be)\s(?:indeed\s)?(?:the\s)?(?:correct|right|best)"
)
# "The answer is A train" settles nothing, "the answer is A because" does; nor does "A and B".
ARTICLE = re.compile(r"[AI] (?!(?:is|because|since|as|which|with|for)\b)[a-z]")
SEVERAL = re.compile(r"[A-Z][)\]*]*\s?(?:,|/|&|and|or|和|或|、)\s?[(\[*]*[A-HJ-Z](?![\w'’])")
BRACKETED = re.compile(r"[(\[]([A-Z])[)\]]|\*\*\(?([A-Z])\)?\.?\*\*")


def verify(problem: Problem, completion: Completion, config: Base) -> Verdict:
    choices = problem.choices or ()
    gold = _named(problem.answer or "", choices)
    if gold is None:
        return Verdict.undecided("undecidable_gold", f"no option is {(problem.answer or '')[:80]!r}")
    given = settled_on(completion.response, choices)
    if given is None:
        return Verdict.no_answer(f"expected {gold}, found no option")
    return Verdict.correct() if given == gold else Verdict.incorrect(f"expected {gold}, got {given}")


def settled_on(response: str, choices: Sequence[str]) -> str | None:
    """The letter of the option that the response ends up with, by the plainest sign of it that there is."""
    text = answers.respelled(response).strip()
    marked = answers.final(text)
    if marked is not None and (option := _named(marked, choices)):
        return option
    if "\n" not in text and SEVERAL.match(text):
        return None
    return _alone(text, choices) or _said(text, choices) or _in_last_line(text, choices)


def _named(text: str, choices: Sequence[str]) -> str | None:
    """The option that a text names and nothing else: B, (B), its text, or both."""
    text = (answers.final(text) or text).strip()
    return _alone(text, choices) or (None if SEVERAL.match(text) else _led(text, choices))


def _alone(text: str, choices: Sequence[str]) -> str | None:
    plain = answers.plain(text)
    if (letter := ALONE.fullmatch(plain)) and (option := _option(letter[1], choices)):
        return option
    same = [letter for letter, choice in zip(ascii_uppercase, choices, strict=False) if answers.plain(choice) == plain]
    return same[0] if len(same) == 1 else None


def _led(text: str, choices: Sequence[str]) -> str | None:
    match = LED.match(text) if "\n" not in text else None
    return _option(match[1] or match[2], choices) if match else None


def _said(text: str, choices: Sequence[str]) -> str | None:
    said = None
    for match in SAID.finditer(text):
        bracket, letter = match.group(1, 2) if match[2] else match.group(3, 4)
        start = match.start(2) if match[2] else match.start(4)
        if SEVERAL.match(text, start):
            said = None
        elif bracket or (letter.isupper() and not ARTICLE.match(text, start)):  # small letters are words
            said = _option(letter, choices) or said
    return said


def _in_last_line(text: str, choices: Sequence[str]) -> str | None:
    line = text.rpartition("\n")[2].strip()
    named = {a or b for a, b in BRACKETED.findall(line)}
    if len(named) == 1:
        return _option(named.pop(), choices)
    return _alone(line, choices) or _led(text, choices)


def _option(letter: str, choices: Sequence[str]) -> str | None:
    letter = letter.upper()
    return letter if letter in ascii_uppercase[: len(choices) or UNKNOWN] else None
