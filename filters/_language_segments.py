"""The words of text that is written without spaces.

Chinese, Japanese  forward maximum matching: from left to right the longest word that wordfreq's list has (up to 6
                   characters), else one character; Traditional characters are read as their Simplified ones
Thai, Lao, Khmer, Burmese, Tibetan  no list: a word per 4 letters, vowel signs counted, about their mean length
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from filters._characters import KIND, Numbers
from filters._language_words import NAT, Table
from filters._scan import Scan, places

LETTERS_PER_WORD = 4
_LONGEST = 6
_AT_ONCE = 64  # characters; a longer run is cut, so that no run needs more steps
RARE_CHARACTER = -13 * NAT


def words_in(scan: Scan, start: Numbers, end: Numbers, japanese: Numbers) -> Numbers:
    """How many words each run of Han and kana has; `japanese` says by which list."""
    counts = np.zeros(start.size, dtype=np.int64)
    for language, chosen in (("ja", np.flatnonzero(japanese)), ("zh", np.flatnonzero(~japanese))):
        if chosen.size:
            counts[chosen] = _matched(scan, start[chosen], end[chosen], language)
    return counts


def _matched(scan: Scan, start: Numbers, end: Numbers, language: str) -> Numbers:
    sizes = end - start
    # of a block where a few words are Chinese, only those are read
    read = Scan(pl.Series([""], dtype=pl.String))
    read.codes = simplified()[scan.codes[places(start, end)]]
    begin, end = np.cumsum(sizes) - sizes, np.cumsum(sizes)
    pieces = -(-sizes // _AT_ONCE)
    run = np.repeat(np.arange(start.size), pieces)
    at = begin[run] + (np.arange(run.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)) * _AT_ONCE
    stop = np.minimum(at + _AT_ONCE, end[run])
    counts = np.zeros(start.size, dtype=np.int64)
    known = _known(language)
    while run.size:
        np.add.at(counts, run, 1)
        step = np.ones(run.size, dtype=np.int64)
        for size in range(2, _LONGEST + 1):
            fits = np.flatnonzero(at + size <= stop)
            found = known.find(read.keys(at[fits], at[fits] + size)) >= 0
            step[fits[found]] = size
        at = at + step
        left = at < stop
        run, at, stop = run[left], at[left], stop[left]
    return counts


@cache
def simplified() -> Numbers:
    """uint32, the Simplified character of every Traditional one; else the character."""
    import gzip

    import msgpack
    from wordfreq.util import data_path

    # wordfreq's own reader of it also loads jieba, which is not needed here
    with gzip.open(data_path("_chinese_mapping.msgpack.gz")) as mapping:
        pairs = msgpack.load(mapping, raw=False, strict_map_key=False)
    table = np.arange(0x110000, dtype=np.uint32)
    for code, other in pairs.items():
        if isinstance(other, int):
            table[code] = other
        elif len(other) == 1:
            table[code] = ord(other)
    return table


@cache
def _list(language: str) -> tuple[Scan, Numbers]:
    import wordfreq

    known = wordfreq.get_frequency_dict(language, "large")
    scan = Scan(pl.Series(list(known), dtype=pl.String))
    scan.codes = simplified()[scan.codes]
    return scan, np.fromiter(known.values(), dtype=np.float64)


@cache
def _known(language: str) -> Table:
    scan, _ = _list(language)
    size = np.diff(scan.first)
    some = (size >= 2) & (size <= _LONGEST)
    return Table(np.unique(scan.keys(scan.first[:-1][some], scan.first[1:][some])))


@cache
def character_scores() -> dict[str, Numbers]:
    """int32 by character, how likely each character is in Chinese and in Japanese."""
    scores = {}
    for language in ("zh", "ja"):
        scan, often = _list(language)
        per = np.bincount(scan.codes, np.repeat(often, np.diff(scan.first)), minlength=0x110000)
        han = np.isin(scan.kind, [KIND["Han"], KIND["Hiragana"], KIND["Katakana"]])
        total = per[np.unique(scan.codes[han])].sum()
        with np.errstate(divide="ignore"):
            scores[language] = np.maximum(NAT * np.log(per / total), RARE_CHARACTER).round().astype(np.int32)
    return scores
