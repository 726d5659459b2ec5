"""Reflection: how often the thinking says one of the reflective words that DeepSeek-R1 counts.

Measure  wait, mistake, however, but, retry, error, verify, wrong, evaluate, check as whole words in any case, and their
         Chinese counterparts (filters/_phrases/reflection.txt), in the thinking: per `trace`, or per `thousand_words`
         (runs without a space, characters in Chinese), 0 where there are no words
Source   DeepSeek-R1's count of reflective words over training (arXiv:2501.12948); it counts English ones only
Use      to compare models, data and stages of a training. No bound: a trace is not better for saying "wait"
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from filters._lowered import lowered_thinking
from filters._phrases import phrases
from filters._text import scanned_thinking

VERSION = 1
SCOPE = "row"


def reflection(rows: pl.DataFrame, *, per: Literal["trace", "thousand_words"] = "trace") -> pl.Series:
    if per not in ("trace", "thousand_words"):
        raise ValueError(f"per is trace or thousand_words, not {per}")
    said = lowered_thinking(rows).str.count_matches(phrases("reflection")).cast(pl.Float64)
    if per == "thousand_words":
        words = np.maximum(scanned_thinking(rows).words.counts, 1)
        said = said * 1000 / pl.Series(words)
    return said.alias("reflection")
