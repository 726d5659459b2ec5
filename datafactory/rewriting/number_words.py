"""Number words: the values that words say, as texts spell them: twelve, twenty-first, a dozen, 三百二十, doce, vierzig.

In   a text
Out  english, chinese: each number with the place of its words; single: what further words may mean

English and Chinese are read in full, of other languages the words that are common.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import cache

from datafactory.verifiers._math import words

Values = tuple[Fraction, ...]

_ENGLISH = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion"
)
_WORD = rf"(?:{'|'.join(_ENGLISH.split())})"
_PHRASE = re.compile(rf"\b(?:an? (?=hundred|thousand|million|billion))?{_WORD}(?:(?:[ -]|,? and |, ){_WORD})*\b", re.I)
_ORDINALS = {
    word: number
    for number, word in enumerate(
        re.findall(
            r"\w+",
            "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
            "sixteenth seventeenth eighteenth nineteenth twentieth",
        ),
        3,
    )
}
_OTHERWISE = {"quarter": Fraction(1, 4), "quarters": Fraction(1, 4), "dozen": Fraction(12), "triple": Fraction(3),
              "thrice": Fraction(3), "half": Fraction(1, 2), "double": Fraction(2), "twice": Fraction(2)}  # fmt: skip
_SINGLE = re.compile(rf"\b(?:(?P<ordinal>{'|'.join(_ORDINALS)})s?|(?P<other>{'|'.join(_OTHERWISE)}))\b", re.I)

_DIGITS = {
    sign: value
    for value, signs in enumerate(re.findall(r"\w+", "零〇 一壹 二两兩贰 三叁 四肆 五伍 六陆 七柒 八捌 九玖"))
    for sign in signs
}
_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 10**3, "仟": 10**3, "万": 10**4, "萬": 10**4, "亿": 10**8,
          "億": 10**8}  # fmt: skip
_SIGN = f"[{''.join(_DIGITS)}{''.join(_UNITS)}]"
_PARTS = re.compile(rf"(?P<below>{_SIGN}+)分之(?P<above>{_SIGN}+)(?:点(?P<behind>[{''.join(_DIGITS)}]+))?")
_HAN = re.compile(rf"{_SIGN}+(?:点[{''.join(_DIGITS)}]+)?|半")

# of other languages, 3 and up: a word that is one of English too (six, million) is read there
_ELSEWHERE = """
es tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince 20:veinte 30:treinta 40:cuarenta
   50:cincuenta 60:sesenta 70:setenta 80:ochenta 90:noventa 100:cien 100:ciento 1000:mil
fr trois quatre cinq 6:six sept huit neuf dix onze douze treize quatorze quinze seize 20:vingt 30:trente 40:quarante
   50:cinquante 60:soixante 100:cent 1000:mille
de drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn
   20:zwanzig 30:dreißig 40:vierzig 50:fünfzig 60:sechzig 70:siebzig 80:achtzig 90:neunzig 100:hundert 1000:tausend
it tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici 20:venti 30:trenta
   40:quaranta 50:cinquanta 60:sessanta 70:settanta 80:ottanta 90:novanta 100:cento 1000:mille
pt três quatro cinco seis sete oito nove dez onze doze treze catorze quinze 20:vinte 30:trinta 40:quarenta
   50:cinquenta 60:sessenta 70:setenta 80:oitenta 90:noventa 100:cem 100:cento 1000:mil
ru три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать четырнадцать пятнадцать 20:двадцать
   30:тридцать 40:сорок 50:пятьдесят 100:сто 1000:тысяча
ko 3:셋 3:세 4:넷 4:네 5:다섯 6:여섯 7:일곱 8:여덟 9:아홉 10:열 20:스물
"""


def english(text: str) -> Iterator[tuple[int, int, Values]]:
    """The number words of English: where each begins and ends, and its value."""
    for match in _PHRASE.finditer(text):
        if not re.search(r"\d\s?$", text[max(0, match.start() - 2) : match.start()]):  # 5 hundred
            yield from _parts(match[0], match.start(), [r"(?:,? and |, )", " ", "-"])


def _parts(phrase: str, start: int, joints: list[str]) -> Iterator[tuple[int, int, Values]]:
    """The phrase as one number, or else what stands between its joints: "twelve and thirty-five", "three four"."""
    said = words.number(re.sub(r"[, ]+", " ", phrase))
    if said is not None:
        yield start, start + len(phrase), (Fraction(said),)
    elif joints:
        begin = 0
        for joint in [*re.finditer(joints[0], phrase), None]:
            end = joint.start() if joint else len(phrase)
            yield from _parts(phrase[begin:end], start + begin, joints[1:])
            begin = joint.end() if joint else end


def single(text: str) -> Iterator[Fraction]:
    """What ordinals, fractions and the number words of other languages may mean."""
    for match in _SINGLE.finditer(text):
        place = _ORDINALS.get((match["ordinal"] or "").lower())
        yield from (Fraction(place), Fraction(1, place)) if place else (_OTHERWISE[match["other"].lower()],)
    known = _elsewhere()
    for word in re.findall(r"[^\W\d_]+", text.lower()):
        if word in known:
            yield known[word]


def chinese(text: str) -> Iterator[tuple[int, int, Values]]:
    """The Han numerals: 三十五, 二零二四, 三点五, 四分之一, 百分之五十, 半."""
    taken = 0
    parts = list(_PARTS.finditer(text))
    for match in sorted([*parts, *_HAN.finditer(text)], key=lambda found: (found.start(), -found.end())):
        if match.start() < taken:
            continue
        taken = match.end()
        if match.re is _PARTS:
            below, above = (
                _han(match["below"]),
                _han(match["above"] + (f"点{match['behind']}" if match["behind"] else "")),
            )
            if below and above is not None:
                yield match.start(), match.end(), (above / below, *((above,) if below == 100 else ()))
        elif match[0] == "半":
            yield match.start(), match.end(), (Fraction(1, 2),)
        elif (value := _han(match[0])) is not None:
            yield match.start(), match.end(), (value,)


def _han(text: str) -> Fraction | None:
    whole, _, behind = text.partition("点")
    if not any(sign in _UNITS for sign in whole):
        value = Fraction(int("".join(str(_DIGITS[sign]) for sign in whole) or "0"))
    elif whole[0] in _UNITS and whole[0] not in "十拾":
        return None  # 千万 and 万一 are words
    else:
        total = part = digit = 0
        for sign in whole:
            if sign in _DIGITS:
                digit = _DIGITS[sign]
            elif _UNITS[sign] < 10**4:
                part, digit = part + (digit or 1) * _UNITS[sign], 0
            else:
                total, part, digit = (total + part + digit) * _UNITS[sign], 0, 0
        value = Fraction(total + part + digit)
    if behind:
        value += Fraction(int("".join(str(_DIGITS[sign]) for sign in behind)), 10 ** len(behind))
    return value


@cache
def _elsewhere() -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    number = 2
    for word in _ELSEWHERE.split():
        if word in ("es", "fr", "de", "it", "pt", "ru", "ko"):
            number = 2
            continue
        given, _, name = word.rpartition(":")
        number = int(given) if given else number + 1
        found[name] = Fraction(number)
    return found
