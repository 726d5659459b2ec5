"""Gibberish: the share of words that no language writes, where it is highest.

Measure  the highest share, over any hundred words in a row of what the model wrote (of fewer words, as if they were a
         hundred), of words that hold a broken character; pairs of Latin letters that languages do not write; signs in
         disorder; or 32 characters in a row of letters and digits that change case and kind as base64 does. A word in
         pieces counts as up to six, and each pair such as "Ã©" as four. Words that stand among five scripts or more
         within a dozen words count too. Where the letters of a hundred words in a row
         are unlikely as a whole, a fourth of their mean surprise counts. In Chinese, Japanese, Thai ... a character is
         a word. Formulas, code and names are not judged by their letters
Source   a choice: R1's readability rule is not disclosed. How likely two letters are side by side is counted over 20
         languages, `filters/_legible.py`
Use      catches random or shuffled letters, a struck keyboard, text in a wrong encoding, replacement characters,
         base64, and the soup of tokens from many scripts that a decoder falls into. Keeps any language, formulas,
         tables, code, abbreviations, a cipher that a puzzle is about where words are around it. `max` 0.25
"""

from __future__ import annotations

import numpy as np
import polars as pl

from filters._characters import KIND, Numbers
from filters._legible import BROKEN, CODED, ODD, PAIRS, SURPRISE, SWITCH, UNJUDGED, count, counted
from filters._quoted import quoted
from filters._scan import Scan
from filters._text import scanned_writing

VERSION = 1
SCOPE = "row"
BOUNDS = {"max": 0.25}

_WINDOW = 100
_SURPRISED, _MEAN = 10, 2  # of a word: two pairs at least that are rare; one is a name or a borrowed word
_RUN, _SWITCHES, _CODED = 32, 6, 30  # of 32 characters of base64, 14 or so switch
_ODD, _WORD = 2, 6  # signs in disorder: two pairs; what a word may count
_SCRIPTS, _NEAR = 5, 12
_LEAST = 2  # pairs of letters: shorter words are names of variables
_SCALE = 4  # real texts of a hundred words have a mean surprise of 0.2 to 0.8, shuffled letters 1, random ones 3


def gibberish(rows: pl.DataFrame) -> pl.Series:
    scan = scanned_writing(rows)
    sums = counted(scan.codes)
    found = sums[scan.words.end] - sums[scan.words.start]
    share = _most(_bad(scan, found), scan.words.first) / _WINDOW
    return pl.Series("gibberish", np.minimum(np.maximum(share, _surprise(scan, found)), 1), dtype=pl.Float64)


def evidence(rows: pl.DataFrame) -> pl.Series:
    """How many words count, and the first of them."""
    scan = scanned_writing(rows)
    sums, words = counted(scan.codes), scan.words
    bad = _bad(scan, sums[words.end] - sums[words.start])
    told: list[str | None] = []
    for row in range(rows.height):
        places = words.first[row] + np.flatnonzero(bad[words.first[row] : words.first[row + 1]])
        shown = [scan.text(int(words.start[at]), int(words.end[at])) for at in places[:6]]
        told.append(f"{places.size} words: {', '.join(map(quoted, shown))}" if shown else None)
    return pl.Series("evidence", told, dtype=pl.String)


def _bad(scan: Scan, found: Numbers) -> Numbers:
    """How much each word counts."""
    words = scan.words
    coded = count(found, CODED)
    surprise = count(found, SURPRISE)
    letters = (surprise >= _SURPRISED) & (surprise > _MEAN * count(found, PAIRS)) & (count(found, UNJUDGED) == 0)
    base64 = (words.end - words.start == _RUN) & (coded >= _CODED) & (count(found, SWITCH) >= _SWITCHES)
    odd = np.where(count(found, PAIRS) == 0, count(found, ODD) // _ODD, 0)
    bad = np.maximum(letters | _soup(scan), np.where(base64, _WORD, count(found, BROKEN)))
    return np.minimum(np.maximum(bad, odd), _WORD)


def _soup(scan: Scan) -> Numbers:
    """The words around which many scripts stand; Han and kana are one script, Greek stands in formulas."""
    words = scan.words
    kind = scan.kind[words.start]
    script = _scripts()[kind]
    there = [number for number in np.unique(_scripts()[np.flatnonzero(np.bincount(kind))]) if number]
    if len(there) < _SCRIPTS:
        return np.zeros(script.size, dtype=bool)
    place = np.arange(script.size)
    near = np.zeros(script.size, dtype=np.int8)
    for number in there:
        last = np.maximum.accumulate(np.where(script == number, place, -_NEAR))
        near += (place - last < _NEAR) & (last >= words.first[words.row])
    return near >= _SCRIPTS


def _scripts() -> Numbers:
    table = np.zeros(256, dtype=np.int64)
    for number in KIND.values():
        table[number] = number
    table[[KIND["Hiragana"], KIND["Katakana"]]] = KIND["Han"]
    table[KIND["Greek"]] = 0
    return table


def _surprise(scan: Scan, found: Numbers) -> Numbers:
    """The highest mean surprise of the letters of a window of words, scaled; 0 for a text of fewer."""
    pairs = count(found, PAIRS)
    judged = np.flatnonzero((pairs >= _LEAST) & (count(found, UNJUDGED) == 0))
    first = np.searchsorted(judged, scan.words.first)
    surprises = np.append(0, np.cumsum(count(found[judged], SURPRISE)))
    counts = np.append(0, np.cumsum(pairs[judged]))
    means = np.zeros(scan.rows)
    if judged.size >= _WINDOW:
        mean = (surprises[_WINDOW:] - surprises[:-_WINDOW]) / (counts[_WINDOW:] - counts[:-_WINDOW])
        for row in np.flatnonzero(np.diff(first) >= _WINDOW):
            means[row] = mean[first[row] : first[row + 1] - _WINDOW + 1].max()
    return means / _SCALE


def _most(bad: Numbers, first: Numbers) -> Numbers:
    """What the words count in the window of each text where they count most."""
    sums = np.append(0, np.cumsum(bad, dtype=np.int64))
    most = sums[first[1:]] - sums[first[:-1]]
    for row in np.flatnonzero((np.diff(first) > _WINDOW) & (most > 0)):
        begin, end = first[row], first[row + 1] + 1
        most[row] = (sums[begin + _WINDOW : end] - sums[begin : end - _WINDOW]).max()
    return most
