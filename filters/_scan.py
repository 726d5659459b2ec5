"""A text read once: its characters as numbers, their kinds, and its words with a key each, for a whole block of rows.

In   a column of texts
Out  arrays over the characters, and over the words, of all of them, one text behind another: no Python runs per word
Key  64 bits, equal where two words are equal but for their case: a polynomial in the characters, so that the key of
     any span costs two look-ups in a running sum. Different words share one by chance once in 2^64 pairs; who must not
     invent a match compares the texts
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from filters._characters import MARK, SPACE, Numbers, drawn, kinds, of_each, powers, spaceless, sums_of

_LONGEST = 32  # characters of a word between spaces: longer than words of prose are, short enough to see "!!!!" loop


@dataclass(frozen=True)
class Words:
    """Spans of characters, in order; start, end, row and key are of one length.

    start, end  places in the scan's characters
    row         the text they stand in
    key         equal where the words are equal but for their case
    first       the first word of each text, and behind the last text the number of words: texts + 1 numbers
    """

    start: Numbers
    end: Numbers
    row: Numbers
    key: Numbers
    first: Numbers

    @property
    def counts(self) -> Numbers:
        """How many words each text has."""
        return np.diff(self.first)


class Scan:
    """The texts of a column as arrays.

    codes   uint32, the characters of all texts, one behind another
    first   int64, the place of each text's first character, and the number of characters: texts + 1 numbers
    kind    uint8, the kind of each character: SPACE, DIGIT, MARK, a script's number, or 0
    """

    def __init__(self, texts: pl.Series):
        self.codes: Numbers = np.frombuffer("".join(texts.to_list()).encode("utf-32-le"), dtype=np.uint32)
        self.first: Numbers = np.zeros(texts.len() + 1, dtype=np.int64)
        np.cumsum(texts.str.len_chars().to_numpy(), out=self.first[1:])
        self.kind: Numbers = of_each(kinds(), self.codes)

    @property
    def rows(self) -> int:
        return self.first.size - 1

    @cached_property
    def row(self) -> Numbers:
        """The text that each character stands in."""
        return np.repeat(np.arange(self.rows), np.diff(self.first))

    @cached_property
    def words(self) -> Words:
        """Runs without a space, cut at every 32 characters; one character each where the script writes no spaces."""
        return self.spans(self.kind != SPACE, spaceless()[self.kind], _LONGEST)

    def spans(self, inside: Numbers, alone: Numbers | None = None, longest: int | None = None) -> Words:
        """The runs of the characters `inside`, each of those that stand `alone` by itself, none across two texts."""
        starts = inside & ~_before(inside)
        if alone is not None:
            starts |= inside & (alone | (_before(alone) & (self.kind != MARK)))
        edges = self.first[:-1][self.first[:-1] < self.codes.size]
        starts[edges] |= inside[edges]
        start = np.flatnonzero(starts)
        end = np.flatnonzero(_before(inside) & (starts | ~inside))
        if start.size > end.size:  # the last word runs to the end of all
            end = np.append(end, self.codes.size)
        if longest is not None:
            start, end = _cut(start, end, longest)
        first = np.searchsorted(start, self.first)
        row = np.repeat(np.arange(self.rows), np.diff(first))
        return Words(start, end, row, self.keys(start, end), first)

    def keys(self, start: Numbers, end: Numbers) -> Numbers:
        """A key per span of characters."""
        return mixed((self._sums[end] - self._sums[start]) * powers(self.codes.size, inverse=True)[start])

    @cached_property
    def _sums(self) -> Numbers:
        return running(self.codes)

    def text(self, start: int, end: int) -> str:
        return self.codes[start:end].tobytes().decode("utf-32-le")


def mixed(keys: Numbers) -> Numbers:
    """The keys with every bit made to depend on every other (the finish of splitmix64)."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


def places(start: Numbers, end: Numbers) -> Numbers:
    """The places of the characters of some spans, one span behind another."""
    sizes = end - start
    return np.arange(sizes.sum()) + np.repeat(start - np.cumsum(sizes) + sizes, sizes)


def in_a_row(keys: Numbers, count: int) -> Numbers:
    """A key for the `count` keys from each on, equal where they are; fewer than there are keys by count - 1."""
    grams = max(keys.size - count + 1, 0)
    sums = np.zeros(keys.size + 1, dtype=np.uint64)
    np.cumsum(keys * powers(keys.size)[:-1], out=sums[1:])
    return mixed((sums[count:] - sums[:grams]) * powers(keys.size, inverse=True)[:grams])


def running(codes: Numbers) -> Numbers:
    """sums[end] - sums[start] is the polynomial of the characters from start to end, times a power of its base."""
    return sums_of(drawn(), codes, powers(codes.size))


def _before(marks: Numbers) -> Numbers:
    """Whether the character before each is marked."""
    shifted = np.zeros_like(marks)
    shifted[1:] = marks[:-1]
    return shifted


def _cut(start: Numbers, end: Numbers, longest: int) -> tuple[Numbers, Numbers]:
    """The same spans, a long one in pieces of `longest` characters."""
    long = np.flatnonzero(end - start > longest)
    cuts = (end[long] - start[long] - 1) // longest
    span = np.repeat(long, cuts)
    at = np.arange(1, span.size + 1) - np.repeat(np.cumsum(cuts) - cuts, cuts)
    begun = start[span] + at * longest
    return np.insert(start, span + 1, begun), np.insert(end, span, begun)
