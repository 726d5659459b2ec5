"""Backtracking: how many sentences of the thinking give an approach or a result up for another one.

Measure  sentences that hold a phrase of filters/_phrases/backtracking.txt: "that doesn't work", "let me try another",
         "I made a mistake", 换个思路, "ich habe mich geirrt" ...; a bare "wait" or "alternatively" gives nothing up
Source   one of four habits of thought that make a base model gain from RL (arXiv:2503.01307, which counts them with a
         judge model; the judge `behaviours` does so here). The phrases are a choice
Use      to compare models and data; `max` where traces that turn round without end are not wanted
"""

from __future__ import annotations

import polars as pl

from filters._counting import first_sentence, sentences

VERSION = 1
SCOPE = "row"


def backtracking(rows: pl.DataFrame) -> pl.Series:
    return sentences(rows, "backtracking")


def evidence(rows: pl.DataFrame) -> pl.Series:
    return first_sentence(rows, "backtracking")
