r"""The word, or the letter of an option, that the last sentence of a response gives as its answer.

In   the end of a response, the gold answer, its Form
Out  the answer as written; None where there is none
Use  a sentence that denies, or that says another word of the same kind (a day, a name) last, does not give the gold one
"""

from __future__ import annotations

import re

from datafactory.verifiers._math import words
from datafactory.verifiers._math.form import Form, Several, Value, Words

_SENTENCE = re.compile(r"[.!?。！？]\s+|\n")
_DELIMITERS = re.compile(r"\\[()\[\]]|\$\$?")
_CHOICE = re.compile(r"(?:\\text(?:bf)?\s*\{)?\(?([A-J])\)?\}?[.。]?")
_OPTION = re.compile(r"\(([A-J])\)|\*\*([A-J])\*\*|(?<![\w'])([B-HJ])(?![\w'])|(?<=[是选为])([A-J])(?![\w'])")
_DENIES = re.compile(r"\b(?:not|no|neither|nor|never|or|if|whether|either|cannot)\b|n't\b", re.I)
_OPPOSITES = {"yes": "no", "no": "yes", "true": "false", "false": "true", "odd": "even", "even": "odd"}
_KINDS = [
    set(kind.split())
    for kind in (
        "monday tuesday wednesday thursday friday saturday sunday",
        "january february march april may june july august september october november december",
        "north south east west northeast northwest southeast southwest",
        "red blue green yellow orange purple black white brown pink",
        "increasing decreasing constant",
        "ellipse circle parabola hyperbola line point",
        "rational irrational",
        "maximum minimum",
    )
]
_CIRCLED = re.compile("[①-⑳](?:[、,，和 ]*[①-⑳])*")
_APART_FROM = re.compile(r"\b(?:other than|except|besides|apart from|unless)\b")
_PHRASES = sorted(words.SETS, key=len, reverse=True)


def is_circled(gold: str) -> bool:
    """Whether the gold answer is a choice of statements: ①③."""
    return _CIRCLED.fullmatch(gold) is not None


def is_of_words(gold: str, form: Form) -> bool:
    """Whether a gold answer is said in words and not worked out: a word, an option, no solution, ①③."""
    return (
        isinstance(form, Words)
        or _CHOICE.fullmatch(gold) is not None
        or (isinstance(form, Value) and form.text in words.SETS.values())
        or is_circled(gold)
    )


def word_in(text: str, gold: str, form: Form) -> str | None:
    sentences = [each.strip() for each in _SENTENCE.split(_DELIMITERS.sub(" ", text)) if each.strip()]
    if not sentences:
        return None
    last = sentences[-1]
    if is_circled(gold):
        *_, found = [None, *_CIRCLED.finditer(last)]
        return found[0] if found else last
    if not isinstance(form, Words):
        if isinstance(form, Several | Value) and not _CHOICE.fullmatch(gold):
            return _phrase_in(last) or last
        return _option_in(last)
    expected = words.normal(form.text)
    opposite = _OPPOSITES.get(expected, "")
    if opposite and (first := words.normal(sentences[0].partition(",")[0])) in (expected, opposite):
        return first
    said = f" {words.normal(last)} "
    if opposite and f" {opposite} " in said:
        return opposite
    if _CHOICE.fullmatch(gold) and (option := _option_in(last)):
        return option
    if expected == "dne" and re.search(r"does not exist|doesn't exist|\bDNE\b|不存在", last):
        return "does not exist"
    if f" {expected} " in said and not _DENIES.search(said.replace(f" {expected} ", " ")):
        return _said_instead(last, expected) or form.text
    return last


def _option_in(sentence: str) -> str | None:
    alone = _CHOICE.fullmatch(sentence)
    letters = [next(filter(None, found)) for found in _OPTION.findall(sentence)]
    return alone[1] if alone else letters[-1] if letters else None


def _phrase_in(sentence: str) -> str | None:
    """No solution, all real numbers, ...: what the sentence says."""
    said = f" {words.normal(sentence)} "
    if _APART_FROM.search(said):
        return None
    return next(
        (phrase for phrase in _PHRASES if f" {phrase} " in said or (not phrase.isascii() and phrase in said)), None
    )


def _said_instead(sentence: str, expected: str) -> str | None:
    """Another word of the same kind that is said after the expected one: Tuesday, where Monday is where it starts."""
    spoken = re.findall(r"[^\W\d_]+", sentence)
    folded = [word.casefold() for word in spoken]
    if " " in expected or expected not in folded:
        return None
    at = len(folded) - 1 - folded[::-1].index(expected)
    kind: set[str] = next((kind for kind in _KINDS if expected in kind), set())
    others = [word for word in folded[at + 1 :] if word in kind]
    if others:
        return others[-1]
    # the winner over Bob is Alice
    named = spoken[at][:1].isupper() and len(spoken) > at + 1 and spoken[-1][:1].isupper()
    linked = len(spoken) >= 2 and folded[-2] in ("is", "was", "be", "are")
    return spoken[-1] if named and linked and at < len(spoken) - 2 else None
