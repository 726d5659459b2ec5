"""Places: which part of a mixture a row belongs to, and which value of a divided part, as polars expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from datafactory.merging.parts import UNNAMED, Part
from datafactory.merging.settled import REST

Value = Callable[[str], pl.Expr]  # the expression of what parts go by: of a column, or of the dataset's name


def part_of(by: str, value: Value) -> pl.Expr:
    return value(by).fill_null(UNNAMED).alias("part")


def within_of(parts: Mapping[str, Part] | None, value: Value) -> pl.Expr:
    """The value that a divided part goes by where `within` names it, beside a column `part`."""
    found = pl.lit(REST)
    for name, part in (parts or {}).items():
        if part.by:
            inner = value(part.by).fill_null(UNNAMED)
            inside = (pl.col("part") == name) & inner.is_in(list(part.within))
            found = pl.when(inside).then(inner).otherwise(found)
    return found.alias("within")
