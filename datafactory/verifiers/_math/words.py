r"""What the words in an answer mean: units, numbers, sets, and which wordings are the same.

Use  units of measurement are compared where both answers name one; any other word after a number is a label and is
     dropped, since the question names what is counted
"""

from __future__ import annotations

import re

_ONES = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen",
)
_TENS = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
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
    **dict.fromkeys(("无解",), r"\emptyset"),
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
          "mon", "tue", "wed", "thu", "fri", "sat", "sun", "six", "two", "one", "ten"}  # fmt: skip

_UNITS = {
    "mm": "millimeter millimetre mm", "cm": "centimeter centimetre cm", "dm": "decimeter dm", "m": "meter metre m",
    "km": "kilometer kilometre km", "inch": "inch inche in", "foot": "foot feet ft", "yard": "yard yd",
    "mile": "mile mi", "mg": "milligram mg", "g": "gram g", "kg": "kilogram kg 千克 公斤", "pound": "pound lb",
    "ounce": "ounce oz",
    "second": "second sec s 秒", "minute": "minute min 分钟", "hour": "hour hr h 小时", "day": "day 天",
    "week": "week wk", "month": "month", "year": "year yr 年", "liter": "liter litre l 升", "ml": "milliliter ml 毫升",
    "mph": "mph", "radian": "radian rad", "dollar": "dollar usd", "cent": "cent", "euro": "euro", "yuan": "yuan 元",
    "newton": "newton n", "joule": "joule j", "watt": "watt w", "hz": "hertz hz", "km/h": "km/h kph", "m/s": "m/s",
}  # fmt: skip
_UNIT_OF = {spelling: unit for unit, spellings in _UNITS.items() for spelling in spellings.split()}
_LENGTHS = {"mm", "cm", "dm", "m", "km", "inch", "foot", "yard", "mile"}
_POWERS = {"square": "^2", "sq": "^2", "squared": "^2", "cubic": "^3", "cu": "^3", "cubed": "^3"}
_CHINESE_UNITS = re.compile(r"(?<=[\d})!])\s*([\u4e00-\u9fff]{1,6})$")
_TEXT_UNIT = re.compile(r"\s*([*/]?)\s*\\text\s*\{([^{}]*)\}\s*(?:\^\s*\{?\s*(-?\d)\s*\}?)?\s*$")
_BARE_UNIT = re.compile(
    r"(?<=[\d})%!])(?P<gap>\s*)(?P<words>[a-zA-Z][a-zA-Z./-]*(?:\s+[a-zA-Z./-]+){0,3})\s*(?:\^\s*\{?\s*(?P<power>\d)\s*\}?)?$"
)
_ASIDE = re.compile(r"(?<=[\d})])\s+\([A-Za-z][A-Za-z -]{1,40}\)$")  # 10 (ten)
_LEADING_TEXT = re.compile(r"\\text\s*\{[^{}\d]*\}\s*(?=[-\d\\(])")
_ARTICLES = re.compile(r"\b(?:the|a|an)\b|[^\w\s']")


_BOUND = re.compile(
    r"(at least|at most|no (?:more|less|fewer) than|less than|fewer than|under|below|more than|greater than|over|above"
    r"|up to)\s+(?=[-$\\\d.])",
    re.I,
)
_BOUND_SIGNS = {"at least": r"\ge", "at most": r"\le", "up to": r"\le", "less than": "<", "fewer than": "<", "under": "<",
                "below": "<", "more than": ">", "greater than": ">", "over": ">", "above": ">",
                "no more than": r"\le", "no less than": r"\ge", "no fewer than": r"\ge"}  # fmt: skip


def is_bound(text: str) -> bool:
    """Whether words say that a number is only a bound: at least 5."""
    return _BOUND.match(text) is not None


def number(text: str) -> str | None:
    """The number that words say, as LaTeX, if they say one."""
    return NUMBERS.get(text.casefold())


def normal(text: str) -> str:
    """Words in one wording: case, articles and punctuation do not count."""
    text = " ".join(_ARTICLES.sub(" ", re.sub(r"\\text\{([^{}]*)\}", r"\1", text).casefold()).split())
    return _SAME.get(text, text)


def is_symbols(text: str) -> bool:
    """Whether letters are a product of symbols, as xyz is, and not a word."""
    short = " " not in text and len(text) <= 3 and text.isascii()
    return (short and text.casefold() not in _SHORT) or text == "sqrt"


def without_unit(text: str) -> tuple[str, str]:
    """A quantity without the words after it, and the unit of measurement that they name, if one is known."""
    text, unit = _ASIDE.sub("", _LEADING_TEXT.sub("", text)), ""
    for _ in range(6):  # 5 \text{ square } \text{ cm}, 5 \text{ kg} * \text{m} / \text{s}
        match = _TEXT_UNIT.search(text)
        if match is None or match.start() == 0 or _is_name(text[: match.start()], match[2]):
            break
        text, unit = text[: match.start()].strip(), "" if match[1] else unit or _unit(match[2], match[3])
    chinese = _CHINESE_UNITS.search(text)
    if chinese:
        return text[: chinese.start()], _UNIT_OF.get(chinese[1], "")
    match = _BARE_UNIT.search(text)
    if match and (_is_unit(match["words"]) or (match["gap"] and _is_label(match["words"]))):
        return text[: match.start()].strip(), unit or _unit(match["words"], match["power"])
    return text, unit


def _is_name(before: str, text: str) -> bool:
    r"""Whether the text is a symbol in an expression, as in 2\text{e}."""
    return before.rstrip()[-1:] in tuple("+-*/^_=") or (len(text) == 1 and text in "eixyn")


def _is_unit(text: str) -> bool:
    return len(text) > 1 and _unit(text, None) != ""


def _is_label(text: str) -> bool:
    first = text.split()[0]
    return len(first) > 3 or " " in text


def _unit(text: str, power: str | None) -> str:
    named = re.sub(r"[.,]", " ", text).casefold().split()
    raised = "".join(_POWERS[word] for word in named if word in _POWERS) or (f"^{power}" if power else "")
    plain = " ".join(word for word in named if word not in _POWERS)
    if plain in ("a m", "p m", "am", "pm"):
        return plain.replace(" ", "")
    unit = _UNIT_OF.get(plain) or _UNIT_OF.get(plain.removesuffix("s"), "")
    if text.isupper() and len(text) == 1:
        return ""
    return unit + raised if unit in _LENGTHS else unit
