"""Subgoal setting: how many sentences of the thinking split the work into parts named before they are done.

Measure  sentences that hold a phrase of filters/_phrases/subgoal_setting.txt: "first, I need to find", "break it down",
         "step 1", "consider two cases", 首先, 分情况讨论 ...; of a list of steps only the first is counted
Source   one of four habits of thought that make a base model gain from RL (arXiv:2503.01307, which counts them with a
         judge model; the judge `behaviours` does so here). The phrases are a choice
Use      to compare models and data, and `min` 1 where work without a plan is not wanted
"""

from __future__ import annotations

import polars as pl

from filters._counting import first_sentence, sentences

VERSION = 1
SCOPE = "row"


def subgoal_setting(rows: pl.DataFrame) -> pl.Series:
    return sentences(rows, "subgoal_setting")


def evidence(rows: pl.DataFrame) -> pl.Series:
    return first_sentence(rows, "subgoal_setting")
