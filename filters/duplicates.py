"""Duplicates: how many better rows say the same as this one, word for word.

Measure  the row's rank from 0 among the rows of the same text: 0 is the best by `prefer` (`clarity desc,
         completion_tokens`; among equals the first by problem and rollout) and is kept. The text is the trace
         (reasoning and response), or the question: then problems are ranked, for the rows of one share it. Texts are
         the same when they differ in case, white space, quotation marks and the punctuation of sentences only; digits,
         operators and brackets count, `3.5` keeps its point and `5!` its mark. A trace of fewer than 10 words repeats
         only those of its own problem; a text without a word repeats nothing
Source   a choice; R1 does not disclose how it removed duplicates
Use      `max` 0 keeps the best of each. Catches what was sampled, merged or copied twice; one word more is another
         text: near_duplicates finds those
"""

from __future__ import annotations

from hashlib import blake2b

import polars as pl

from filters._clusters import FEW, Of, compared, ranked
from filters._plain import plain
from filters._preference import order, preferred

VERSION = 1
SCOPE = "dataset"
BOUNDS = {"max": 0.0}


def duplicates(rows: pl.DataFrame, *, of: Of = "trace", prefer: str | None = None) -> pl.Series:
    return settle(gather(rows, of=of, prefer=prefer), of=of, prefer=prefer)["duplicates"]


def gather(rows: pl.DataFrame, *, of: Of = "trace", prefer: str | None = None) -> pl.DataFrame:
    """What decides between rows, and 16 bytes for each text; null where it has no word."""
    decided = preferred(rows, prefer)
    few = FEW if of == "trace" else 0
    digests = []
    for (text, words), problem in zip(plain(compared(rows, of)), decided["problem_id"], strict=True):
        told = text + f" of {problem}".encode() if words < few else text
        digests.append(blake2b(told, digest_size=16).digest() if words else None)
    return decided.with_columns(pl.Series("cluster", digests, dtype=pl.Binary))


def settle(gathered: pl.DataFrame, *, of: Of = "trace", prefer: str | None = None) -> pl.DataFrame:
    found = gathered.select("cluster", similarity=pl.lit(1.0))
    return ranked("duplicates", gathered, order(gathered, prefer), found, of)
