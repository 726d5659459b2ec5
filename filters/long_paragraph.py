"""Long paragraph: how many words the longest paragraph of the thinking has.

Measure  the words of the longest run of lines without a blank one. A line is a paragraph by itself where the lines of
         its run are short or most of them end a sentence; where they do not, the text is wrapped and the run is one.
         List items begin one. Headings, rows of a table, lines of a fenced block and lines that begin a LaTeX display
         are none and part them. In Chinese, Japanese, Thai ... two characters are a word. A row that did not think is
         measured by its response
Source   R1 filtered out chains of thought with long paragraphs (arXiv:2501.12948, B.3.3) by an undisclosed threshold
Use      catches walls of text: thinking without a break. Keeps long thinking in paragraphs, code, tables, derivations.
         `max` 400
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from filters._characters import Numbers, spaceless
from filters._columns import need
from filters._quoted import quoted
from filters._scan import Scan
from filters._text import column, scanned_writing

VERSION = 1
SCOPE = "row"
BOUNDS = {"max": 400}

_WRAPPED = 50  # characters: the lines of wrapped text are that long on average
_LEAST = 3  # lines of wrapped text
_DIGITS = "0123456789"
_ENDS = ".!?:;。．！？：；…।۔؟"
_WIDE = 0x2000  # from there on signs stand alone where the script writes no spaces, and are no words


def long_paragraph(rows: pl.DataFrame) -> pl.Series:
    lines, words = _paragraphs(_lines(rows))
    longest = np.zeros(rows.height)
    np.maximum.at(longest, lines.row, words)
    return pl.Series("long_paragraph", longest, dtype=pl.Float64)


def evidence(rows: pl.DataFrame) -> pl.Series:
    """Where the longest paragraph begins, and how."""
    scan = scanned_writing(rows)
    lines, words = _paragraphs(_lines(rows))
    told: list[str | None] = []
    for row in range(rows.height):
        of = np.flatnonzero(lines.row == row)
        if of.size:
            start = int(lines.start[of[np.argmax(words[of])]])
            text = scan.text(start, min(start + 200, int(scan.first[row + 1])))
            told.append(f"{words[of].max():.0f} words, at {start - scan.first[row]}: {quoted(text)}")
        else:
            told.append(None)
    return pl.Series("evidence", told, dtype=pl.String)


@dataclass(frozen=True)
class _Lines:
    """The lines of all texts that are not blank, in order.

    row           the text each stands in
    start         the place of its first character
    number        how many lines begin before it, blank ones too
    signs         its first two characters and its last one, without the white space around them
    size, words   its characters and words
    """

    row: Numbers
    start: Numbers
    number: Numbers
    signs: tuple[Numbers, Numbers, Numbers]
    size: Numbers
    words: Numbers

    def only(self, some: Numbers) -> _Lines:
        first, second, last = self.signs
        signs = (first[some], second[some], last[some])
        return _Lines(self.row[some], self.start[some], self.number[some], signs, self.size[some], self.words[some])


def _lines(rows: pl.DataFrame) -> _Lines:
    """Those of the thinking, or of the response of a row that did not think."""
    need(rows, "reasoning", "response")
    scan = scanned_writing(rows)
    thought = scan.first[:-1] + column(rows, "reasoning").str.len_chars().to_numpy()
    until = np.where(rows["reasoning"].is_not_null().to_numpy(), thought, scan.first[1:])
    breaks = np.flatnonzero(scan.codes == ord("\n"))
    start = np.sort(np.concatenate([scan.first[:-1], breaks + 1]))  # a text begins a line too
    end = np.sort(np.concatenate([breaks, scan.first[1:]]))
    words = scan.words
    first, behind = np.searchsorted(words.start, start), np.searchsorted(words.start, end)
    number = np.flatnonzero(first < behind)
    row = words.row[first[number]]
    number, row = number[start[number] < until[row]], row[start[number] < until[row]]
    start, end, first, behind = start[number], end[number], first[number], behind[number]
    # a word of one character: the second one begins the next word
    single = words.end[first] - words.start[first] == 1
    second = np.where(single, words.start[np.minimum(first + 1, behind - 1)], words.start[first] + 1)
    signs = (scan.codes[words.start[first]], scan.codes[second], scan.codes[words.end[behind - 1] - 1])
    worded = _worded(scan)
    return _Lines(row, start, number, signs, end - start, worded[behind] - worded[first])


def _worded(scan: Scan) -> Numbers:
    """How many words stand before each of the scan's words."""
    begin = scan.words.start
    kind = scan.kind[begin]
    count = np.where(spaceless()[kind], 0.5, np.where((kind == 0) & (scan.codes[begin] >= _WIDE), 0.0, 1.0))
    return np.append(0, np.cumsum(count))


def _paragraphs(lines: _Lines) -> tuple[_Lines, Numbers]:
    """The lines of prose, and how many words the paragraph has that each stands in."""
    lines = lines.only(_prose(lines))
    first, second, last = lines.signs
    item = (_among(first, "-*+•") & ~_among(second, "-*+")) | (_among(first, _DIGITS) & _among(second, ".)"))
    follows = np.append(False, (np.diff(lines.row) == 0) & (np.diff(lines.number) == 1))[: item.size]
    run = np.cumsum(item | ~follows) - 1
    count = np.bincount(run)
    wrapped = (
        (count >= _LEAST)
        & (np.bincount(run, lines.size) >= _WRAPPED * count)
        & (2 * np.bincount(run, _among(last, _ENDS)) < count)
    )
    return lines, np.where(wrapped[run], np.bincount(run, lines.words)[run], lines.words)


def _prose(lines: _Lines) -> Numbers:
    """Whether a line may stand in a paragraph."""
    first, second, _ = lines.signs
    fence = _among(first, "`~") & (second == first)
    opened = np.cumsum(fence)
    before = np.append(0, opened)[np.searchsorted(lines.row, lines.row)]
    display = ((first == ord("\\")) & (second != ord("("))) | ((first == ord("$")) & (second == first))
    return ~fence & ((opened - before) % 2 == 0) & ~display & ~_among(first, "|#")


def _among(codes: Numbers, signs: str) -> Numbers:
    return np.isin(codes, np.array([ord(sign) for sign in signs], dtype=codes.dtype))
