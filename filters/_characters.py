"""Tables over all characters, each made once a process: what kind a character is, its lower case, its number in a key.

Kinds  SPACE, DIGIT, MARK (a combining mark), the number of a letter's script in KIND, OTHER_LETTER; else 0
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Numbers = npt.NDArray[Any]

SPACE, DIGIT, MARK = 1, 2, 3
_LETTER = 4  # the number of the first script
SCRIPTS = (
    "Latin", "Han", "Hiragana", "Katakana", "Hangul", "Cyrillic", "Greek", "Arabic", "Hebrew", "Devanagari", "Bengali",
    "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao", "Khmer",
    "Myanmar", "Tibetan", "Georgian", "Armenian", "Ethiopic", "Mongolian",
)  # fmt: skip
KIND = {script: _LETTER + at for at, script in enumerate(SCRIPTS)}
OTHER_LETTER = _LETTER + len(SCRIPTS)
SPACELESS = ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan")

_ALL = sys.maxunicode + 1
_READ = 0x20000  # from there to _HAN_END only Han is written, and behind it nothing that is a letter
_HAN_END = 0x33480
_AT_ONCE = 1 << 17  # characters: what is made of so many stays in the processor's cache
_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64


def of_each(table: Numbers, codes: Numbers) -> Numbers:
    """table[codes], made piece by piece."""
    found = np.empty(codes.size, dtype=table.dtype)
    for begin in range(0, codes.size, _AT_ONCE):
        some = slice(begin, begin + _AT_ONCE)
        np.take(table, codes[some], out=found[some], mode="clip")
    return found


def sums_of(table: Numbers, codes: Numbers, weights: Numbers | None = None) -> Numbers:
    """The sum of table[codes] * weights before each character, and of all: one more than there are characters."""
    sums = np.zeros(codes.size + 1, dtype=table.dtype)
    for begin in range(0, codes.size, _AT_ONCE):
        values = np.take(table, codes[begin : begin + _AT_ONCE], mode="clip")
        end = begin + values.size
        if weights is not None:
            values *= weights[begin:end]
        values[:1] += sums[begin : begin + 1]
        np.cumsum(values, out=sums[begin + 1 : end + 1])
    return sums


@cache
def kinds() -> Numbers:
    """uint8, the kind of every character."""
    read = pl.Series([chr(code) if not 0xD800 <= code < 0xE000 else "" for code in range(_READ)], dtype=pl.String)
    table = np.zeros(_ALL, dtype=np.uint8)
    known = table[:_READ]
    for number, pattern in ((OTHER_LETTER, r"\p{L}"), (SPACE, r"\s"), (DIGIT, r"\p{Nd}"), (MARK, r"\p{M}")):
        known[read.str.contains(pattern).to_numpy()] = number
    letters = known == OTHER_LETTER
    places = np.flatnonzero(letters)
    some = read.gather(places)
    for script, number in KIND.items():
        known[places[some.str.contains(rf"\p{{{script}}}").to_numpy()]] = number
    known[ord("ー")] = KIND["Katakana"]  # Unicode counts it to no script
    table[_READ:_HAN_END] = KIND["Han"]
    return table


@cache
def spaceless() -> Numbers:
    """bool by kind: whether a letter of it is a word of its own, for want of spaces."""
    table = np.zeros(OTHER_LETTER + 1, dtype=bool)
    table[[KIND[script] for script in SPACELESS]] = True
    return table


@cache
def lowered() -> Numbers:
    """uint32, the lower case of every character that has one of its own; else the character."""
    table = np.arange(_ALL, dtype=np.uint32)
    for code in range(_READ):
        low = chr(code).lower()
        if len(low) == 1:
            table[code] = ord(low)
    return table


@cache
def noise() -> Numbers:
    """uint64, a number for every character, the same on every machine."""
    return np.random.Generator(np.random.PCG64(0)).integers(0, 2**64, _ALL, dtype=np.uint64)


@cache
def drawn() -> Numbers:
    """uint64, for every character the number of its lower case."""
    return noise()[lowered()]


_powers: dict[bool, Numbers] = {}


def powers(count: int, inverse: bool = False) -> Numbers:
    """uint64, at least `count` + 1 powers of the base modulo 2^64, or of its inverse."""
    have = _powers.get(inverse)
    if have is None or have.size <= count:
        base = pow(_BASE, -1, 2**64) if inverse else _BASE
        steps = np.full(max(1 << 20, 2 * (count + 1)), base, dtype=np.uint64)
        steps[0] = 1
        have = _powers[inverse] = np.cumprod(steps)
    return have[: count + 1]
