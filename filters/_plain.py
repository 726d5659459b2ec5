"""A text without what writes the same words otherwise: case, white space, quotation marks, sentence punctuation.

Kept     letters, digits, operators, brackets and every other sign; of the sentence's signs a point, comma or colon
         between two digits (3.5, 1,000, 2:1), and a `!` behind a digit, a bracket or a letter alone (n!)
Left out . , ; : ? ! … and their forms in other scripts, quotation marks, white space, invisible characters; where two
         words would grow together a space is left. All dashes are one
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache

import numpy as np
import polars as pl

from filters._characters import DIGIT, MARK, SPACE, Numbers, lowered, spaceless
from filters._ngrams import blocks
from filters._scan import Scan

_SENTENCE = ".,;:?!…'\"`´。、，．；：？！·؟،؛।॥¿¡「」『』《》〈〉⟨⟩"
_DASHES = "‐‑‒–—―−﹣－"
_READ = 0x20000


def plain(texts: pl.Series) -> Iterator[tuple[bytes, int]]:
    """Each text as bytes that are equal where the texts are but for what is left out, and its number of words."""
    for block in blocks(texts):
        scan = Scan(block.str.normalize("NFC") if block.str.contains("[\u0300-\u036f]").any() else block)
        yield from _written(scan)


def _written(scan: Scan) -> Iterator[tuple[bytes, int]]:
    codes = _folded()[scan.codes]
    worded = (scan.kind == DIGIT) | (scan.kind >= MARK)
    places = np.flatnonzero(~_left_out(scan, codes, worded))
    row = scan.row[places]
    gap = np.zeros(places.size, dtype=np.int64)
    gap[1:] = worded[places[1:]] & worded[places[:-1]] & (np.diff(places) > 1) & (row[1:] == row[:-1])
    at = np.arange(places.size) + np.cumsum(gap)
    out = np.full(at[-1] + 1 if at.size else 0, ord(" "), dtype=np.uint32)
    out[at] = codes[places]
    bounds = np.append(at, out.size)[np.searchsorted(places, scan.first)]
    for begin, end, count in zip(bounds[:-1], bounds[1:], _counts(scan, worded).tolist(), strict=True):
        yield out[begin:end].tobytes(), count


def _counts(scan: Scan, worded: Numbers) -> Numbers:
    """How many words each text has."""
    alone = spaceless()[scan.kind]
    starts = worded.copy()
    starts[1:] &= ~worded[:-1] | alone[1:] | (alone[:-1] & (scan.kind[1:] != MARK))
    edges = scan.first[:-1][scan.first[:-1] < worded.size]
    starts[edges] = worded[edges]
    return np.diff(np.append(0, np.cumsum(starts))[scan.first])


def _left_out(scan: Scan, codes: Numbers, worded: Numbers) -> Numbers:
    ornaments = np.flatnonzero(_ornaments()[codes])
    left_out = scan.kind == SPACE
    left_out[ornaments] = True
    signs = ornaments[np.isin(codes[ornaments], np.array([ord(sign) for sign in ".,:!"], dtype=np.uint32))]
    row = scan.row

    def beside(step: int) -> Numbers:
        """The place so far from each sign, the sign itself where that is in another text."""
        other = np.clip(signs + step, 0, max(codes.size - 1, 0))
        return np.where(row[other] == row[signs], other, signs)

    digit = scan.kind == DIGIT
    before, further, after = beside(-1), beside(-2), beside(1)
    alone = worded[before] & (~worded[further] | (further >= before))  # nothing stands further left
    factorial = digit[before] | (codes[before] == ord(")")) | alone
    kept = np.where(codes[signs] == ord("!"), factorial, digit[before] & digit[after])
    left_out[signs[kept]] = False
    return left_out


@cache
def _folded() -> Numbers:
    """uint32, the lower case of every character, and one dash for all."""
    table = lowered().copy()
    table[[ord(dash) for dash in _DASHES]] = ord("-")
    return table


@cache
def _ornaments() -> Numbers:
    """bool by character."""
    table = np.zeros(0x110000, dtype=bool)
    for code in range(_READ):
        table[code] = unicodedata.category(chr(code)) in ("Cc", "Cf", "Pi", "Pf")
    table[[ord(sign) for sign in _SENTENCE]] = True
    return table
