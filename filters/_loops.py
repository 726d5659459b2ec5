"""What a rollout says again: for every word, where the words from it on stood before.

Part     the thinking and the response of a row are looked at apart: an answer is meant to say again what was found
Words    a run without a space, one character where the script writes no spaces, 32 characters of a longer run, 32 of a
         run of white space (a flood of line breaks is a loop too)
Steady   the words that hold a letter, without their numbers: "Step 2:" is "Step 3:", and rows of figures are left out
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import polars as pl

from filters._characters import DIGIT, MARK, Numbers, powers
from filters._scan import Scan, in_a_row, mixed, places, running
from filters._shared import shared
from filters._text import column, scanned_writing

_WIDE = 32  # characters of a piece of a run
_SALT = np.uint64(0x9E3779B97F4A7C15)
_IN_NUMBERS = np.array([ord(sign) for sign in ".,"], dtype=np.uint32)


@dataclass(frozen=True)
class Said:
    """Words in order, of all parts: row 0's thinking, row 0's response, row 1's thinking ...

    start, end  places in the scan's characters
    part        the part each stands in
    key         equal where the words are
    lettered    whether it holds a letter
    parts       how many there are, those without a word too
    """

    scan: Scan
    start: Numbers
    end: Numbers
    part: Numbers
    key: Numbers
    lettered: Numbers
    parts: int

    @property
    def wide(self) -> Numbers:
        """Whether it is a piece of a long run."""
        return self.end - self.start >= _WIDE

    @cached_property
    def first(self) -> Numbers:
        """The first word of each part, and behind the last part the number of words."""
        return np.searchsorted(self.part, np.arange(self.parts + 1))

    @cached_property
    def spoken(self) -> Numbers:
        """How many words before each, and before the end, hold a letter or are pieces of a long run."""
        return np.append(0, np.cumsum(self.lettered | self.wide))

    def only(self, some: Numbers) -> Said:
        """Some of the words."""
        return Said(
            self.scan,
            self.start[some],
            self.end[some],
            self.part[some],
            self.key[some],
            self.lettered[some],
            self.parts,
        )

    def text(self, word: int, count: int) -> str:
        last = min(word + count, self.start.size) - 1
        return self.scan.text(int(self.start[word]), int(self.end[last]))

    def place(self, word: int) -> int:
        """The character of its part at which a word begins."""
        return int(self.start[word] - self.start[self.first[self.part[word]]])


def said(rows: pl.DataFrame) -> Said:
    """The words as they are written."""
    return shared(rows, "said", lambda: _said(rows))


def steady(rows: pl.DataFrame) -> Said:
    """The words that hold a letter, any number as good as any other."""
    return shared(rows, "said steadily", lambda: _steady(said(rows)))


def earlier(words: Said, ngram: int, some: Numbers | None = None) -> Numbers:
    """For every word the nearest earlier one of its part with which the same `ngram` words begin, or -1.

    `some` says which words are worth looking at; the others have none.
    """
    count = words.key.size
    before = np.full(count, -1, dtype=np.int64)
    starts = count - ngram + 1
    if starts < 1:
        return before
    grams = mixed(in_a_row(words.key, ngram) + words.part[:starts].astype(np.uint64) * _SALT)
    # a gram and its place in one number: sorting them sorts equal grams by place, in half the time of an argsort
    bits = np.uint64(starts.bit_length())
    places = np.arange(starts, dtype=np.uint64)
    together = (grams << bits) | places
    inside = words.part[ngram - 1 :] == words.part[:starts]
    kept = np.flatnonzero(inside if some is None else inside & some[:starts])
    together = together[kept]
    # a gram stands again in its part only: many short sorts are faster than one long one
    bounds = np.searchsorted(kept, words.first).tolist()
    for begin, end in pairwise(bounds):
        together[begin:end].sort()
    place = (together & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
    again = np.flatnonzero((together[1:] >> bits) == (together[:-1] >> bits))
    before[place[again + 1]] = place[again]
    return before


def longer(before: Numbers, ngram: int, more: int) -> Numbers:
    """The words with which `more` words may begin that stand elsewhere too: all their n-grams do."""
    shared = before >= 0
    shared[before[shared]] = True
    sums = np.append(0, np.cumsum(shared))
    width = more - ngram + 1
    some = np.zeros(before.size, dtype=bool)
    some[: max(before.size - width + 1, 0)] = sums[width:] - sums[:-width] == width
    return some


def covered(before: Numbers, ngram: int) -> Numbers:
    """Whether each word stands in an n-gram that was said before."""
    edges = np.zeros(before.size + 1, dtype=np.int8)
    again = np.flatnonzero(before >= 0)
    edges[again] += 1
    edges[again + ngram] -= 1
    return np.cumsum(edges[:-1], dtype=np.int32) > 0


def _said(rows: pl.DataFrame) -> Said:
    scan = scanned_writing(rows)
    start, end, row, key = _with_blanks(scan)
    # the line break between the thinking and the response stands right behind the thinking
    border = scan.first[:-1] + column(rows, "reasoning").str.len_chars().to_numpy()
    part = 2 * row + (start >= border[row])
    letters = np.zeros(scan.kind.size + 1, dtype=np.int32)
    np.cumsum(scan.kind > MARK, out=letters[1:])
    return Said(scan, start, end, part, key, letters[end] > letters[start], 2 * rows.height)


def _with_blanks(scan: Scan) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """The scan's words, and among them the long runs of white space in pieces."""
    words = scan.words
    texts = np.arange(scan.rows)
    # what is between two words, or a word and the edge of its text
    begin = np.concatenate([words.end, scan.first[:-1]])
    row = np.concatenate([words.row, texts])
    after = np.append(words.start, scan.codes.size)
    until = np.concatenate([after[1:] if words.start.size else after[:0], after[words.first[:-1]]])
    pieces = np.maximum(np.minimum(until, scan.first[1:][row]) - begin, 0) // _WIDE
    if not pieces.any():
        return words.start, words.end, words.row, words.key
    blank = np.repeat(np.arange(pieces.size), pieces)
    start = begin[blank] + _WIDE * (np.arange(blank.size) - np.repeat(np.cumsum(pieces) - pieces, pieces))
    order = np.argsort(np.concatenate([words.start, start]), kind="stable")
    return (
        np.concatenate([words.start, start])[order],
        np.concatenate([words.end, start + _WIDE])[order],
        np.concatenate([words.row, row[blank]])[order],
        np.concatenate([words.key, np.zeros(start.size, dtype=np.uint64)])[order],
    )


def _steady(words: Said) -> Said:
    words, scan = words.only(np.flatnonzero(words.lettered)), words.scan
    figures = (scan.kind == DIGIT) | (scan.codes == _IN_NUMBERS[0]) | (scan.codes == _IN_NUMBERS[1])
    at = np.flatnonzero(figures)
    word = np.searchsorted(words.start, at, side="right") - 1
    word = word[at < np.append(words.end, 0)[word]]
    some = word[np.diff(word, prepend=-1) > 0]
    # of the other words the key is the same
    place = places(words.start[some], words.end[some])
    place = place[~figures[place]]
    sums = running(scan.codes[place])
    start, end = np.searchsorted(place, words.start[some]), np.searchsorted(place, words.end[some])
    key = words.key.copy()
    key[some] = mixed((sums[end] - sums[start]) * powers(sums.size, inverse=True)[start])
    return replace(words, key=key)
