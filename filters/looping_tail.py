"""Looping tail: how many words the ending says again and again.

Measure  the words of the longest stretch at the end of the thinking, or of the response, each of which stands one
         period further left too: the first period does not count, one more whole one is the least, the last may be
         cut off. One word in ten may differ, and a dozen words may follow. Once as written, and once over the words
         that hold a letter, any number as good as any other, of four periods at least; the higher counts. Of the latter
         all count where an index alone goes up, a third where one number beside it goes up smoothly in a line of words
         (a tenth where more follows), and a twentieth (a fortieth) where more changes: that is work. A twentieth
         counts, too, of numbers in a row that go up by the same. The last 1,200 words are looked at. In Chinese,
         Japanese, Thai ... a character is a word; a word of 16 characters counts as three; of a run without a space,
         and of white space, 32 characters count as six
Source   a degenerate ending as decoding falls into it, Holtzman et al. 2020 (arXiv:1904.09751); R1 filters repetition
         by a rule it does not disclose
Use      catches a phrase, a sentence, a block or a single character that a text ends in and that its length hides from
         a share, also with counters that change. Keeps tables, lists, traces, and an answer given twice. `max` 20
"""

from __future__ import annotations

import numpy as np
import polars as pl

from filters._characters import Numbers
from filters._loops import Said, earlier, said, steady
from filters._quoted import quoted
from filters._rounds import IDLE, RESULT, WORK, done, progression

VERSION = 1
SCOPE = "row"
BOUNDS = {"max": 20}

_STEADY = 4  # periods of words without their numbers
_TAIL = 1200  # words: a longer loop is no other loop
_NGRAM = 4  # what shows a distance
_SHOWN, _SHOWN_BY = 40, 3  # the last words that may show it, and how many must
_BEHIND = 12  # words that may follow a loop
_WIDE = 6  # what 32 characters without a space count
_MISS = 9  # what a differing word costs, in words that agree
_FIGURES = 40  # words without a letter that are worth looking at
_LONG, _WEIGHS = 16, 3  # characters of a long word, and what it counts
# words that count as one, where the text ends with the loop and where more follows
_WEIGHTS = {IDLE: (1, 1), RESULT: (3, 10), WORK: (20, 40)}


def looping_tail(rows: pl.DataFrame) -> pl.Series:
    return pl.Series("looping_tail", _counts(rows).reshape(-1, 2).max(axis=1), dtype=pl.Float64)


def evidence(rows: pl.DataFrame) -> pl.Series:
    """The end of the part that loops."""
    words = said(rows)
    most = _counts(rows).reshape(-1, 2)
    told: list[str | None] = []
    for row, part in enumerate(2 * np.arange(rows.height) + most.argmax(axis=1)):
        end = int(words.first[part + 1])
        text = words.text(max(int(words.first[part]), end - _SHOWN), _SHOWN)
        told.append(f"{most[row].max():.0f} words, up to {quoted(text)}" if most[row].any() else None)
    return pl.Series("evidence", told, dtype=pl.String)


def _counts(rows: pl.DataFrame) -> Numbers:
    words = said(rows)
    most = np.maximum(_tails(words, periods=2), _tails(steady(rows), periods=_STEADY))
    return np.maximum(most, _figures(words))


def _tails(words: Said, periods: int) -> Numbers:
    """The words of each part's ending that stand one period further left too; those of work count less."""
    counts = np.zeros(words.parts)
    near = words.first[1:][words.part] - np.arange(words.part.size) <= _TAIL
    tail = words.only(near)
    before = earlier(tail, _NGRAM)
    wide = tail.wide
    sizes = np.diff(tail.first)
    shown = np.flatnonzero((tail.first[1:][tail.part] - np.arange(before.size) <= _SHOWN) & (before >= 0))
    # part and distance in one number
    found, shown_by = np.unique(tail.part[shown] * (_TAIL + 1) + shown - before[shown], return_counts=True)
    parts, distances = np.divmod(found, _TAIL + 1)
    least = np.where(wide[tail.first[parts + 1] - 2], _SHOWN_BY - 1, _SHOWN_BY)  # the last word may be cut off
    enough = (shown_by >= np.minimum(least, sizes[parts] - _NGRAM)) & (periods * distances <= sizes[parts])
    for part, distance in zip(parts[enough].tolist(), distances[enough].tolist(), strict=True):
        some = slice(tail.first[part], tail.first[part + 1])
        begin, end = _agreeing(tail.key[some], distance, periods)
        if begin == end:
            continue
        again = slice(some.start + begin, some.start + end)
        long = tail.end[again] - tail.start[again] >= _LONG
        count = np.where(wide[again], _WIDE, np.where(long, _WEIGHS, 1)).sum()
        if count > counts[part] and periods == _STEADY:
            does = done(tail, again.start - distance, again.stop, distance)
            count /= _WEIGHTS[does][int(again.stop < tail.first[part + 1])]
        counts[part] = max(counts[part], count)
    return counts


def _agreeing(keys: Numbers, distance: int, periods: int) -> tuple[int, int]:
    """The last words that stand `distance` further left too: none where those are fewer periods."""
    agrees = (keys[distance:] == keys[:-distance])[::-1]
    sums = np.append(0, np.cumsum(np.where(agrees, 1, -_MISS)))
    least = np.minimum.accumulate(sums)
    least[_BEHIND + 1 :] = least[: _BEHIND + 1][-1]
    end = int(np.argmax(sums - least))
    begin = int(np.argmax(sums[: min(end, _BEHIND) + 1] == least[end]))
    if end - begin < (periods - 1) * distance:
        return 0, 0
    return keys.size - end, keys.size - begin


def _figures(words: Said) -> Numbers:
    """A twentieth of the numbers that each part ends in and that go up by the same each time."""
    counts = np.zeros(words.parts)
    ends = words.first[1:]
    some = np.flatnonzero(ends - words.first[:-1] > _FIGURES)
    some = some[~words.lettered[ends[some, None] - np.arange(1, _FIGURES)].any(axis=1)]
    for part in some.tolist():
        end = int(ends[part])
        begin = max(int(words.first[part]), end - _TAIL)
        begin += int(np.append(0, np.flatnonzero(words.lettered[begin:end]) + 1)[-1])
        counts[part] = progression(words.text(begin, end - begin)) / _WEIGHTS[WORK][0]
    return counts
