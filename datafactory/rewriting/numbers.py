r"""Numbers: those of a text that stand nowhere in the texts it was written from.

In   the new text; what it was written from: question, gold answer, thinking, response
Out  each new number with the words around it

The same number   1,234 = 1234 = 1 234 = 1{,}234; 0.5 = 1/2 = \frac12 = ½ = 50 % = half; 2.5 million = 2 500 000;
                  ٣, ３ and 三 are 3; a decimal with two places or more is any number known that rounds to it; a sign
                  is none of the number
Free              0, 1 and 2 (`counting`); numbering that goes up from 1: "1.", "(2)", "Step 3", 第三步; a count of
                  steps, cases, methods and the like up to ten; labels, as in x_5 and H2O
Words             twelve and 三十五 count as digits do. Ordinals, a half, a dozen, single signs of Chinese and the words
                  of other languages make a number known, and are not looked for in the new text
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from datafactory.rewriting import number_words

COUNTING = 2
COUNTED = 10  # "five steps": so many at most
AROUND = 30  # characters
_MOST = 60  # digits of a number that are looked at

_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_CIRCLED = re.compile("[\u2460-\u249b\u24ea-\u24ff\u2776-\u2793]")  # labels
_SPACES = "\u00a0\u2007\u2009\u202f"
_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{\s*(-?[\d.,]+)\s*\}|(\d))\s*(?:\{\s*(-?[\d.,]+)\s*\}|(\d))")
_THIN = re.compile(r"(?<=\d)(?:\\[,;:! ]|\{,\}|\{\\,\}|~)(?=\d{3}(?!\d))")
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "millions": 10**6, "billion": 10**9,
           "百": 100, "千": 10**3, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}  # fmt: skip
_NUMBER = re.compile(
    rf"""(?P<label>(?<![A-Za-z])[A-Za-z]{{1,2}}|_\{{?)?
    (?P<digits>\d+(?:(?:[.,'’]|[ {_SPACES}](?=\d{{3}}(?!\d)))\d+)*)
    (?:[eE](?P<power>[+-]?\d{{1,2}})(?!\w))?
    (?:\s?/\s?(?P<below>\d+(?:\.\d+)?))?
    (?P<percent>\s?(?:\\?%|％|percent\b|per\ cent\b|por\ ciento\b|pour\ cent\b|Prozent\b|процент))?
    (?:(?:\s|\\,|~)?(?P<scale>{"|".join(_SCALES)})(?![A-Za-z]))?""",
    re.X,
)
_STEP = (
    r"steps?|cases?|parts?|stages?|phases?|options?|method|approach|schritt|fall|teil|paso|caso|étape|cas|passo|шаг"
    r"|случай"
)
_NUMBERING = re.compile(
    rf"(?m)^[ \t>*#-]*\(?(?P<list>\d{{1,2}})[.)、:：](?=\D|$)|\b(?:{_STEP})\s+(?P<step>\d{{1,2}})\b"
    r"|第\s?(?P<han>\d{1,2}|[一二三四五六七八九十]{1,3})\s?[步种个点条]|(?:ステップ|手順|단계)\s?(?P<other>\d{1,2})|(?<!\S)\((?P<aside>\d{1,2})\)(?=\s)",
    re.I,
)
_COUNT_OF = re.compile(
    r"\s+(?:[a-z-]+\s+)?(?:steps|cases|conditions|methods|approaches|equations|unknowns|variables|facts|ideas|reasons"
    r"|checks|stages|paragraphs)\b|\s?(?:步|种情况|种方法|个步骤|个部分|个条件|个方程|个方面)",
    re.I,
)


@dataclass(frozen=True)
class Number:
    """A number in a text: where it stands, and its readings, each some values that belong together."""

    start: int
    end: int
    readings: tuple[tuple[Fraction, ...], ...]
    label: bool = False


def new_numbers(text: str, known_from: Iterable[str], counting: int = COUNTING) -> list[str]:
    """The numbers of the text that none of the texts it was written from holds, each as it stands among its words."""
    known = known_numbers(known_from)
    ordered = sorted(known)
    plain = spelled(text)
    free = _numbering(plain)
    found = []
    for number in numbers_in(plain):
        if number.label or number.start in free or any(_known(each, known, counting) for each in number.readings):
            continue
        counted = number.readings[0][0] <= COUNTED and _COUNT_OF.match(plain, number.end)
        if counted or _rounded(plain[number.start : number.end], ordered):
            continue
        found.append(_among(plain, number))
    return found


@dataclass(frozen=True)
class Lost:
    """Numbers that a text had and the one in its place has not, as they stand, and their share of all that it had."""

    numbers: tuple[str, ...]
    values: frozenset[Fraction]
    share: float

    def among(self, text: str) -> str | None:
        """The first number of a text that is lost."""
        plain = spelled(text)
        for number in numbers_in(plain):
            if number.readings[0][0] in self.values:
                return plain[number.start : number.end].strip()
        return None


def lost_numbers(text: str, old: str, counting: int = COUNTING) -> Lost:
    """The numbers in digits of the old text, above counting and each once, that the one in its place does not say."""
    known = known_numbers([text])
    plain = spelled(old)
    free = _numbering(plain)
    had: dict[Fraction, str] = {}
    lost: dict[Fraction, str] = {}
    for number in numbers_in(plain):
        value = number.readings[0][0]
        if not plain[number.start].isdigit():
            continue  # a word may stay a word, of any language
        if number.label or number.start in free or _known(number.readings[0], set(), counting) or value in had:
            continue
        had[value] = plain[number.start : number.end].strip()
        if not any(_known(each, known, counting) for each in number.readings):
            lost[value] = had[value]
    return Lost(tuple(lost.values()), frozenset(lost), len(lost) / len(had) if had else 0.0)


def known_numbers(texts: Iterable[str]) -> set[Fraction]:
    """Every value that a number in these texts may have."""
    known: set[Fraction] = set()
    for text in texts:
        plain = spelled(text)
        for number in numbers_in(plain, every=True):
            known.update(value for reading in number.readings for value in reading)
        known.update(number_words.single(plain))
    return known


def spelled(text: str) -> str:
    """The text with its digits in ASCII, its fractions as a/b, and without LaTeX commands."""
    text = _CIRCLED.sub(" ", text)
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda match: f"^{match[0].translate(_RAISED)} ", text)
    text = re.sub("[₀-₉]+", lambda match: f"_{match[0].translate(_LOWERED)} ", text)
    text = re.sub("[¼-¾⅐-⅞]", lambda match: f" {unicodedata.normalize('NFKC', match[0]).replace('⁄', '/')} ", text)
    text = re.sub(r"[^\x00-\x7f]", _ascii, text)
    text = _THIN.sub("", text)
    text = _FRACTION.sub(lambda match: f" {match[1] or match[2]}/{match[3] or match[4]} ", text)
    return re.sub(r"\\[A-Za-z]+", " ", text)


def _ascii(match: re.Match[str]) -> str:
    sign = match[0]
    if sign.isdecimal():
        return str(unicodedata.decimal(sign))
    return {"٫": ".", "٬": ",", "．": ".", "，": ", ", "／": "/", "⁄": "/", "：": ":", "％": "%"}.get(sign, sign)


def numbers_in(text: str, every: bool = False) -> Iterator[Number]:
    """The numbers of a text in one spelling; with every also the readings by which a number only makes others known."""
    for match in _NUMBER.finditer(text):
        readings = [*_readings(match, every)]
        start = match.start("digits")
        yield Number(start, match.end(), tuple(readings), label=match["label"] is not None)
    for start, end, values in number_words.english(text):
        yield Number(start, end, tuple((value,) for value in values))
    for start, end, values in number_words.chinese(text):
        if every or end - start > 1:
            yield Number(start, end, tuple((value,) for value in values))


def _readings(match: re.Match[str], every: bool) -> Iterator[tuple[Fraction, ...]]:
    plain = [*_values(match["digits"])]
    if match["power"]:
        power = Fraction(10) ** int(match["power"])
        plain = [tuple(value * power for value in values) for values in plain]
    if match["scale"]:
        scaled = [tuple(value * _SCALES[match["scale"]] for value in values) for values in plain]
        plain = [*scaled, *plain] if every else scaled
    if match["below"]:
        yield from _quotients(match, plain, every)
        return
    yield from plain
    if match["percent"]:
        yield from (tuple(value / 100 for value in values) for values in plain)


def _quotients(match: re.Match[str], plain: list[tuple[Fraction, ...]], every: bool) -> Iterator[tuple[Fraction, ...]]:
    """a/b as a fraction, as a mixed number with what stands before it, or as two numbers that are known."""
    below = Fraction(match["below"])
    for values in plain:
        if below:
            yield (values[0] / below,)
            before = match.string[max(0, match.start() - 12) : match.start()]
            if whole := re.search(r"(?<![\d.,])(\d+)\s$", before):  # 1 1/2
                yield (int(whole[1]) + values[0] / below,)
        yield (*values, below)


def _values(digits: str) -> Iterator[tuple[Fraction, ...]]:
    """What digits with marks between them may say: a whole number in groups, a decimal, a list."""
    parts = re.split(r"\D", digits)
    marks = re.findall(r"\D", digits)
    listed = tuple(Fraction(part[:_MOST]) for part in parts)
    if not marks or len(digits) > _MOST:
        yield listed
        return
    last, before = marks[-1], marks[:-1]
    grouped = len(set(marks)) == 1 and _grouped(parts)
    if grouped:
        yield (Fraction("".join(parts)),)
    if last in ".,":
        if not before:
            yield (Fraction(f"{parts[0]}.{parts[1]}"),)
        elif len(set(before)) == 1 and before[0] != last and _grouped(parts[:-1]):
            yield (Fraction(f"{''.join(parts[:-1])}.{parts[-1]}"),)
    sure = grouped and (any(part[0] == "0" for part in parts[1:]) or (len(parts) > 2 and not last.isspace()))
    if marks != ["."] and not sure:  # "(3,4)", "12.05.2024"; but 3.7 and 1,000,000 are one number
        yield listed


def _grouped(parts: list[str]) -> bool:
    first, *rest = parts
    if not rest or not 1 <= len(first) <= 3 or len(rest[-1]) != 3:
        return False
    return all(len(part) == 3 for part in rest) or (len(first) <= 2 and all(len(part) == 2 for part in rest[:-1]))


def _known(values: tuple[Fraction, ...], known: set[Fraction], counting: int) -> bool:
    return all(value in known or (value.denominator == 1 and value <= counting) for value in values)


def _rounded(token: str, known: list[Fraction]) -> bool:
    """Whether a decimal is a number known, rounded to its places; known is in order."""
    decimal = re.fullmatch(r"(\d+)[.,](\d{2,12})", token)
    if decimal is None:
        return False
    value, step = Fraction(f"{decimal[1]}.{decimal[2]}"), Fraction(1, 10 ** len(decimal[2]))
    at = bisect_left(known, value - step / 2)
    return at < len(known) and known[at] <= value + step / 2


def _numbering(text: str) -> set[int]:
    """Where the numbers stand that only number what follows, as long as they go up from 1."""
    free, most = set(), 0
    for match in _NUMBERING.finditer(text):
        name = next(name for name, value in match.groupdict().items() if value is not None)
        if name == "han" and not match[name].isdigit():
            free.add(match.start(name))
            continue
        value = int(match[name])
        if value <= most + 1:  # a list within a list begins anew
            free.add(match.start(name))
            most = max(most, value)
    return free


def _among(text: str, number: Number) -> str:
    around = text[max(0, number.start - AROUND) : number.end + AROUND]
    return f"{text[number.start : number.end].strip()} in '{' '.join(around.split())}'"
