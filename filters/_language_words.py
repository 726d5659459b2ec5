"""The common words of languages: how likely a word is in each language that is written with the same letters.

Words  wordfreq's lists: 30,000 to 60,000 words in 42 languages (`small`; for the language of a text itself `large`,
       read to 200,000), counted in subtitles, Wikipedia, news, books and the web, frozen in 2024; read when needed
Score  hundredths of nats, whole numbers: sums of them are the same however the rows are put together
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np
import numpy.typing as npt
import polars as pl

from filters._characters import MARK, Numbers
from filters._scan import Scan, Words

NAT = 100  # a score's unit is a hundredth of a nat
RARE = -16 * NAT  # of a word that a language's short list does not have: rarer than one in a million
UNHEARD = -19 * NAT  # of a word that a language's long list does not have, which goes to a few in a hundred million
_MOST = 200_000  # words of a list that are read

# The languages of the word lists, by the letters they are written with; wordfreq's Serbo-Croatian is in Latin letters.
LISTED = {
    "Latin": (
        "en", "de", "fr", "es", "it", "pt", "nl", "sv", "nb", "da", "is", "fi", "hu", "pl", "cs", "sk", "sl", "sh",
        "ro", "ca", "lt", "lv", "tr", "vi", "id", "ms", "fil",
    ),
    "Cyrillic": ("ru", "uk", "bg", "mk"),
    "Arabic": ("ar", "fa", "ur"),
    "Hebrew": ("he",),
    "Greek": ("el",),
    "Devanagari": ("hi",),
    "Bengali": ("bn",),
    "Tamil": ("ta",),
    "Hangul": ("ko",),
}  # fmt: skip
_LONG = (
    "ar", "bn", "ca", "cs", "de", "en", "es", "fi", "fr", "he", "it", "ja", "mk", "nb", "nl", "pl", "pt", "ru", "sv",
    "uk", "zh",
)  # fmt: skip


class Table:
    """Where each of some different keys stands, by open addressing: a look-up costs one or two reads."""

    def __init__(self, keys: Numbers):
        self._mask = np.uint64((1 << max(4, int(4 * keys.size).bit_length())) - 1)
        self._keys = np.zeros(int(self._mask) + 1, dtype=np.uint64)
        self._at = np.full(int(self._mask) + 1, -1, dtype=np.int32)
        waiting = np.arange(keys.size, dtype=np.int32)
        slots = (keys & self._mask).astype(np.int64)
        while waiting.size:
            free = self._at[slots] < 0
            self._at[slots[free]] = waiting[free]
            placed = self._at[slots] == waiting
            self._keys[slots[placed]] = keys[waiting[placed]]
            waiting, slots = waiting[~placed], (slots[~placed] + 1) & int(self._mask)

    def find(self, keys: Numbers) -> Numbers:
        """int32, the place of each key; -1 where it is not there."""
        slots = (keys & self._mask).astype(np.int64)
        found = self._at[slots]
        lost = np.flatnonzero((self._keys[slots] != keys) & (found >= 0))
        while lost.size:
            slots[lost] = (slots[lost] + 1) & int(self._mask)
            found[lost] = self._at[slots[lost]]
            lost = lost[(self._keys[slots[lost]] != keys[lost]) & (found[lost] >= 0)]
        return found


@dataclass(frozen=True)
class Vocabulary:
    """The words of several languages; scores[word, language], RARE where a language's list does not have the word."""

    languages: tuple[str, ...]
    table: Table
    scores: npt.NDArray[np.int16]

    def of(self, keys: Numbers) -> Numbers:
        """The scores of some words, one row each; 0 in the row of a word that is in no list."""
        at = self.table.find(keys)
        return np.where((at >= 0)[:, None], self.scores[at], np.int16(0))


@cache
def vocabulary(script: str) -> Vocabulary:
    """All words of the short lists of a script's languages."""
    languages = LISTED.get(script, ())
    lists = [_list(language, "small") for language in languages]
    keys = np.sort(np.concatenate([np.zeros(0, dtype=np.uint64), *(known for known, _ in lists)]))
    keys = keys[np.diff(keys, prepend=np.uint64(0)) > 0]  # np.unique takes five times as long
    scores = np.full((max(1, keys.size), len(languages)), RARE, dtype=np.int16)
    for language, (known, score) in enumerate(lists):
        scores[np.searchsorted(keys, known), language] = np.maximum(score, RARE)
    return Vocabulary(languages, Table(keys), scores)


def longest(language: str) -> tuple[Numbers, Numbers]:
    """The keys of the words of a language's longest list, and their scores."""
    return _list(language, _size(language))


def words_of(language: str) -> tuple[Scan, Words, Numbers]:
    """The longest list as a scan, its words, and the place of each among the keys of `longest`."""
    scan, parts, _ = _read(language, _size(language))
    return scan, parts, np.searchsorted(longest(language)[0], parts.key)


def unheard(language: str) -> int:
    """The score of a word that is not in a language's longest list."""
    return UNHEARD if language in _LONG else RARE - NAT


def _size(language: str) -> str:
    return "large" if language in _LONG else "small"


def _list(language: str, size: str) -> tuple[Numbers, Numbers]:
    _, parts, often = _read(language, size)
    keys, of = np.unique(parts.key, return_inverse=True)
    return keys, np.round(NAT * np.log(np.bincount(of, often[parts.row]))).astype(np.int16)


def _read(language: str, size: str) -> tuple[Scan, Words, Numbers]:
    """A list's words as a scan, without what is no letter: `don't` is `don` and `t`, as the words of a text are."""
    import wordfreq

    known = wordfreq.get_frequency_dict(language, size)  # the most frequent word first
    scan = Scan(pl.Series(list(islice(known, _MOST)), dtype=pl.String))
    return scan, scan.spans(scan.kind >= MARK), np.fromiter(known.values(), dtype=np.float64)
