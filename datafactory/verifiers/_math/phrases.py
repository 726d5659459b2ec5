r"""Words that belong to the value of an answer, as signs: at least 5, 5 million, negative 5.

In   one line of plain LaTeX, words in \text{} or bare
Out  the same with signs for such words; what stands before a value and only says what it is
"""

from __future__ import annotations

import re

from datafactory.verifiers._math.tokens import FUNCTIONS, GREEK

_BOUNDS = {"at least": r"\ge ", "at most": r"\le ", "up to": r"\le ", "less than": "<", "fewer than": "<", "under": "<",
           "below": "<", "more than": ">", "greater than": ">", "over": ">", "above": ">", "no more than": r"\le ",
           "no less than": r"\ge ", "no fewer than": r"\ge ", "not": r"\ne "}  # fmt: skip
_OR = {"more": r"\ge ", "greater": r"\ge ", "higher": r"\ge ", "above": r"\ge ", "less": r"\le ", "fewer": r"\le ",
       "lower": r"\le ", "below": r"\le "}  # fmt: skip
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12,
           "万": 10**4, "亿": 10**8, "tenths": "1/10", "hundredths": "1/100", "thousandths": "1/1000",
           "millionths": "1/1000000"}  # fmt: skip
_LONGEST_PARTS = 100
_ACTS = {"squared": "^2", "cubed": "^3", "factorial": "!"}


def _said(of: object, ending: str = "") -> str:
    r"""A pattern for one of some words, bare or in \text{}."""
    words = "|".join(sorted(map(str, of), key=len, reverse=True))  # type: ignore[call-overload]
    return rf"(?:\\text\s*\{{\s*({words})\s*{ending}\}}|(?<![a-zA-Z\\])({words})(?![a-zA-Z]))"


_BOUND = re.compile(rf"^{_said(_BOUNDS)}\s*(?=[-$\\(.\d])", re.I)
_OR_MORE = re.compile(rf"(?<=[\d)}}%])\s*,?\s*{_said(f'or {word}' for word in _OR)}(?:\s+\w+)?$", re.I)
_NEGATIVE = re.compile(rf"^{_said(('negative', 'minus'))}\s*(?=[\\(.\d])", re.I)
_SCALE_IN_TEXT = re.compile(r"\\text\s*\{\s*(hundred|thousand|million|billion|trillion|dozen)\s+(?=[^\s}])")
_SCALE = re.compile(rf"(?<=[\d)}}])\s*{_said(scale for scale in _SCALES if scale.isascii())}|(?<=\d)\s*(万|亿)")
_ACT = re.compile(rf"(?<=[\d)}}])\s*{_said(_ACTS)}$")
_LEAD = re.compile(r"\\text\s*\{([^{}\d]*)\}\s*(?=[-\d\\(\[.]|[a-zA-Z]\s*(?:[=<>]|\\[lgn]e\b))")
_BARE_LEAD = re.compile(r"((?:[A-Za-z]+,?\s+){1,8})(?=[-\d\\.])")
_BARE_OPTION = re.compile(r"\(?[A-Ja-j]\s*[.)]\s+(?=\S)")
_ORDINAL = re.compile(r"(?<=\d)(?:\^\s*\{?\s*\\text\s*\{\s*(?:st|nd|rd|th)\s*\}\s*\}?|(?:st|nd|rd|th)\b)")
_OPTION = re.compile(r"\s*(?:\([A-J]\)|[A-J][.:)])\s*")
_HARMLESS = frozenset(
    re.findall(
        r"\w+",
        "the a an answer is are equals equal total value of about approximately roughly exactly just only so we get "
        "therefore thus hence final result there it that has have be to probability required asked sum which x",
    )
)
_CHANGES = frozenset(
    re.findall(
        r"\w+",
        "january february march april may june july august september october november december "
        "not no never neither nor except between half twice double triple than minus plus times root square cube least "
        "most",
    )
)


_IN_PARTS = {("hour", "minute"): 60, ("minute", "second"): 60, ("foot", "inch"): 12, ("day", "hour"): 24,
             ("pound", "ounce"): 16, ("week", "day"): 7, ("year", "month"): 12}  # fmt: skip
_PARTS = re.compile(
    r"(\d+)\s*(?:\\text\s*\{)?\s*(hour|minute|foot|feet|day|pound|week|year)s?,?\s*(?:and\s*)?\}?\s*(?:\\text\s*\{\s*and\s*\})?"
    r"\s*(?:\\text\s*\{)?\s*(\d+)\s*\}?\s*(?:\\text\s*\{)?\s*(minute|second|inch|hour|ounce|day|month)(?:e?s)?\s*\}?"
)


def _in_one_unit(match: re.Match[str]) -> str:
    """3 hours and 20 minutes is 200 minutes."""
    large, small = match[2].replace("feet", "foot"), match[4]
    size = _IN_PARTS.get((large, small))
    return match[0] if size is None else rf"{int(match[1]) * size + int(match[3])} \text{{{small}}}"


def is_bound(text: str) -> bool:
    return _BOUND.match(text) is not None


def rephrased(text: str) -> str:
    if not any(character.isalpha() for character in text):
        return text
    text = _ORDINAL.sub("", text)
    if len(text) <= _LONGEST_PARTS:
        text = _in_one_unit(parts) if (parts := _PARTS.fullmatch(text)) else text
    text = _SCALE_IN_TEXT.sub(r"\\text{\1} \\text{", text)
    text = _SCALE.sub(lambda m: f"*{_SCALES[(m[1] or m[2] or m[3])]}", text)
    text = _NEGATIVE.sub("-", _ACT.sub(lambda m: _ACTS[m[1] or m[2]], text))
    more = _OR_MORE.search(text)
    if more:
        return _OR[(more[1] or more[2]).casefold().removeprefix("or ")] + text[: more.start()]
    return _BOUND.sub(lambda m: _BOUNDS[(m[1] or m[2]).casefold()], text)


def lead(text: str) -> tuple[str, str] | None:
    r"""The words before a value, and the value: \text{A wins with probability } \frac12. None without such words."""
    if option := _BARE_OPTION.match(text):
        return "", text[option.end() :]
    match = _LEAD.match(text) or _BARE_LEAD.match(text)
    if match is None:
        return None
    if _OPTION.fullmatch(match[1]):
        return "", text[match.end() :].strip()
    words = re.findall(r"[^\W\d_]+", match[1])
    is_function = text[match.end() : match.end() + 1] == "(" and len(words) == 1 and match[1] == match[1].strip()
    if not words or is_function or (len(words) == 1 and len(words[0]) == 1):
        return None
    if match.re is _BARE_LEAD and (max(map(len, words)) < 3 or any(w in FUNCTIONS or w in GREEK for w in words)):
        return None
    # A may be a person
    return " ".join(word.casefold() if len(word) > 1 else word for word in words), text[match.end() :].strip()


def changes_value(words: str) -> bool:
    return bool(_CHANGES & set(words.split()))


def same_lead(one: str, other: str) -> bool:
    """Whether words before two values do not contradict each other: one says no more than the other."""
    ours, theirs = (set(words.split()) - _HARMLESS for words in (one, other))
    return ours <= theirs or theirs <= ours
