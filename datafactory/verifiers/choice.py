"""Choice: the option that the response settles on is the gold option.

In   answer: a letter as B or (B), or the text of an option; choices, where the options are known; response
Out  1 for the gold option, 0 for another; no_answer when the response settles on none or on several, undecidable_gold
     when the gold answer names none
Use  MMLU, GPQA, ARC, C-Eval: one right option, of as many as there are letters
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from string import ascii_uppercase

from datafactory import answers
from datafactory.config import Base
from datafactory.types import Completion, Problem, Verdict

VERSION = 2
LONGEST = 2000  # characters of an option
UNKNOWN = 10  # options where a problem does not list them: MMLU-Pro has ten (arXiv:2406.01574)

TYPESET = re.compile(r"\\(?:text(?:bf|it|rm)?|math(?:bf|rm|sf)|mbox|boldsymbol)\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
MARKS = re.compile(r"[*_`\"“”$]|\\[()\[\]]|\\[,;:!]")  # what sets a letter off and says nothing
ALONE = re.compile(r"(?:(?i:options?|choices?|answers?|选项?)\s*:?\s*)?[(\[{]*\s?([A-Za-z])\s?[)\]}.:,、]*")
LED = re.compile(r"(?:(?i:option|choice)\s)?(?:\(([A-Za-z])\)[.:,]?|([A-Z])\s?[.):、]|([A-Z]) -)\s*(\S.*)", re.S)
# "A and B", "A or maybe B", "A/B": several letters are not one option
SEVERAL = re.compile(
    r"(?i:options?\s|choices?\s)?[(\[]?[A-Z][)\]]?\s?(?:,\s?(?:and|or)|,|/|&|\+|and|or|nor|和|或|、|及|与|以及)\s?"
    r"(?:(?i:maybe|perhaps|possibly|also|both|then|option|choice)\s)?[(\[]?[A-Z](?![\w'’]|\s[a-z])|[A-Z]{2,5}\b"
)
_HOW = r"(?:(?:therefore|thus|indeed|clearly|definitely|probably|simply|most likely|hence),?\s)?"
_BE = r"(?:is|was|would be|should be|must be|has to be|turns out to be|:|=|->|→)"
_WHAT = r"(?:(?:the\s)?(?:correct\s|right\s|best\s)?(?:option|choice|letter|answer)[\s:]{0,3})?"
_LETTER = r"[\s]{0,3}([(\[{]?)\s?([A-Za-z])(?![\w'’]|-\w|\s?[=+^<>≤≥])"
SAID = re.compile(
    r"(?:(?i:(?<![a-z])(?:answers?|ans"
    r"|(?:correct|right|best|final|my|chosen|the|^)\s?(?:option|choice|one|letter|selection)"
    rf"|conclusion)(?:\s(?:here|to (?:this|the|your|my)?\s?(?:question|problem)(?:\s\d+)?))?\s{{0,3}}{_BE}"
    r"|\b(?:i|we)(?:['’](?:d|ll))?\s(?:would\s|will\s)?(?:choose|pick|select|go with)"
    r"(?=\s\(|\s(?:the\s)?(?:option|choice|answer))"
    r"|\b(?:corresponds? to|corresponding to|match(?:es|ing)|which is|that is|it is|it['’]s|is)"
    r"(?=\s(?:option|choice)\s)"
    rf")[\s:]{{0,4}}(?i:{_HOW}{_WHAT})"
    r"|(?:正确|最佳|最终)?(?:答案|选项)(?:应该|应当|应|就|只能|可能)?(?:是|为|选|:){1,3}(?:选项|选择)?"
    r"|(?<![不别未])(?:故|应|应该|因此|所以|只能|正确)?选(?:择)?(?!项)\s?:?)"
    rf"{_LETTER}"
    r"|(?:(?:^|[.,:;!—]\s|\b(?i:so|thus|hence|therefore|that|then|and|only|conclude|clearly)\s)"
    r"|\b(?i:option|choice|answer)\s)([(\[]?)([A-Z])[)\]]?\s(?:is|must be)\s"
    r"(?:indeed\s|clearly\s|therefore\s)?(?:the\s)?(?:only\s)?(?:correct|right|best|answer)\b"
    r"|选项\s?([(\[]?)([A-Z])[)\]]?\s?(?:是)?(?:正确|对)的?",
    re.M,
)
# "The answer is A train" settles nothing, "the answer is A because" does
ARTICLE = re.compile(r"[AI] (?!(?:is|because|since|as|which|with|for|and|but)\b)\w")
ENDS = re.compile(r"[)\]}.:,;!\s]*(?:$|\n)")
DENIED = re.compile(
    r"(?:\b(?:wrong|incorrect|common|tempting|another|possible|other|alternative|second|not|isn['’]t|n['’]t|never)"
    r"|\b(?:if|whether|suppose|assume|assuming|unless|why|doubt|is|was)\b[^.;!\n]{0,30}|[不非])\s*$",
    re.I,
)
REFUSED = re.compile(
    r"\b(?:not|n['’]t|wrong|incorrect|false|eliminat\w+|exclud\w+|rul(?:e|es|ed|ing) out|cannot|neither|nor|except|if"
    r"|let(?:['’]s)?|consider\w*|either|reject\w*)\b|n['’]t\b|[不错非误]|排除|\?",
    re.I,
)
# "(A) is wrong" speaks of an option
ABOUT = re.compile(
    r"(?:is|are|was|were|says?|states?|means?|refers?|has|can|could|does|must|might|may|would)(?:not|n['’]t)?\b"
    r"|[^.]*\?$"
)
AT_END = re.compile(r"(?:[(\[]([A-Z])[)\]]|\b(?:option|choice)\s([A-Z])(?!\w))\.?$", re.I)


def verify(problem: Problem, completion: Completion, config: Base) -> Verdict:
    choices = problem.choices or ()
    gold = named(problem.answer or "", choices)
    if gold is None:
        said = f"no option is {(problem.answer or '')[:80]!r}" if choices else "no letter, and no options are listed"
        return Verdict.undecided("undecidable_gold", said)
    given = settled_on(completion.response, choices, cut=completion.finish_reason == "length")
    if given is None:
        return Verdict.no_answer(f"expected {gold}, found no option")
    return Verdict.correct() if given == gold else Verdict.incorrect(f"expected {gold}, got {given}")


def settled_on(response: str, choices: Sequence[str], cut: bool = False) -> str | None:
    """The letter of the option that the response ends up with, by the plainest sign of it that there is.

    Of a response that was cut only what it marks or says to be the answer counts, not where it stopped.
    """
    text = answers.respelled(response).strip()
    marked = answers.final(text)
    if marked is not None:
        option = named(marked, choices)
        marked = _bare(marked)
        if option or ALONE.fullmatch(marked) or SEVERAL.match(marked):
            return option
    if option := _as_text(text, choices, exactly=True):
        return option
    text = _bare(text)
    if SEVERAL.fullmatch(text.rstrip(".")):
        return None
    said, place = _said(text, choices)
    if place >= 0:
        return said
    stated = answers.stated(text)
    if stated and (option := _as_text(stated, choices)):
        return option
    return None if cut else _named_first(text, choices) or _named_last(text, choices)


def named(text: str, choices: Sequence[str]) -> str | None:
    """The option that a text names and nothing else: B, (B), its text, or both."""
    text = answers.respelled(answers.final(text) or text).strip()
    return _as_text(text, choices, exactly=True) or _as_letter(_bare(text), choices) or _as_text(text, choices)


def _bare(text: str) -> str:
    return MARKS.sub("", TYPESET.sub(r"\1", text)).strip()


def _as_letter(text: str, choices: Sequence[str]) -> str | None:
    """The option of a letter alone, or of a letter with a text that is not another option's."""
    if alone := ALONE.fullmatch(text):
        return _option(alone[1], choices)
    led = LED.fullmatch(text) if "\n" not in text and not SEVERAL.match(text) else None
    if led is None:
        return None
    option, other = _option(led[1] or led[2] or led[3], choices), _as_text(led[4], choices)
    return option if other == option or (other is None and not ABOUT.match(led[4])) else None


def _as_text(text: str, choices: Sequence[str], exactly: bool = False) -> str | None:
    """The one option whose text this is, in the strictest sense in which it is any; `exactly` leaves out what a letter
    could mean."""
    if not choices or len(text) > LONGEST or (exactly and ALONE.fullmatch(text.strip())):
        return None
    for spelling in (answers.plain, _loosely, _value):
        spelled = spelling(text)
        same = [letter for letter, choice in zip(ascii_uppercase, choices, strict=False) if spelling(choice) == spelled]
        if same and spelled not in ("", None):
            return same[0] if len(same) == 1 else None
    return None


def _loosely(text: str) -> str:
    return answers.plain(_bare(text)).casefold()


def _value(text: str) -> Fraction | None:
    return answers.number(answers.plain(text))


def _said(text: str, choices: Sequence[str]) -> tuple[str | None, int]:
    """The option that the last plain statement gives, and where it stands; -1 where there is no such statement."""
    said, place = None, -1
    for match in SAID.finditer(text):
        bracket, letter = next((match[n], match[n + 1]) for n in (1, 3, 5) if match[n + 1])
        start = match.start(match.lastindex or 0)
        before = text[max(match.start() - 60, 0) : match.start()].rpartition("\n")[2]
        if (DENIED.search(before) and match[0][0] not in ".,:;!") or re.match(r"[)\]}.\s]*\?", text[start + 1 :]):
            continue
        rest = text[start:].partition("\n")[0].strip()
        if option := _as_text(rest, choices, exactly=True) or _as_text(rest.rstrip("."), choices, exactly=True):
            said, place = option, start
        elif SEVERAL.match(text, start - len(bracket)):
            said, place = None, start
        elif bracket or ENDS.match(text, start + 1) or (letter.isupper() and not ARTICLE.match(text, start)):
            said, place = _option(letter, choices), start
    return said, place


def _named_first(text: str, choices: Sequence[str]) -> str | None:
    """The option that the first line is, where no other line begins with another: an answer with its reason below."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    options = {_as_letter(line, choices) for line in lines} - {None}
    return _as_letter(lines[0], choices) if lines and len(options) == 1 else None


def _named_last(text: str, choices: Sequence[str]) -> str | None:
    """The option that the last line is, or that it ends on."""
    line = text.rpartition("\n")[2].strip()
    before = text[: len(text) - len(line)]
    if option := _as_text(line, choices):
        return option
    others = [other.strip() for other in before.split("\n")]
    # a list of the options ends on a line of this form too
    listed = any(ALONE.fullmatch(other) or LED.fullmatch(other) for other in others)
    if not listed and (option := _as_letter(line, choices)):
        return option
    ending = AT_END.search(line)
    if ending is None or REFUSED.search(line) or len(re.findall(r"[(\[][A-Z][)\]]", line)) > 1:
        return None
    return _option(ending[1] or ending[2], choices) if (ending[1] or ending[2]).isupper() else None


def _option(letter: str, choices: Sequence[str]) -> str | None:
    letter = letter.upper()
    return letter if letter in ascii_uppercase[: len(choices) or UNKNOWN] else None
