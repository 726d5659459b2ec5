"""How likely a word's letters are in each language: the referee for words that no list has, and languages without one.

Letters  langdetect's profiles: how often one, two and three letters follow each other in 55 Wikipedias
Score    hundredths of nats: the probability of each letter after the two before it, and of the word's end, smoothed by
         the shorter sequences
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from filters._characters import Numbers, lowered
from filters._language_words import NAT, Table
from filters._scan import Scan, mixed

# langdetect's languages by their letters; beside its code, the word lists' code where that is another
PROFILES = {
    "Latin": {
        code: code
        for code in (
            [
                "en",
                "de",
                "fr",
                "es",
                "it",
                "pt",
                "nl",
                "sv",
                "da",
                "fi",
                "hu",
                "pl",
                "cs",
                "sk",
                "sl",
                "ro",
                "ca",
                "lt",
                "lv",
                "tr",
                "vi",
                "id",
                "af",
                "cy",
                "et",
                "hr",
                "so",
                "sq",
                "sw",
                "tl",
                "no",
            ]
        )
    }
    | {"hr": "sh", "tl": "fil", "no": "nb"},
    "Cyrillic": {code: code for code in ("ru", "uk", "bg", "mk")},
    "Arabic": {code: code for code in ("ar", "fa", "ur")},
    "Devanagari": {code: code for code in ("hi", "mr", "ne")},
}

_TRIPLE, _PAIR, _SINGLE = 0.8, 0.15, 0.05  # a choice: the weight of each length
_FLOOR = 1e-5  # of a letter that a language does not write
_SIDE = 1 << 10  # letters of a script are fewer
_LONGEST = 24  # letters of a word that are read


@dataclass(frozen=True)
class Letters:
    """Sequences of letters; each matrix is [sequence, language], the last row for what is unknown."""

    languages: tuple[str, ...]
    numbers: Numbers
    tables: tuple[Table, Table]
    triple: Numbers
    pair: Numbers
    single: Numbers

    def without(self, languages: tuple[str, ...]) -> Letters:
        """The same for the languages that are not among these."""
        kept = [at for at, language in enumerate(self.languages) if language not in languages]
        names = tuple(self.languages[at] for at in kept)
        return Letters(names, self.numbers, self.tables, self.triple[:, kept], self.pair[:, kept], self.single[:, kept])

    def of(self, scan: Scan, start: Numbers, end: Numbers) -> Numbers:
        """The scores of some words of a scan, one row each."""
        if not start.size or not self.languages:
            return np.zeros((start.size, len(self.languages)), dtype=np.int32)
        size = np.minimum(end - start, _LONGEST) + 1  # and the space behind it
        first = np.cumsum(size) - size
        within = np.arange(int(size.sum())) - np.repeat(first, size)
        at = np.repeat(start, size) + within
        last = within == np.repeat(size, size) - 1
        codes = scan.codes[np.minimum(at, scan.codes.size - 1)]
        letter = np.where(last, 0, self.numbers[lowered()[codes]]).astype(np.uint64)
        one = np.where(within >= 1, np.roll(letter, 1), 0).astype(np.uint64)
        two = np.where(within >= 2, np.roll(letter, 2), 0).astype(np.uint64)
        # the first letter has one space before it, not two
        pairs = self.tables[0].find(mixed(one * _SIDE + letter))
        triples = np.where(within >= 1, self.tables[1].find(mixed((two * _SIDE + one) * _SIDE + letter)), -1)
        scores = self.single[letter.astype(np.int64)]
        scores = np.where((pairs >= 0)[:, None], self.pair[pairs], scores)
        scores = np.where((triples >= 0)[:, None], self.triple[triples], scores)
        return np.round(NAT * np.add.reduceat(scores, first, axis=0)).astype(np.int32)


@cache
def letters(script: str) -> Letters:
    import langdetect

    known = PROFILES.get(script, {})
    folder = Path(langdetect.__file__).parent / "profiles"
    counted = [_counts(folder / profile) for profile in known]
    every = set().union(*counted) | {gram[1:] for counts in counted for gram in counts if len(gram) == 3}
    alphabet = [" ", *sorted({letter for gram in every for letter in gram} - {" "})]
    numbers = np.full(lowered().size, _SIDE - 1, dtype=np.int32)
    numbers[[ord(letter) for letter in alphabet]] = np.arange(len(alphabet)) % _SIDE
    one, one_codes = _often(alphabet, counted, numbers)
    two, two_codes = _often(sorted(gram for gram in every if len(gram) == 2), counted, numbers)
    three, three_codes = _often(sorted(gram for gram in every if len(gram) == 3), counted, numbers)
    tables = (Table(mixed(two_codes)), Table(mixed(three_codes)))
    np.add.at(one, np.zeros(two.shape[0], dtype=np.int64), two * (two_codes < _SIDE)[:, None])  # spaces before words

    single = np.full((_SIDE, len(known)), _FLOOR)
    single[one_codes.astype(np.int64)] = np.maximum(_FLOOR, one / np.maximum(1, one.sum(axis=0)))
    single *= _SINGLE
    last = (two_codes % _SIDE).astype(np.int64)
    after = np.minimum(1, two / np.maximum(1, one[(two_codes // _SIDE).astype(np.int64)]))
    pair = _PAIR * after + single[last]
    before = tables[0].find(mixed(three_codes // _SIDE))
    triple = pair[tables[0].find(mixed(three_codes % _SIDE**2))]
    triple = triple + _TRIPLE * np.minimum(1, three / np.maximum(1, two[before])) * (before >= 0)[:, None]
    scores = [np.log(table).astype(np.float32) for table in (triple, pair, single)]
    return Letters(tuple(known.values()), numbers, tables, *scores)


def _often(grams: list[str], counted: list[dict[str, int]], numbers: Numbers) -> tuple[Numbers, Numbers]:
    """How often each sequence is met in each language, and its code."""
    place = {gram: at for at, gram in enumerate(grams)}
    often = np.zeros((len(grams), len(counted)))
    for language, counts in enumerate(counted):
        met = [(place[gram], count) for gram, count in counts.items() if gram in place]
        often[[at for at, _ in met], language] = [count for _, count in met]
    codes = np.zeros(len(grams), dtype=np.uint64)
    for at in range(len(grams[0]) if grams else 0):
        codes = codes * _SIDE + numbers[[ord(gram[at]) for gram in grams]].astype(np.uint64)
    return often, codes


def _counts(profile: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    for gram, often in json.loads(profile.read_text(encoding="utf-8"))["freq"].items():
        low = gram.lower()
        if len(low) == len(gram):
            counts[low] = counts.get(low, 0) + often
    return counts
