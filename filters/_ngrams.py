r"""The words that two texts are compared by, and a key for every n of them in a row.

Word    a run of letters, digits and their marks; one letter where the script writes no spaces. Case, accents, spacing,
        punctuation, operators and the signs around LaTeX make no difference, nor does a compatibility form (full-width
        digits, an italic 𝑥, ß and ss, ﬁ, ½): `\(X_{1}\)`, `$x_1$` and `x₁` are the same words; what is not seen (a soft
        hyphen) is left out
N-gram  n words in a row, by a key of 64 bits; a text of fewer words is one n-gram, a text of none has none
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from filters._characters import DIGIT, Numbers, kinds, of_each, spaceless
from filters._scan import Scan, Words, in_a_row

_BLOCK = 2 << 20  # characters that are arrays at a time
_READ = 0x20000  # what is behind it has no other form, or is Han
_ACCENTS = range(0x300, 0x370)
_SELECTORS = range(0xFE00, 0xFE10)
_MARKS_OF_TRADE = "™℠"


class FoldedScan(Scan):
    """A scan whose keys are blind to case, accents and compatibility forms; `text` still gives what was written."""

    def __init__(self, texts: pl.Series):
        if texts.str.contains("[\u0300-\u036f]").any():  # else an accent of its own would part a word's key
            texts = texts.str.normalize("NFC")
        self.written: Numbers = np.frombuffer("".join(texts.to_list()).encode("utf-32-le"), dtype=np.uint32)
        self.first = np.append(0, texts.str.len_chars().cast(pl.Int64).cum_sum().to_numpy())
        nothing = np.empty(0, dtype=np.int64)
        self.changed = (nothing, nothing, np.zeros(1, dtype=np.int64))  # places written, sizes, what they add up to
        self.codes = of_each(folded(), self.written)
        self._expand()
        self.kind = of_each(kinds(), self.codes)

    def text(self, start: int, end: int) -> str:
        if end > start:
            start, end = self._written(start), self._written(end - 1) + 1
        return self.written[start:end].tobytes().decode("utf-32-le")

    def _expand(self) -> None:
        """What stands for several letters becomes them: ß, ﬁ, ½; what is not seen goes."""
        places = np.flatnonzero(self.codes > sys.maxunicode)
        if not places.size:
            return
        other = expansions()
        forms = [other[one] for one in (self.codes[places] - np.uint32(sys.maxunicode + 1)).tolist()]
        for at in np.flatnonzero(np.diff(places) == 1).tolist():
            if forms[at].startswith(" ") and len(forms[at + 1]) == 2:  # 10²³ is two words
                forms[at + 1] = forms[at + 1].strip()
        sizes = np.array([len(form) for form in forms])
        shift = np.append(0, np.cumsum(sizes - 1))
        kept = np.ones(self.codes.size, dtype=bool)
        kept[places] = False
        new = np.frombuffer("".join(forms).encode("utf-32-le"), dtype=np.uint32)
        self.codes = np.insert(self.codes[kept], np.repeat(places - np.arange(places.size), sizes), new)
        self.first = self.first + shift[np.searchsorted(places, self.first)]
        self.changed = (places, sizes, shift)

    def _written(self, place: int) -> int:
        """The place of a character in what was written."""
        places, sizes, shift = self.changed
        begun = places + shift[:-1]
        at = int(np.searchsorted(begun, place, side="right")) - 1
        if at >= 0 and place < begun[at] + sizes[at]:
            return int(places[at])
        return place - int(shift[at + 1])

    def compared(self) -> Words:
        """The words that texts are compared by."""
        inside = self.kind >= DIGIT
        inside[self._blanks(inside)] = True
        return self.spans(inside, spaceless()[self.kind])

    def _blanks(self, inside: Numbers) -> Numbers:
        """The places of `_` beside no letter: a blank to fill in is a word, the line of x_1 is none."""
        lines = np.flatnonzero(self.codes == ord("_"))
        if not lines.size:
            return lines
        text = np.searchsorted(self.first, lines, side="right")
        begins = np.append(True, (np.diff(lines) > 1) | (np.diff(text) > 0))
        ends = np.append(begins[1:], True)
        first, last = lines[begins], lines[ends]
        lettered = (first > self.first[text[begins] - 1]) & inside[np.maximum(first - 1, 0)]
        lettered |= (last + 1 < self.first[text[ends]]) & inside[np.minimum(last + 1, inside.size - 1)]
        return lines[~lettered[np.cumsum(begins) - 1]]


@dataclass(frozen=True)
class Grams:
    """The n-grams of some texts, in order.

    key    64 bits, equal where the words are
    word   the word each begins with
    size   its words: n, or fewer where the whole text has fewer
    first  the first n-gram of each text, and behind the last text their number
    """

    key: Numbers
    word: Numbers
    size: Numbers
    first: Numbers


def grams(words: Words, ngram: int) -> Grams:
    """The n-grams that stand in one text each."""
    counts = words.counts
    sizes = np.minimum(counts, ngram)
    room = words.first[1:] - sizes  # where the last n-gram of each text begins
    text = words.row
    starts = np.flatnonzero(np.arange(text.size) <= room[text])
    key = np.empty(starts.size, dtype=np.uint64)
    size = sizes[text[starts]]
    for each in np.unique(size):  # n, and the sizes of texts of fewer words
        these = size == each
        key[these] = in_a_row(words.key + np.uint64(each), int(each))[starts[these]]
    return Grams(key, starts, size, np.searchsorted(starts, words.first))


def blocks(texts: pl.Series) -> Iterator[pl.Series]:
    """The texts in order, some at a time, so that their arrays stay small."""
    behind = texts.str.len_chars().cum_sum().to_numpy()
    begun = 0
    while begun < texts.len():
        done = behind[begun - 1] if begun else 0
        end = max(begun + 1, int(np.searchsorted(behind, done + _BLOCK, side="right")))
        yield texts[begun:end]
        begun = end


@cache
def folded() -> Numbers:
    """uint32, what each character is compared as: its compatibility form without accents, in lower case.

    A number behind the last character is a place in `expansions`: the form is not one character.
    """
    return _folding()[0]


@cache
def expansions() -> tuple[str, ...]:
    """The forms that are several characters, or none."""
    return _folding()[1]


@cache
def _folding() -> tuple[Numbers, tuple[str, ...]]:
    table = np.arange(sys.maxunicode + 1, dtype=np.uint32)
    several: dict[str, int] = {}
    for code in range(_READ):
        if 0xD800 <= code < 0xE000:
            continue
        char = chr(code)
        form = "" if unicodedata.category(char) == "Cf" or code in _SELECTORS else _form(char)
        if len(form) == 1:
            table[code] = ord(form)
        elif not form or (char not in _MARKS_OF_TRADE and any(map(str.isalnum, form))):
            table[code] = sys.maxunicode + 1 + several.setdefault(form, len(several))
    return table, tuple(several)


def _form(char: str) -> str:
    plain = [mark for mark in unicodedata.normalize("NFKD", char) if ord(mark) not in _ACCENTS]
    if len(plain) != 1:  # a syllable of Hangul is one letter, too
        plain = [mark for mark in unicodedata.normalize("NFKC", char) if ord(mark) not in _ACCENTS]
    form = "".join(plain).casefold()
    if "\u2044" in form:  # the fraction of 3½
        return f" {form} "
    return f" {form}" if unicodedata.decomposition(char).startswith(("<super>", "<sub>")) else form
