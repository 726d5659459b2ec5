r"""What the words after a number say: a unit of measurement, a label, or something that changes the value.

In   a quantity: 5 \text{ cm}^2, 30 miles per hour, 7 apples, 45\degree
Out  the number's text, its unit (one name for all spellings), its label
Use  units are compared where both answers name one, a label against a unit too; two labels are not, since the question
     names what is counted
"""

from __future__ import annotations

import re
from typing import NamedTuple

from datafactory.verifiers._math.tokens import FUNCTIONS, GREEK

_UNITS = {
    "mm": "millimeter millimetre mm", "cm": "centimeter centimetre cm 厘米", "dm": "decimeter dm 分米",
    "m": "meter metre m 米", "km": "kilometer kilometre km 千米 公里", "inch": "inch inche in", "foot": "foot feet ft",
    "yard": "yard yd", "mile": "mile mi", "mg": "milligram mg", "g": "gram g 克", "kg": "kilogram kg kilo 千克 公斤",
    "pound": "pound lb", "ounce": "ounce oz", "ton": "ton tonne 吨", "gallon": "gallon gal", "quart": "quart qt",
    "pint": "pint", "acre": "acre", "hectare": "hectare", "degree": "degree deg 度", "celsius": "celsius",
    "fahrenheit": "fahrenheit", "second": "second sec s 秒", "minute": "minute min 分钟", "hour": "hour hr h 小时",
    "day": "day 天", "week": "week wk 周", "month": "month 个月", "year": "year yr 年", "liter": "liter litre l 升",
    "ml": "milliliter ml 毫升", "radian": "radian rad", "dollar": "dollar usd buck", "cent": "cent", "euro": "euro",
    "yuan": "yuan 元", "newton": "newton n", "joule": "joule j", "watt": "watt w", "hz": "hertz hz",
    "mole": "mole mol", "pascal": "pascal pa", "volt": "volt v", "ampere": "ampere amp", "ohm": "ohm",
    "kelvin": "kelvin", "calorie": "calorie cal", "kcal": "kcal kilocalorie", "kj": "kilojoule kj", "ev": "ev",
    "atm": "atmosphere atm", "amu": "amu",
}  # fmt: skip
_UNIT_OF = {spelling: unit for unit, spellings in _UNITS.items() for spelling in spellings.split()}
_RATES = {"mph": "mile/hour", "kph": "km/hour", "kmph": "km/hour"}
_LENGTHS = {"mm", "cm", "dm", "m", "km", "inch", "foot", "yard", "mile"}
_POWERS = {"square": "^2", "sq": "^2", "squared": "^2", "cubic": "^3", "cu": "^3", "cubed": "^3"}
_COMPATIBLE = ({"degree", "celsius"}, {"degree", "fahrenheit"})
_GENERIC = frozenset(
    re.findall(
        r"\w+",
        "unit units total altogether in all long wide tall high deep old each apart away exactly respectively left "
        "remaining more of the them",
    )
)
# between words, and words of three letters that are counted: other short letters may be symbols
_SMALL = frozenset(
    re.findall(
        r"\w+",
        "of in a an the to per by at on is and for",
    )
)
_COUNTED = frozenset(
    re.findall(
        r"\w+",
        "men day cat dog hen pen cow pig egg car way boy kid bag box cup can set win row pet all old ant bee bus hat "
        "jar key map nut pan pie tie toy van web yen fox owl ray rat one two",
    )
)
# words that say another thing than the number before them
_CHANGES = frozenset(
    re.findall(
        r"\w+",
        "than not no never except or plus minus mod modulo factorial squared cubed",
    )
)

_CHINESE = re.compile(r"(?<=[\d})!])\s*([\u4e00-\u9fff]{1,6})$")
_OF_ANGLES = re.compile(r"sin|cos|tan|cot|sec|csc")
_DEGREE = re.compile(r"\s*\\degree\s*(?:\\text\s*\{\s*([CF])\s*\}|([CF]))?$")
_IN_TEXT = re.compile(r"\s*([*/]?)\s*\\text\s*\{([^{}]*)\}\s*(?:\^\s*\{?\s*(-?\d)\s*\}?)?\s*$")
_BARE = re.compile(
    r"(?<=[\d})%!])(?P<gap>\s*)(?P<words>[a-zA-Z][a-zA-Z./'-]*(?:\s+[a-zA-Z./'-]+){0,5})\s*(?:\^\s*\{?\s*(?P<power>\d)\s*\}?)?$"
)
_RAISED = re.compile(r"\^\{(-?\d)\}(?=[^{}]*\}\s*$)")  # \text{ m/s^{2}}
_ASIDE = re.compile(r"(?<=[\d})])\s+\([A-Za-z][A-Za-z -]{1,40}\)$")  # 10 (ten)


class Quantity(NamedTuple):
    """text: without the words after it. says: whether those words leave the value as it is."""

    text: str
    unit: str = ""
    label: str = ""
    leaves_value: bool = True


def quantity(text: str) -> Quantity:
    text = _RAISED.sub(r"^\1", _ASIDE.sub("", text))
    if (degrees := _DEGREE.search(text)) and not _OF_ANGLES.search(text):
        scale = {"C": "celsius", "F": "fahrenheit"}.get(degrees[1] or degrees[2] or "", "degree")
        return Quantity(text[: degrees.start()].strip(), scale)
    unit, label, leaves = "", "", True
    for _ in range(6):  # 5 \text{ square } \text{ cm}, 5 \text{ kg} * \text{m} / \text{s}
        match = _IN_TEXT.search(text)
        if match is None or match.start() == 0 or _is_name(text[: match.start()], match[2]):
            break
        leaves &= not _CHANGES & set(match[2].casefold().split())
        text, label = text[: match.start()].strip(), f"{match[2]} {label}".strip()
        unit = "" if match[1] else unit or _unit(match[2], match[3])
    if chinese := _CHINESE.search(text):
        return Quantity(text[: chinese.start()], _UNIT_OF.get(chinese[1], ""), chinese[1], leaves)
    match = _BARE.search(text)
    if match and (_is_unit(match["words"]) or (match["gap"] and _is_label(match["words"]))):
        leaves &= not _CHANGES & set(match["words"].casefold().split())
        unit = unit or _unit(match["words"], match["power"])
        text, label = text[: match.start()].strip(), f"{match['words']} {label}".strip()
    return Quantity(text, unit, "" if unit else label, leaves)


def contradict(one: Quantity, other: Quantity) -> bool:
    """Whether two quantities are of different units: 5 cm and 5 m, 140 degrees and 140 km, 16 dogs and 16 km."""
    if one.unit and other.unit:
        return one.unit != other.unit and {one.unit, other.unit} not in _COMPATIBLE
    unit, label = (one.unit, other.label) if one.unit else (other.unit, one.label)
    words = re.findall(r"[^\W\d_]+", label.casefold())
    counted = [word for word in words if word not in _GENERIC]
    return bool(unit and counted) and not any(_unit(word, None) or word in _RATES for word in words)


def _is_name(before: str, text: str) -> bool:
    r"""Whether the text is a symbol in an expression, as in 2\text{e}."""
    return before.rstrip()[-1:] in tuple("+-*/^_=") or (len(text) == 1 and text in "eixyn")


def _is_unit(text: str) -> bool:
    return len(text) > 1 and _unit(text, None) != ""


def _is_label(text: str) -> bool:
    """Whether letters after a number are words, and not symbols that it is multiplied by, as in 2 x y."""
    words = [word.strip(".,'") for word in re.split(r"[\s/-]+", text.casefold()) if word.strip(".,'")]
    if not words or re.search(r"(?<!\S)[-/](?!\S)", text):
        return False
    wordy = [word for word in words if _is_word(word)]
    return bool(wordy) and all(word in _SMALL or word in _UNIT_OF or word in wordy for word in words)


def _is_word(word: str) -> bool:
    if word in FUNCTIONS or word in GREEK:
        return False
    return len(word) > 3 or word in _COUNTED or (len(word) > 1 and word.removesuffix("s") in _UNIT_OF)


def _unit(text: str, power: str | None) -> str:
    named = re.sub(r"[.,]", " ", text).casefold().split()
    raised = "".join(_POWERS[word] for word in named if word in _POWERS) or (f"^{power}" if power else "")
    plain = " ".join(word for word in named if word not in _POWERS)
    if text.isupper() and len(text) == 1:
        return ""
    rate = _RATES.get(plain)
    if rate is None and len(parts := re.split(r"\s+per\s+|\s+an?\s+|\s*/\s*", plain)) == 2:
        above, below = (_simple(part) for part in parts)
        rate = f"{above}/{below}" if above and below else ""
    unit = rate or _simple(plain)
    return unit + raised if unit in _LENGTHS else unit


def _simple(word: str) -> str:
    for prefix in ("degrees ", "degree "):  # degrees Celsius
        if word.startswith(prefix):
            return _UNIT_OF.get(word.removeprefix(prefix), "")
    return _UNIT_OF.get(word) or _UNIT_OF.get(word.removesuffix("s"), "")
