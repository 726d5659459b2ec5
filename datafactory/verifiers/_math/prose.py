r"""The answer of a response that marks none: what it states as its answer, else what its last sentence says.

In   the text of a response, the gold answer (whose kind says what to look for: a number, a formula, a word)
Out  the answer as written; empty where there is none: in a sum that is not worked out, a denial, a choice left open
Use  total, and linear in the text
"""

from __future__ import annotations

import re

from datafactory import answers
from datafactory.verifiers._math import phrases, words
from datafactory.verifiers._math.form import Form, Ratio, Relation, Several, Value, Words, readable
from datafactory.verifiers._math.prose_words import is_circled, is_of_words, word_in
from datafactory.verifiers._math.reading import read
from datafactory.verifiers._math.tree import symbols

LONGEST = 4000  # characters of an answer; the longest gold answer of MATH has 159
LONGEST_SAID = 100  # characters after "is" that may be an answer
LONGEST_HERE = 1000  # characters of an answer that this process reads itself
_CODE = re.compile(r"__\w+__|(?<!\\)\blambda\b|\w\(['\")]")  # states no answer, whatever number it ends in
_FORMULAS = re.compile(r"(?<!\\)\$\$?[^$]{1,300}\$\$?|\\\([^$\\]{1,300}\\\)")
_JOINTS = re.compile(r"\b(?:and|or|percent(?:age)?|pct)\b|[\s,;.%]")
_WORD = re.compile(r"[A-Z][a-z]+\s+[\d\\(-]")  # So 5 + 6 = 11
_SENTENCE = re.compile(r"[.!?。！？]\s+|\n")
_SAYS = re.compile(r"\b(?:is|are|be|equals)\b[: ](?:(?:an?|the)\s)?")
_OPTION_LABEL = re.compile(r"^\(?[A-J][.:)]\s+(?=\S)")
_ENVIRONMENT = re.compile(r"\\begin\{([pbBvV]?matrix|array|cases|aligned)\}.{1,900}?\\end\{\1\}", re.S)
_ASIDE = re.compile(
    r"(?<=[\d)}$%])\s+\((?=[a-z]{2})(?!(?:theta|alpha|beta|sqrt|sin|cos|tan|log|ln|pi|and|or)\b)[^()]*\)"
)
_SUM_ASIDE = re.compile(
    r"(?<=[a-z]{3})(?<!sin)(?<!cos)(?<!tan)(?<!log)(?<!qrt)\s+\([^(),]{0,80}\d\s?[-+*/×÷=]\s?\d[^(),]{0,80}\)(?=[.。!]?$)"
)  # 18 eggs (6 + 12)
_REASON = re.compile(
    r",?\s(?:because|since|(?:al|even )?though|rather than|instead of)\b|(?:,|\sand|\sbut)\s+not\b|，而?不是|"
    r",?\s(?:at|when|where|if)\s+(?=\$?\\?\(?\s*[a-zA-Z]\s*=)"
)
_CHINESE_LEAD = re.compile(r"^[\u4e00-\u9fff]+[:：,，]?\s*(?=[-\dA-Za-z\\(（$])")  # 解得 x=5
_LEAD = re.compile(
    r"^\s*(?:(?:so|thus|hence|therefore|then|total|in total|altogether|result)\b\s*[,:]?\s*)+(?=[-\d(\\$])", re.I
)
_NUMBER = r"\$?-?\d[\d,.]*\d?\$?"
_CLAIMED = re.compile(
    rf"(\$[^$]{{1,200}}\$|(?<![^\s*]){_NUMBER})\s+is\s+(?:the|my|our)\s+(?:final\s+|correct\s+)?answer\b"
)
_DENIED = re.compile(
    rf"(?:\b(?:is|are|be|was)\s+not|n't(?:\s+be)?|\bnot\s+(?:be|equal\s+to))\s+(?:equal\s+to\s+)?{_NUMBER}(?!\S*\d)[^\d]*$"
    rf"|{_NUMBER}\s+(?:is\s+not|isn't|cannot\s+be|can't\s+be)\s+(?:the|my|our|an?|correct|right)\b[^\d]*$"
    rf"|{_NUMBER}(?:,?\s+which)?\s+is\s+(?:wrong|incorrect|false)\b[^\d]*$"
)
_LEFT_OPEN = re.compile(rf"\b(?:between\s+{_NUMBER}\s+and|either\s+{_NUMBER}[\w ]{{0,30}}\bor)\s+{_NUMBER}\W*$")
_ITEM = r"\s*-?[\w./\\{}^+√-]+\s*"
_TUPLE = re.compile(rf"[(\[]{_ITEM}(?:,{_ITEM}){{1,5}}[)\]]")
_FORMAL = re.compile(
    r"(?:[-+*/^=<>≤≥≠±(){}\[\].,|!:\d√π∞%]|\\[a-zA-Z]+|(?:sin|cos|tan|log|ln|sqrt|exp|pi)|(?<![a-zA-Z])[a-zA-Z]{1,2}(?![a-zA-Z]))+"
)
_SMALL_WORDS = {
    "is",
    "of",
    "to",
    "at",
    "in",
    "so",
    "we",
    "be",
    "it",
    "an",
    "or",
    "by",
    "as",
    "a",
    "I",
    "on",
    "if",
    "So",
    "It",
}


def answer_in(response: str, gold: str) -> str:
    """The answer where it is marked, else what is stated as it, else what the response ends on."""
    marked = answers.final(response)
    if marked is not None:
        return marked
    if answers.in_open_box(response) or _CODE.search(response.rpartition("\n")[2][-LONGEST:]):
        return ""
    if (said := stated_in(response, gold)) is not None:
        return said
    if len(response) > LONGEST:
        response = "".join(response[-LONGEST:].split(maxsplit=1)[1:])  # not from the middle of a number
    return _ending(_tidied(response), gold)


def _tidied(text: str) -> str:
    """Without emphasis, and with a matrix on one line."""
    return _ENVIRONMENT.sub(lambda m: " ".join(m[0].split()), answers.unemphasised(text))


def stated_in(text: str, gold: str) -> str | None:
    said = (answers.stated(text) or "")[:LONGEST]
    if not said:
        return None
    if not is_of_words(gold, form := read(gold)):
        said = _OPTION_LABEL.sub("", said)
    said = _SUM_ASIDE.sub("", answers.unemphasised(_ASIDE.sub("", said)).strip())
    parts = [said] if len(said) <= LONGEST_HERE and _is_answer(said) else [answers.claim(said), said]
    for part in parts:
        if phrases.is_bound(part) or (len(part) < LONGEST_SAID and words.number(part) is not None):
            return part
        found = _ending(part, gold)
        # "the answer is correct" states no number
        if found and (isinstance(form, Words) or not isinstance(read(found), Words)):
            return found
    return None


def _ending(text: str, gold: str) -> str:
    """All of a text that is an answer and nothing else, else what its prose ends on: of a sum it quotes, nothing."""
    form = read(gold)
    of_words = is_of_words(gold, form)
    text = text if of_words else _LEAD.sub("", _CHINESE_LEAD.sub("", text))
    if len(text) <= LONGEST_HERE and _is_answer(text) and not is_circled(gold):
        return text
    if of_words:
        return word_in(text[-LONGEST:], gold, form) or ""
    text = _shortened(_SUM_ASIDE.sub("", _ASIDE.sub("", text).rstrip()))
    last = _SENTENCE.split(text.strip())[-1]
    if claimed := _CLAIMED.search(last):
        return claimed[1]
    if _DENIED.search(last) or (_LEFT_OPEN.search(last) and isinstance(form, Value)):
        return ""
    return _formula_or_number(text, form)


def _shortened(text: str) -> str:
    """Without the reason, the comparison or the place that the last sentence gives after what it says."""
    *_, start = [0, *(end.end() for end in _SENTENCE.finditer(text.rstrip()))]
    for reason in _REASON.finditer(text, start):
        if any(character.isdigit() for character in text[start : reason.start()]):
            return text[: reason.start()]
    return text


def _formula_or_number(text: str, form: Form) -> str:
    formula = answers.last_formula(text)
    if formula and "\\" not in formula[1] and not answers.is_formula(formula[1]):
        formula = None  # between two prices stands prose
    *_, matrix = [None, *_ENVIRONMENT.finditer(text, max(len(text) - LONGEST, 0))]
    if matrix and (formula is None or formula[0] < matrix.start()):
        formula = (matrix.end(), matrix[0])
    after = text[formula[0] :].replace("$", " ") if formula else text
    if formula and isinstance(form, Several):
        return _joined(text[-LONGEST_HERE:]) or formula[1]
    last = _SENTENCE.split(after.strip())[-1]
    *_, said = ["", *_SAYS.split(last)[1:]] if not formula else [""]
    if 0 < len(said) <= LONGEST_SAID and _is_answer(said) and not isinstance(read(said), Words):
        return said.strip(" .。*")
    if not formula and not _is_plain(form) and (ends := _formal_end(last)):
        return ends
    number = answers.last_number(after)
    if number is None:
        return formula[1] if formula else ""
    if not answers.is_worked_out(number):
        return _tuple_around(number) if number.string[number.end() :].lstrip()[:1] in (")", "]", ",") else ""
    return _tuple_around(number) or number[0]


def _tuple_around(number: re.Match[str]) -> str:
    """The tuple whose last item a number is, if any."""
    line = answers.respelled(number.string[-LONGEST_HERE:])
    at = number.start() - (len(number.string) - len(line))
    return next((found[0] for found in _TUPLE.finditer(line) if found.start() < at < found.end()), "")


def _is_plain(form: Form) -> bool:
    """Whether a number is asked for, and not a formula."""
    return isinstance(form, Value) and (form.node is None or not symbols(form.node))


def _formal_end(sentence: str) -> str:
    """The formula that a sentence ends on, without signs around it: y = 2x + 1."""
    taken: list[str] = []
    for word in reversed(sentence.strip(" .。").split()):
        if not _FORMAL.fullmatch(word) or word in _SMALL_WORDS:
            break
        taken.insert(0, word)
    formula = " ".join(taken).strip(",:; ")
    wanted = any(character.isdigit() for character in formula) and len(formula) <= LONGEST_SAID
    return (
        formula
        if wanted and isinstance(form := read(formula), Relation | Several | Value | Ratio) and readable(form)
        else ""
    )


def _joined(text: str) -> str:
    """The formulas that a text ends on, where "and", "or" or a comma joins them: $1$ and $2$."""
    found = list(_FORMULAS.finditer(text))
    first = len(found) - 1
    while first > 0 and not _JOINTS.sub("", text[found[first - 1].end() : found[first].start()]):
        first -= 1
    return text[found[first].start() : found[-1].end()] if first >= 0 else ""


def _is_answer(text: str) -> bool:
    outside = _FORMULAS.sub("", text)
    if outside != text:
        return not _JOINTS.sub("", outside)
    return answers.is_formula(text) and not _WORD.match(text) and readable(read(text))
