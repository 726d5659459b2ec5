"""Length: how long the thinking, the response or both are, in tokens, words or characters.

Measure  tokens: by `tokenizer` (a folder or a hub id that transformers loads) without special tokens, of what `of`
         names; without one the completion_tokens that the engine counted of the whole completion, and where it gave
         none an estimate, UTF-8 bytes / 4 rounded up. Words: runs without a space, and characters where the script
         writes no spaces (Chinese, Japanese, Thai ...). Characters: Unicode code points. `reasoning` is the response
         of a row that did not think
Source   DeepSeek-R1's reasoning samples are 2,739 (logic) to 7,435.7 tokens (code) long on average
         (arXiv:2501.12948, Table 5); the length rules of its data are not disclosed
Use      `max` drops rambling, `min` drops empty thinking; a bound is a choice, often the token budget of the student,
         whose tokenizer is then the one to name
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import polars as pl

from filters._columns import need
from filters._settings import Tokenizer
from filters._text import column, thinking, words

VERSION = 2
SCOPE = "row"

_BYTES_PER_TOKEN = 4  # of English under a byte-pair vocabulary; a Han character is 3 bytes and a little less a token


def length(
    rows: pl.DataFrame,
    *,
    of: Literal["reasoning", "response", "both"] = "both",
    unit: Literal["tokens", "words", "characters"] = "words",
    tokenizer: Tokenizer | None = None,
) -> pl.Series:
    if tokenizer is not None and unit != "tokens":
        raise ValueError(f"a tokenizer counts tokens, and the unit is {unit}")
    if unit == "tokens" and tokenizer is None:
        if of != "both":
            raise ValueError(f"completion_tokens counts reasoning and response together; {of} alone needs a tokenizer")
        return _counted(rows).alias("length")
    if of == "reasoning":
        size = _size(thinking(rows), unit, tokenizer)
    elif of == "response":
        size = _size(column(rows, "response"), unit, tokenizer)
    else:
        size = _size(column(rows, "reasoning"), unit, tokenizer) + _size(column(rows, "response"), unit, tokenizer)
    return size.cast(pl.Float64).alias("length")


def _size(text: pl.Series, unit: str, tokenizer: str | None) -> pl.Series:
    if tokenizer is not None:
        found = _tokenizer(tokenizer)(text.to_list(), add_special_tokens=False, verbose=False) if text.len() else {}
        return pl.Series([len(tokens) for tokens in found.get("input_ids", [])], dtype=pl.Int64)
    return words(text) if unit == "words" else text.str.len_chars()


@cache
def _tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name)


def _counted(rows: pl.DataFrame) -> pl.Series:
    need(rows, "completion_tokens")
    size = column(rows, "reasoning").str.len_bytes() + column(rows, "response").str.len_bytes()
    estimate = (size / _BYTES_PER_TOKEN).ceil()
    counted = rows["completion_tokens"].cast(pl.Float64)
    return counted.zip_with(counted.is_not_null(), estimate)
