"""Length: how long the thinking, the response or both are, in tokens, words or characters.

Measure  tokens: the completion_tokens column; words: runs without a space, and characters where the script writes no
         spaces (Chinese, Japanese, Thai ...); characters: Unicode code points. `reasoning` is the response of a row
         that did not think. Tokens are known of the whole completion only; where an engine gave no count they are
         estimated as UTF-8 bytes / 4, rounded up
Source   DeepSeek-R1's reasoning samples are 2,739 (logic) to 7,435.7 tokens (code) long on average
         (arXiv:2501.12948, Table 5); the length rules of its data are not disclosed
Use      `max` drops rambling, `min` drops empty thinking; a bound is a choice, often the token budget of the student
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from filters._columns import need
from filters._text import column, thinking, words

VERSION = 1
SCOPE = "row"

_BYTES_PER_TOKEN = 4  # of English under a byte-pair vocabulary; a Han character is 3 bytes and a little less a token


def length(
    rows: pl.DataFrame,
    *,
    of: Literal["reasoning", "response", "both"] = "both",
    unit: Literal["tokens", "words", "characters"] = "words",
) -> pl.Series:
    if unit == "tokens":
        if of != "both":
            raise ValueError(f"tokens are counted of both reasoning and response; there is no count of: {of}")
        return _tokens(rows).alias("length")
    if of == "reasoning":
        size = _size(thinking(rows), unit)
    elif of == "response":
        size = _size(column(rows, "response"), unit)
    else:
        size = _size(column(rows, "reasoning"), unit) + _size(column(rows, "response"), unit)
    return size.cast(pl.Float64).alias("length")


def _size(text: pl.Series, unit: Literal["words", "characters"]) -> pl.Series:
    return words(text).list.len() if unit == "words" else text.str.len_chars()


def _tokens(rows: pl.DataFrame) -> pl.Series:
    need(rows, "completion_tokens")
    size = column(rows, "reasoning").str.len_bytes() + column(rows, "response").str.len_bytes()
    estimate = (size / _BYTES_PER_TOKEN).ceil()
    counted = rows["completion_tokens"].cast(pl.Float64)
    return counted.zip_with(counted.is_not_null(), estimate)
