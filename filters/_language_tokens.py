"""The words of a block of texts as its languages are read from them: runs of one script's letters.

Script   Han, kana and the prolonged sound mark are written together: one script here
Symbol   one letter of an alphabet (x, π) is no word; one syllable of Hangul and one character of Han is
Passive  part of a code name (a_b, camelCase, f(x), x1) or of an equation, or all in capitals
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from filters._characters import DIGIT, KIND, MARK, OTHER_LETTER, SPACE, SPACELESS, Numbers, lowered, of_each
from filters._scan import Scan

CJK = "Han"
SCRIPTS = tuple(KIND)
NUMBER = {script: at for at, script in enumerate(SCRIPTS, 1)} | {"Hiragana": 0, "Katakana": 0}
NUMBER["Hiragana"] = NUMBER["Katakana"] = NUMBER[CJK]

_NONE, _AS_BEFORE = 0, 255
_ALONE = [NUMBER[script] for script in (*SPACELESS, "Hangul")]
_TIED_BEFORE, _TIED_BEHIND = "_\\/@#=^<&|~$%{", "_\\/@=^>&|~(%{}"
_SHORT = 4  # letters of a variable
_SUM = "=+<>≤≥×÷∈≡≈"
_ENDS = ".!?:;\n…。！？¿¡*—•|)"
_OPENING, _CLOSING = "“„«‹「『〝", "”»›」』〞"
_QUOTED = 1000  # characters of a quotation at most


@dataclass(frozen=True)
class Tokens:
    """Words in order; start, end, row, script, key, passive, name and quote are of one length.

    script   NUMBER of the script
    passive  says nothing of the text's language
    quote    the number of the quotation it stands in, 0 for none
    name     begins with a capital where no sentence begins
    first    the first word of each text, and behind the last text the number of words
    """

    scan: Scan
    start: Numbers
    end: Numbers
    row: Numbers
    script: Numbers
    key: Numbers
    passive: Numbers
    name: Numbers
    quote: Numbers
    first: Numbers

    def text(self, begin: int, end: int) -> str:
        """The text from one word to the last before another."""
        return self.scan.text(int(self.start[begin]), int(self.end[end - 1]))


def tokens(scan: Scan) -> Tokens:
    script = _scripts(scan)
    edge = np.zeros(script.size + 1, dtype=bool)
    edge[scan.first] = True
    changes = edge.copy()
    changes[1:-1] |= script[1:] != script[:-1]
    changes[[0, -1]] = True
    bounds = np.flatnonzero(changes)
    start, end = bounds[:-1], bounds[1:]
    of = script[start]
    alone = np.zeros(len(SCRIPTS) + 1, dtype=bool)
    alone[_ALONE] = True
    kept = (of != _NONE) & ((end - start > 1) | alone[of])
    start, end, of = start[kept], end[kept], of[kept]
    first = np.searchsorted(start, scan.first)
    row = np.repeat(np.arange(scan.rows), np.diff(first))
    if not start.size:
        nothing = np.zeros(0, dtype=bool)
        return Tokens(scan, start, end, row, of, scan.keys(start, end), nothing, nothing, start, first)
    passive, name = _written(scan, start, end, row)
    passive &= of != NUMBER[CJK]
    return Tokens(scan, start, end, row, of, scan.keys(start, end), passive, name, _quotes(scan, start), first)


def _scripts(scan: Scan) -> Numbers:
    """uint8, the script of each character, a combining mark's that of the letter before it."""
    table = np.zeros(OTHER_LETTER + 1, dtype=np.uint8)
    for name, kind in KIND.items():
        table[kind] = NUMBER[name]
    table[MARK] = _AS_BEFORE
    script = of_each(table, scan.kind)
    marks = np.flatnonzero(script == _AS_BEFORE)
    if marks.size:
        bare = np.where(script == _AS_BEFORE, 0, np.arange(script.size))
        script = script[np.maximum.accumulate(bare)]
        script[script == _AS_BEFORE] = _NONE
    return script


def _written(scan: Scan, start: Numbers, end: Numbers, row: Numbers) -> tuple[Numbers, Numbers]:
    """Whether each word is part of a code name or all in capitals; whether it is written as a name is."""
    codes, last = scan.codes, scan.codes.size - 1
    capital = of_each(_capitals(), codes)
    capitals = np.zeros(codes.size + 1, dtype=np.int32)
    np.cumsum(capital, out=capitals[1:])
    many, begins = capitals[end] - capitals[start], capital[start]
    passive = many > begins
    before, behind = np.maximum(start - 1, 0), np.minimum(end, last)
    passive |= (end - start == 2) & (codes[start] == codes[end - 1])  # aa, bb, cc: labels
    close = np.flatnonzero((scan.kind[before] != SPACE) | (scan.kind[behind] != SPACE))
    passive[close] |= _tied(scan, start[close], end[close], row[close])
    passive |= (end - start <= _SHORT) & (codes[start] < 0x250) & _summed(scan, start, end)
    at = np.flatnonzero(begins)
    opens = start[at] == scan.first[row[at]]
    looking = np.ones(at.size, dtype=bool)
    for back in range(1, 5):  # behind a stop and a space, perhaps a quotation mark, an opening bracket or emphasis
        place = np.maximum(start[at] - back, 0)
        looking &= scan.kind[place] < DIGIT
        opens |= looking & _is(codes[place], _ENDS)
    name = np.zeros(start.size, dtype=bool)
    name[at] = ~opens
    return passive, name


def _tied(scan: Scan, start: Numbers, end: Numbers, row: Numbers) -> Numbers:
    """Whether each word is written together with what stands in names of code and in formulas."""
    codes, kind, last = scan.codes, scan.kind, scan.codes.size - 1
    first, behind_all = scan.first[row], scan.first[row + 1]
    before, behind = np.maximum(start - 1, 0), np.minimum(end, last)
    tied = ((kind[before] == DIGIT) | _is(codes[before], _TIED_BEFORE)) & (start > first)
    tied |= (codes[before] == ord(".")) & (kind[np.maximum(start - 2, 0)] > MARK) & (start > first + 1)
    tied |= ((kind[behind] == DIGIT) | _is(codes[behind], _TIED_BEHIND)) & (end < behind_all)
    return tied | (codes[behind] == ord(".")) & (kind[np.minimum(end + 1, last)] > MARK) & (end + 1 < behind_all)


def _summed(scan: Scan, start: Numbers, end: Numbers) -> Numbers:
    """Whether a sign of an equation stands behind the space beside each word: `ax = b`."""
    signs = np.flatnonzero(scan.kind == 0)
    signs = signs[_is(scan.codes[signs], _SUM)]
    signs = signs[(signs > 0) & (signs < scan.codes.size - 1)]
    beside = np.zeros((2, scan.codes.size + 3), dtype=bool)
    beside[0, signs[scan.kind[signs + 1] == SPACE] + 2] = True
    beside[1, signs[scan.kind[signs - 1] == SPACE] - 1] = True
    beside[:, scan.first] = False  # a text's first word and its last have no sign beyond them
    return beside[0, start] | beside[1, end]


@cache
def _capitals() -> Numbers:
    """bool by character."""
    return lowered() != np.arange(lowered().size)


@cache
def _table(characters: str) -> Numbers:
    table = np.zeros(0x110000, dtype=bool)
    table[[ord(character) for character in characters]] = True
    return table


def _is(codes: Numbers, characters: str) -> Numbers:
    return _table(characters)[codes]


def _quotes(scan: Scan, start: Numbers) -> Numbers:
    """The number of the quotation that each word stands in, 0 for none; a quotation is on one line.

    One that stands by itself, behind a full stop or on a line of its own, is a sentence like any other.
    """
    codes, last = scan.codes, scan.codes.size - 1
    signs = np.flatnonzero(scan.kind == 0)
    edges = np.zeros(codes.size + 1, dtype=bool)
    edges[scan.first] = True
    lines = np.sort(np.concatenate([np.flatnonzero(codes == 10), scan.first]))
    quote = np.zeros(start.size, dtype=np.int64)
    for opening, closing, straight, most in (("‘", "’", "'", 100), (_OPENING, _CLOSING, '"', _QUOTED)):
        at = signs[_is(codes[signs], opening + closing + straight)]
        left = edges[at] | (scan.kind[np.maximum(at - 1, 0)] < DIGIT)  # a space, or a sign
        right = edges[at + 1] | (scan.kind[np.minimum(at + 1, last)] < DIGIT)
        plain = codes[at] == ord(straight)
        opens = _is(codes[at], opening) | (plain & left)
        closes = _is(codes[at], closing) | (plain & (right | ~left))
        on = np.searchsorted(lines, at, side="right")
        pairs = np.flatnonzero(opens[:-1] & closes[1:] & (on[:-1] == on[1:]) & (np.diff(at) <= most))
        if not pairs.size:
            continue
        # of three in a row the second closes, so it does not open
        new = np.diff(pairs, prepend=-2) > 1
        since = np.arange(pairs.size) - np.maximum.accumulate(np.where(new, np.arange(pairs.size), 0))
        pairs = pairs[since % 2 == 0]
        pairs = pairs[~_by_itself(scan, at[pairs], edges)]
        if pairs.size:
            within = np.searchsorted(at[pairs], start) - 1
            inside = (within >= 0) & (at[pairs + 1][within] > start)
            quote = np.where(inside, within + 1 + int(quote.max(initial=0)), quote)
    return quote


def _by_itself(scan: Scan, at: Numbers, edges: Numbers) -> Numbers:
    """Whether a new sentence begins with what is at these places."""
    before = np.maximum(at - 1, 0)
    spaced = scan.kind[before] == SPACE
    before = np.where(spaced, np.maximum(at - 2, 0), before)
    ended = _is(scan.codes[before], ".!?。！？…\n" + _CLOSING + '"') | (scan.codes[np.maximum(at - 1, 0)] == 10)
    return edges[at] | ended
