"""Repetition: the share of a stretch of words that were said just before.

Measure  the highest share, over any `window` words in a row of the thinking or of the response (over all of them where
         they are fewer), that is covered by an n-gram of `ngram` words which stood in the `window` words before it; its
         first occurrence does not count. Also the longest stretch said again word for word: as a share of 0.16 windows
         where it follows what it repeats (a loop), of 0.75 where that stood further left (20 words at least). With
         `numbers` "any" once more over the words that hold a letter, any number as good as any other: the share in two
         windows, a loop as a share of 0.5, and without loops of up to 700 words that work something out: those in whose
         rounds more changes than an index, and one number that goes up smoothly beside it in a line of words. The
         highest counts, 1 at most. In Chinese, Japanese, Thai ... a character is a word; of a run without a space, and
         of white space, 32 characters are one
Source   Gopher's duplicate n-gram fractions, Rae et al. 2021, Table A1 (arXiv:2112.11446), which takes n = 5 to 10
         over a whole web page: a window longer than the text. R1 filters repetition by a rule it does not disclose
Use      catches loops wherever they stand and however long the rest is, loops whose numbers or some of whose words
         change, and paragraphs that are written again. Keeps the phrases, formulas, recalculations, traces and cases
         that long reasoning repeats, a question quoted again, and an answer that says what thinking found. `max` 0.9
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from filters._characters import Numbers
from filters._loops import Said, covered, earlier, longer, said, steady
from filters._quoted import quoted
from filters._rounds import without_work

VERSION = 2
SCOPE = "row"
BOUNDS = {"max": 0.9}

_SAME = 20  # words that begin a stretch said again word for word: of fewer, chance decides which earlier place is meant
_LOOP, _COUNTING, _AGAIN = 0.16, 0.5, 0.75  # of the window, what a stretch is a share of

_WORK = 700  # words: lines of work that go on for longer are a loop
_PROSE = 0.25  # of a stretch, the words that hold a letter; rows of figures hold none


def repetition(
    rows: pl.DataFrame, *, ngram: int = 5, window: int = 200, numbers: Literal["any", "as written"] = "any"
) -> pl.Series:
    for name, value in (("ngram", ngram), ("window", window)):
        if value < 1:
            raise ValueError(f"{name} is 1 or more, not {value}")
    words = said(rows)
    before = earlier(words, ngram)
    shares = _local(words, before, ngram, window)
    loops, _ = _longest(words, before, ngram)
    shares = np.maximum(shares, loops / (_LOOP * window))
    before = earlier(words, _SAME, longer(before, ngram, _SAME) if ngram < _SAME else None)
    loops, again = _longest(words, before, _SAME)
    shares = np.maximum(shares, np.maximum(loops / (_LOOP * window), again / (_AGAIN * window)))
    if numbers == "any":
        words = steady(rows)
        before = _idle(words, ngram)
        shares = np.maximum(shares, _local(words, before, ngram, 2 * window))
        loops, _ = _longest(words, before, ngram)
        shares = np.maximum(shares, loops / (_COUNTING * window))
    return pl.Series("repetition", np.minimum(shares, 1).reshape(-1, 2).max(axis=1), dtype=pl.Float64)


def evidence(
    rows: pl.DataFrame, *, ngram: int = 5, window: int = 200, numbers: Literal["any", "as written"] = "any"
) -> pl.Series:
    """The longest stretch said again word for word and how far left it stood; without one, the densest window."""
    told: list[str | None] = []
    for row in (rows[at : at + 1] for at in range(rows.height)):
        written = repetition(row, ngram=ngram, window=window, numbers="as written")[0]
        counting = repetition(row, ngram=ngram, window=window, numbers=numbers)[0] > written
        words, same = (steady(row), ngram) if counting else (said(row), _SAME)
        before = _idle(words, ngram) if counting else earlier(words, same)
        begins, ends, distances = _stretches(words, before, same)
        again = covered(_near(before if counting else earlier(words, ngram), window), ngram)
        if begins.size:
            longest = int(np.argmax(ends - begins))
            begin, count = int(begins[longest]), int(ends[longest] - begins[longest])
            where = f"{count} words again, {distances[longest]} words further on, at {words.place(begin)}"
        elif again.any():
            begin = int(np.argmax(np.convolve(again, np.ones(window))[window - 1 :]))
            where = f"at {words.place(begin)}"
        told.append(f"{where}: {quoted(words.text(begin, window))}" if again.any() else None)
    return pl.Series("evidence", told, dtype=pl.String)


def _idle(words: Said, ngram: int) -> Numbers:
    """What stood before, without loops that work something out."""
    before = earlier(words, ngram)
    without_work(words, _stretches(words, before, ngram), before, ngram, _WORK)
    return before


def _near(before: Numbers, window: int) -> Numbers:
    return np.where(np.arange(before.size) - before <= window, before, -1)


def _local(words: Said, before: Numbers, ngram: int, window: int) -> Numbers:
    """The share of words said before, in the window of each part where it is highest."""
    sums = np.zeros(before.size + 1, dtype=np.int64)
    np.cumsum(covered(_near(before, window), ngram), out=sums[1:])
    first, sizes = words.first, np.diff(words.first)
    most = sums[first[1:]] - sums[first[:-1]]
    for part in np.flatnonzero((sizes > window) & (most > 0)):
        begin, end = first[part], first[part + 1] + 1
        most[part] = (sums[begin + window : end] - sums[begin : end - window]).max()
    return most / np.clip(sizes, 1, window)


def _longest(words: Said, before: Numbers, ngram: int) -> tuple[Numbers, Numbers]:
    """The words of the longest loop of each part, as long as its distance at least, and of its longest stretch."""
    begin, end, distance = _stretches(words, before, ngram)
    loops, longest = np.zeros((2, words.parts), dtype=np.int64)
    sizes = end - begin
    np.maximum.at(longest, words.part[begin], sizes)
    np.maximum.at(loops, words.part[begin], np.where(sizes >= distance, sizes, 0))
    return loops, longest


def _stretches(words: Said, before: Numbers, ngram: int) -> tuple[Numbers, Numbers, Numbers]:
    """Begin and end of the words that stand at one distance further left too, and the distance; without figures."""
    again = np.flatnonzero(before >= 0)
    distance = again - before[again]
    new = np.flatnonzero((np.diff(again, prepend=-2) > 1) | (np.diff(distance, prepend=0) != 0))
    last = np.append(new[1:], again.size)[: new.size] - 1
    begin, end, distance = again[new], again[last] + ngram, distance[new]
    prose = words.spoken[end] - words.spoken[begin] >= (end - begin) * _PROSE
    return begin[prose], end[prose], distance[prose]
