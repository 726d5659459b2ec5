"""Near duplicates: how many better rows say nearly the same as this one.

Measure  the row's rank from 0 among the rows nearly alike: 0 is the best by `prefer` (`clarity desc,
         completion_tokens`; among equals the first by problem and rollout) and is kept. Two texts are nearly alike when
         the Jaccard similarity of their sets of n words in a row, estimated by MinHash, is at least `similarity`. From
         the best on, a row is kept unless it is that similar to one kept before: nothing is dropped by way of a third.
         The text is the trace (reasoning and response), or the question: then problems are ranked, for the rows of one
         share it, and two whose numbers or gold answers differ are two problems. A trace of fewer than 10 words repeats
         only those of its own problem; a text without a word repeats nothing
Source   Broder 1997; 5 words as in datatrove and at 0.8 as in SlimPajama and RefinedWeb; the search is rensa's and ours
Use      `max` 0 keeps the best of each. Catches copies with a few words changed. Keeps texts that share a figure or
         an opening: a pair exactly at the bound is found or missed by chance (one standard error is 0.035)
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import polars as pl

from filters._characters import DIGIT, Numbers
from filters._clusters import FEW, Of, compared, problem_keys, ranked
from filters._minhash import SLOTS, repeated, signatures
from filters._ngrams import FoldedScan
from filters._plain import plain
from filters._preference import order, preferred
from filters._scan import mixed
from filters._text import column

VERSION = 1
SCOPE = "dataset"
BOUNDS = {"max": 0.0}


def near_duplicates(
    rows: pl.DataFrame, *, of: Of = "trace", similarity: float = 0.8, ngram: int = 5, prefer: str | None = None
) -> pl.Series:
    gathered = gather(rows, of=of, similarity=similarity, ngram=ngram, prefer=prefer)
    return settle(gathered, of=of, similarity=similarity, ngram=ngram, prefer=prefer)["near_duplicates"]


def gather(
    rows: pl.DataFrame, *, of: Of = "trace", similarity: float = 0.8, ngram: int = 5, prefer: str | None = None
) -> pl.DataFrame:
    """What decides between rows, and of each text its signature, what sets it apart, and whether it has a word."""
    if ngram < 1:
        raise ValueError(f"ngram is 1 or more, not {ngram}")
    if not 0 < similarity <= 1:
        raise ValueError(f"similarity is above 0 and at most 1, not {similarity}")
    texts = compared(rows, of)
    keys = problem_keys(rows)
    if of == "trace":
        signature, words = signatures(texts, ngram, FEW, keys)
        apart = np.zeros(rows.height, dtype=np.uint64)
    else:
        signature, words = signatures(texts, ngram)
        apart = _asked(rows)
    return preferred(rows, prefer).with_columns(
        pl.Series("signature", signature, dtype=pl.Array(pl.UInt32, SLOTS)),
        pl.Series("apart", apart),
        pl.Series("key", keys),
        pl.Series("worded", words > 0),
    )


def settle(
    gathered: pl.DataFrame, *, of: Of = "trace", similarity: float = 0.8, ngram: int = 5, prefer: str | None = None
) -> pl.DataFrame:
    best_first = order(gathered, prefer)
    places = best_first.filter(gathered["worded"][best_first])
    if of == "question":
        places = places.filter(gathered["key"][places].is_first_distinct())
    signature = gathered["signature"].to_numpy().reshape(gathered.height, SLOTS)
    cluster, alike = repeated(signature, places.to_numpy().astype(np.int64), similarity, gathered["apart"].to_numpy())
    if of == "question":  # all rows of a problem go where its first goes
        first = dict(zip(gathered["key"][places].to_list(), places.to_list(), strict=True))
        own = np.array([first.get(key, at) for at, key in enumerate(gathered["key"].to_list())], dtype=np.int64)
        cluster, alike = cluster[own], alike[own]
    found = pl.select(
        cluster=pl.when(gathered["worded"]).then(pl.Series(cluster, dtype=pl.Int64)),
        similarity=pl.Series(alike, dtype=pl.Float64),
    )
    return ranked("near_duplicates", gathered, best_first, found, of)


def _asked(rows: pl.DataFrame) -> Numbers:
    """64 bits for the numbers of each question, in any order, and its gold answer."""
    scan = FoldedScan(column(rows, "question"))
    words = scan.compared()
    digits = np.append(0, np.cumsum(scan.kind == DIGIT))
    numbers = np.where(digits[words.end] > digits[words.start], mixed(words.key), np.uint64(0))
    sums = np.append(np.uint64(0), np.cumsum(numbers))
    asked = sums[words.first[1:]] - sums[words.first[:-1]]
    if "answer" in rows.columns:
        answers = [blake2b(text, digest_size=8).digest() for text, _ in plain(column(rows, "answer"))]
        asked = mixed(asked) ^ np.frombuffer(b"".join(answers), dtype="<u8")
    return asked
