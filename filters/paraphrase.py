"""Paraphrase: how similar the question is to the evaluation question most like it, letter by letter.

Measure  the highest weighted Jaccard similarity of the question's runs of 5 characters with those of a question in
         `against`, from 0 to 1. Case, accents, punctuation and LaTeX's signs are left out; a letter of a script without
         spaces counts as two characters. A run weighs the less the more evaluation questions have it (log (1 + N / n)),
         so that `what is the value of` says little; 0 for a question without a word
Source   a choice, beside the 10-grams of contamination. R1 says that its 10-grams cannot catch a test question in
         other words (arXiv:2501.12948, D.1)
Use      catches a test question with other names or numbers, with its sentences turned round. One told anew from the
         ground up is missed. Keeps problems of the same field; one made from the pattern of a test question is above
         `max` 0.3
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from filters._characters import Numbers, noise
from filters._evaluation import Stamp, references, stamps
from filters._ngrams import FoldedScan, blocks
from filters._quoted import quoted
from filters._scan import mixed
from filters._text import column

VERSION = 1
SCOPE = "row"
BOUNDS = {"max": 0.3}

_SIZE = 5  # characters to a run
_SHOWN = 200


@dataclass(frozen=True)
class Index:
    """The runs of the evaluation questions, and which questions have each.

    key     every run once, in order
    first   where its questions begin in `having`, and behind the last their number
    weight  of each run
    total   the weights of all runs of each question
    """

    key: Numbers
    first: Numbers
    having: Numbers
    weight: Numbers
    total: Numbers

    def nearest(self, keys: Numbers) -> tuple[float, int]:
        """The highest similarity to a question, and its place."""
        at = np.minimum(np.searchsorted(self.key, keys), max(self.key.size - 1, 0))
        at = at[self.key[at] == keys] if self.key.size else at[:0]
        if not at.size:
            return 0.0, -1
        counts = self.first[at + 1] - self.first[at]
        places = np.repeat(self.first[at] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        shared = np.bincount(self.having[places], np.repeat(self.weight[at], counts), self.total.size)
        own = self.weight[at].sum() + (keys.size - at.size) * np.log1p(self.total.size)
        alike = shared / (own + self.total - shared)
        best = int(alike.argmax())
        return float(alike[best]), best


def paraphrase(rows: pl.DataFrame, *, against: tuple[Path, ...]) -> pl.Series:
    return pl.Series("paraphrase", [alike for alike, _ in _nearest(rows, stamps(against))], dtype=pl.Float64)


def evidence(rows: pl.DataFrame, *, against: tuple[Path, ...]) -> pl.Series:
    """The evaluation question most like the row's."""
    files = stamps(against)
    known = references(files)
    _, of = _index(files)
    told: list[str | None] = []
    for alike, at in _nearest(rows, files):
        if at < 0:
            told.append(None)
            continue
        near = known[of[at]]
        told.append(f"{alike:.2f} like {near.where}: {quoted(near.text, _SHOWN)}")
    return pl.Series("evidence", told, dtype=pl.String)


def _nearest(rows: pl.DataFrame, files: tuple[Stamp, ...]) -> list[tuple[float, int]]:
    index, _ = _index(files)
    questions = column(rows, "question")
    asked = questions.unique(maintain_order=True)  # the rollouts of a problem share its question
    found = [index.nearest(keys) for block in blocks(asked) for keys in _runs(block)]
    of = dict(zip(asked.to_list(), found, strict=True))
    return [of[question] for question in questions.to_list()]


@lru_cache(maxsize=8)
def _index(files: tuple[Stamp, ...]) -> tuple[Index, list[int]]:
    """The index, and the place of each of its questions among the references."""
    known = references(files)
    of = [at for at, reference in enumerate(known) if reference.question]
    texts = pl.Series([known[at].text for at in of], dtype=pl.String)
    runs = [keys for block in blocks(texts) for keys in _runs(block)]
    keys = np.concatenate([*runs, np.empty(0, dtype=np.uint64)])
    having = np.repeat(np.arange(len(runs)), [run.size for run in runs])
    by_key = np.argsort(keys, kind="stable")
    key, first = np.unique(keys[by_key], return_index=True)
    first = np.append(first, keys.size)
    weight = np.log1p(len(runs) / np.diff(first))
    total = np.bincount(having[by_key], np.repeat(weight, np.diff(first)), len(runs))
    return Index(key, first, having[by_key], weight, total), of


def _runs(texts: pl.Series) -> list[Numbers]:
    """The different runs of characters of each text, its words parted by one space each."""
    scan = FoldedScan(texts)
    words = scan.compared()
    sizes = words.end - words.start + 1
    sizes[words.first[1:][words.counts > 0] - 1] += _SIZE - 2  # so that a text of one letter has a run
    begun = np.append(0, np.cumsum(sizes))
    codes = np.full(int(begun[-1]), ord(" "), dtype=np.uint32)
    lengths = words.end - words.start
    step = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    codes[np.repeat(begun[:-1], lengths) + step] = scan.codes[np.repeat(words.start, lengths) + step]
    drawn = noise()[codes]
    keys = np.zeros(max(codes.size - _SIZE + 1, 0), dtype=np.uint64)
    for at in range(_SIZE):
        keys = mixed(keys + drawn[at : at + keys.size])
    bounds = begun[words.first]
    return [np.unique(keys[a : max(a, b - _SIZE + 1)]) for a, b in pairwise(bounds.tolist())]
