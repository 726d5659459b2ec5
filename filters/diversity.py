"""Diversity: in which order the traces of a problem would be picked, were each the most unlike those before it.

Measure  the row's place from 1 among the rows with the same problem_id. First comes the best by `prefer` (as in
         `clarity desc, completion_tokens`), or without it the trace most like all others; then each time the one whose
         nearest neighbour among those picked is farthest. Distance is 1 - the Jaccard similarity of the sets of n words
         in a row of reasoning and response; among equals `prefer` decides, then the first rollout
Source   farthest-first traversal, Gonzalez 1985; n = 3 words is a choice
Use      `max` 4 keeps the four most different traces of each problem; copies and near copies come last. How many to
         keep is a choice, there is no bound of its own
"""

from __future__ import annotations

import numpy as np
import polars as pl

from filters._characters import Numbers
from filters._ngrams import FoldedScan, blocks, grams
from filters._preference import order, preferred
from filters._text import written

VERSION = 1
SCOPE = "group"

_CELLS = 1 << 24  # of a table of rows and n-grams, at a time


def diversity(rows: pl.DataFrame, *, ngram: int = 3, prefer: str | None = None) -> pl.Series:
    if ngram < 1:
        raise ValueError(f"ngram is 1 or more, not {ngram}")
    decided = preferred(rows, prefer)
    sets = _sets(written(rows), ngram)
    ranks = np.empty(rows.height)
    best_first = order(decided, prefer).to_numpy()
    by_problem = decided["problem_id"].fill_null("").to_list()
    groups: dict[str, list[int]] = {}
    for place in best_first.tolist():
        groups.setdefault(by_problem[place], []).append(place)
    for group in groups.values():
        picked = _picked(_distances([sets[place] for place in group]), central=prefer is None)
        ranks[np.array(group)[picked]] = np.arange(1, len(group) + 1)
    return pl.Series("diversity", ranks, dtype=pl.Float64)


def _sets(texts: pl.Series, ngram: int) -> list[Numbers]:
    """The different n-grams of each text."""
    found = []
    for block in blocks(texts):
        gram = grams(FoldedScan(block).compared(), ngram)
        found += [np.unique(keys) for keys in np.split(gram.key, gram.first[1:-1])]
    return found


def _distances(sets: list[Numbers]) -> Numbers:
    """1 - Jaccard, pair by pair; two empty texts are alike."""
    sizes = np.array([keys.size for keys in sets])
    known, which = np.unique(np.concatenate(sets), return_inverse=True)
    row = np.repeat(np.arange(len(sets)), sizes)
    shared = np.zeros((len(sets), len(sets)))
    step = max(_CELLS // len(sets), 1)
    for begun in range(0, known.size, step):
        here = (which >= begun) & (which < begun + step)
        table = np.zeros((len(sets), min(step, known.size - begun)), dtype=np.float32)
        table[row[here], which[here] - begun] = 1
        shared += table @ table.T
    either = sizes[:, None] + sizes[None, :] - shared
    return 1 - np.divide(shared, either, out=np.ones_like(shared), where=either > 0)


def _picked(distance: Numbers, central: bool) -> list[int]:
    """The rows in the order in which they are picked; argmin and argmax take the first among equals."""
    # rounded, so that the order of the sum cannot decide
    picked = [int(distance.sum(axis=1).round(9).argmin()) if central else 0]
    nearest = distance[picked[0]].copy()
    for _ in range(len(distance) - 1):
        nearest[picked[-1]] = -1
        picked.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, distance[picked[-1]])
    return picked
