"""What the words in an answer mean: numbers, sets, which wordings are the same, and which letters are no words."""

from __future__ import annotations

import itertools
import re

_ONES = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen",
)
_TENS = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9}
NUMBERS = {
    **{word: str(number) for number, word in enumerate(_ONES)},
    **{word: str(20 + 10 * number) for number, word in enumerate(_TENS)},
    **{
        f"{ten}{joint}{one}": str(20 + 10 * number + digit)
        for number, ten in enumerate(_TENS)
        for digit, one in enumerate(_ONES[1:10], 1)
        for joint in ("-", " ")
    },
    **{word: str(number) for number, word in enumerate("零一二三四五六七八九十")},
    **dict.fromkeys(("hundred", "one hundred", "a hundred"), "100"),
    **dict.fromkeys(("thousand", "one thousand", "a thousand"), "1000"),
    **dict.fromkeys(("one half", "half", "a half"), "1/2"),
    **dict.fromkeys(("one third", "a third"), "1/3"),
    **dict.fromkeys(("two thirds",), "2/3"),
    **dict.fromkeys(("one quarter", "a quarter", "one fourth", "one-fourth"), "1/4"),
    **dict.fromkeys(("three quarters", "three fourths"), "3/4"),
}
BASES = {"two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
         "ten": "10", "sixteen": "16", "twelve": "12"}  # fmt: skip
SETS = {
    **dict.fromkeys(
        ("no solution", "no solutions", "no real solution", "no real solutions", "empty set"), r"\emptyset"
    ),
    **dict.fromkeys(("all real numbers", "all reals", "real numbers", "any real number", "reals"), r"\mathbb{R}"),
    **dict.fromkeys(("infinity", "positive infinity"), r"\infty"),
    **dict.fromkeys(("negative infinity", "minus infinity"), r"-\infty"),
    **dict.fromkeys(("无解", "无实数解", "空集"), r"\emptyset"),
    **dict.fromkeys(("全体实数",), r"\mathbb{R}"),
}
_SAME = {
    "does not exist": "dne",
    "doesnt exist": "dne",
    "doesn't exist": "dne",
    "不存在": "dne",
    "是": "yes",
    "否": "no",
}
# symbols that stand side by side are a product, these are words
_SHORT = {"yes", "no", "odd", "even", "all", "none", "dne", "east", "west", "red", "blue", "true", "false", "never",
          "mon", "tue", "wed", "thu", "fri", "sat", "sun", "six", "two", "one", "ten", "is", "it", "of", "to", "the",
          "at", "by", "we", "are", "not", "and", "or", "for", "but", "can", "big", "day"}  # fmt: skip

_ARTICLES = re.compile(r"\b(?:the|a|an)\b|[^\w\s']")


def number(text: str) -> str | None:
    """The number that words say, as LaTeX, if they say one: twelve, two hundred and five, three million."""
    text = " ".join(text.casefold().split())
    if text in NUMBERS:
        return NUMBERS[text]
    total, part, last = 0, 0, ""
    for word in re.split(r"[\s-]+", text.replace(",", " ")):
        if word == "and" and last in _SCALES:
            continue
        if word in _SCALES and part and (word != "hundred" or part < 100):
            part *= _SCALES[word]
            if word != "hundred":
                total, part = total + part, 0
        elif word in _ONES or word in _TENS:
            value = int(NUMBERS[word])
            if part and not (part % 100 == 0 or (part % 10 == 0 and value < 10 and last in _TENS)):
                return None
            part += value
        else:
            return None
        last = word
    return str(total + part) if total or part else None


def normal(text: str) -> str:
    """Words in one wording: case, articles and punctuation do not count."""
    text = " ".join(_ARTICLES.sub(" ", re.sub(r"\\text\{([^{}]*)\}", r"\1", text).casefold()).split())
    return _SAME.get(text, text)


def is_symbols(text: str) -> bool:
    """Whether letters are products, sums and quotients of symbols, as xyz, p - q and ab/c are, and not words."""
    if text == "sqrt":
        return True
    tokens = [token for token in re.findall(r"[^\W\d_]+", text) if token not in ("and", "or")]
    return bool(tokens) and all(token.isascii() and (_is_short(token) or _is_run(token)) for token in tokens)


def _is_short(token: str) -> bool:
    return len(token) <= 3 and token.casefold() not in _SHORT


def _is_run(token: str) -> bool:
    """abcd, wxyz: neighbours in the alphabet are symbols."""
    steps = {ord(b) - ord(a) for a, b in itertools.pairwise(token)}
    return len(token) == 4 and steps in ({1}, {-1})
