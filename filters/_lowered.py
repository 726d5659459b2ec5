"""The texts of a rollout in lower case, made once for all the filters that look for phrases."""

from __future__ import annotations

import polars as pl

from filters._shared import shared
from filters._text import column


def lowered(rows: pl.DataFrame, name: str) -> pl.Series:
    """A text column in lower case, empty text in the place of its nulls."""
    return shared(rows, ("lower", name), lambda: column(rows, name).str.to_lowercase())


def lowered_thinking(rows: pl.DataFrame) -> pl.Series:
    """The reasoning, or the response of a row that did not think, in lower case."""
    reasoning, response = lowered(rows, "reasoning"), lowered(rows, "response")
    return shared(rows, "lower thinking", lambda: reasoning.zip_with(rows["reasoning"].is_not_null(), response))
