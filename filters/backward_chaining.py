"""Backward chaining: how many sentences of the thinking start from what is wanted and ask what it would take.

Measure  sentences that hold a phrase of filters/_phrases/backward_chaining.txt: "working backwards", "to get 24, I",
         "it suffices to show", 倒推, "il suffit de montrer" ...
Source   one of four habits of thought that make a base model gain from RL (arXiv:2503.01307, which counts them with a
         judge model; the judge `behaviours` does so here). The phrases are a choice
Use      to compare models and data; it is rare, most traces have none
"""

from __future__ import annotations

import polars as pl

from filters._counting import first_sentence, sentences

VERSION = 1
SCOPE = "row"


def backward_chaining(rows: pl.DataFrame) -> pl.Series:
    return sentences(rows, "backward_chaining")


def evidence(rows: pl.DataFrame) -> pl.Series:
    return first_sentence(rows, "backward_chaining")
