"""Looping tail: how many words the ending says again and again.

Measure  the words of the longest stretch at the end of the thinking, or of the response, each of which stands one
         period further left too: the first period does not count, one more whole one is the least, the last may be
         cut off. One word in ten may differ, and a dozen words may follow. Once as written, and once over the words
         that hold a letter, any number as good as any other, of four periods at least; the higher counts. The last
         1,200 words are looked at. In Chinese, Japanese, Thai ... a character is a word; of a run without a space, and
         of white space, 32 characters count as six
Source   a degenerate ending as decoding falls into it, Holtzman et al. 2020 (arXiv:1904.09751); R1 filters repetition
         by a rule it does not disclose
Use      catches a phrase, a sentence, a block or a single character that a text ends in and that its length hides from
         a share, also with counters that change. Keeps tables, lists, and an answer given twice. `max` 20
"""

from __future__ import annotations

import numpy as np
import polars as pl

from filters._loops import Numbers, Said, earlier, quoted, said, steady

VERSION = 1
SCOPE = "row"
BOUNDS = {"max": 20}

_TAIL = 1200  # words: a longer loop is no other loop
_NGRAM = 4  # what shows a distance
_SHOWN, _SHOWN_BY = 40, 3  # the last words that may show it, and how many must
_BEHIND = 12  # words that may follow a loop
_WIDE = 6  # what 32 characters without a space count
_MISS = 9  # what a differing word costs, in words that agree


def looping_tail(rows: pl.DataFrame) -> pl.Series:
    most = np.maximum(_tails(said(rows), periods=2), _tails(steady(rows), periods=4))
    return pl.Series("looping_tail", most.reshape(-1, 2).max(axis=1), dtype=pl.Float64)


def evidence(rows: pl.DataFrame) -> pl.Series:
    """The end of the part that loops."""
    words = said(rows)
    most = np.maximum(_tails(words, periods=2), _tails(steady(rows), periods=4)).reshape(-1, 2)
    told: list[str | None] = []
    for row, part in enumerate(2 * np.arange(rows.height) + most.argmax(axis=1)):
        end = int(words.first[part + 1])
        text = words.text(max(int(words.first[part]), end - _SHOWN), _SHOWN)
        told.append(f"{most[row].max():.0f} words, up to {quoted(text)}" if most[row].any() else None)
    return pl.Series("evidence", told, dtype=pl.String)


def _tails(words: Said, periods: int) -> Numbers:
    """The words of each part's ending that stand one period further left too."""
    counts = np.zeros(words.parts)
    near = words.first[1:][words.part] - np.arange(words.part.size) <= _TAIL
    tail = words.only(near)
    before = earlier(tail, _NGRAM)
    weights = np.where(tail.wide, _WIDE, 1)
    shown = tail.first[1:][tail.part] - np.arange(before.size) <= _SHOWN
    for part in np.unique(tail.part[shown & (before >= 0)]):
        begin, end = tail.first[part], tail.first[part + 1]
        places = np.arange(max(begin, end - _SHOWN), end)
        places = places[before[places] >= 0]
        distances, shown_by = np.unique(places - before[places], return_counts=True)
        distances = distances[shown_by >= min(_SHOWN_BY, end - begin - _NGRAM)]
        agreeing = [_agreeing(tail.key[begin:end], weights[begin:end], distance, periods) for distance in distances]
        counts[part] = max(agreeing, default=0)
    return counts


def _agreeing(keys: Numbers, weights: Numbers, distance: int, periods: int) -> int:
    """What the last words that stand `distance` further left too count; 0 where those are fewer periods."""
    agrees = (keys[distance:] == keys[:-distance])[::-1]
    sums = np.append(0, np.cumsum(np.where(agrees, 1, -_MISS)))
    least = np.minimum.accumulate(sums)
    least[_BEHIND + 1 :] = least[: _BEHIND + 1][-1]
    end = int(np.argmax(sums - least))
    begin = int(np.argmax(sums[: min(end, _BEHIND) + 1] == least[end]))
    if end - begin < (periods - 1) * distance:
        return 0
    return int(weights[::-1][begin:end].sum())
