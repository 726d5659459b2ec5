"""Verification: how many sentences of the thinking put a result to the test.

Measure  sentences that hold a phrase of filters/_phrases/verification.txt: "let me double-check", "plugging it back",
         "is that right?", 验算, проверим ...; English and Chinese in breadth, eight other languages in their commonest
         words. How a check came out is not counted again
Source   one of four habits of thought that make a base model gain from RL (arXiv:2503.01307, which counts them with a
         judge model; the judge `behaviours` does so here). The phrases are a choice
Use      to compare models and data, and `min` 1 where traces that never check are not wanted. An announced check that
         is never made counts too: a phrase cannot tell
"""

from __future__ import annotations

import polars as pl

from filters._counting import first_sentence, sentences

VERSION = 1
SCOPE = "row"


def verification(rows: pl.DataFrame) -> pl.Series:
    return sentences(rows, "verification")


def evidence(rows: pl.DataFrame) -> pl.Series:
    return first_sentence(rows, "verification")
