"""Conditions: SQL over the columns of a row, `math = 1 and completion_tokens < 4000`. A null is not true."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from typing import Any

import polars as pl

from datafactory.tables import TYPES

MOST = 5  # columns of unknown type that are tried in every way
SPLIT = re.compile(r"\s+and\s+", re.IGNORECASE)
TABLE = re.compile(r"\bselect\b|\(\s*from\b", re.IGNORECASE)  # of a second table: polars reads the files that one names
ASIDE = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)  # texts, names and comments


def expression(text: str) -> pl.Expr:
    """The condition as a polars expression; ValueError where it is not SQL."""
    return ternary(text).fill_null(False)


def ternary(text: str) -> pl.Expr:
    """The same, null where it cannot be told whether it is true."""
    if TABLE.search(ASIDE.sub(" ", text)):
        raise ValueError(f"'{text}' is not a SQL condition: it asks another table, and a condition is about one row")
    try:
        return pl.sql_expr(text)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"'{text}' is not a SQL condition: {str(error).splitlines()[0]}") from error


def columns_in(text: str) -> list[str]:
    """The columns a condition speaks of, in order of appearance."""
    return list(dict.fromkeys(expression(text).meta.root_names()))


def refused(text: str, columns: Sequence[str]) -> str | None:
    """Why the condition cannot be asked row by row of such a table; None where it can.

    A score is a number and a status a text; another column that only the recipe knows may be a number, a text or a
    truth value, and some choice of these must fit.
    """
    why = None
    open_ = [name for name in columns_in(text) if name in columns and _kind(name, columns) is None][:MOST]
    for kinds in product((pl.Float64, pl.String, pl.Boolean), repeat=len(open_)):
        chosen = dict(zip(open_, kinds, strict=True))
        types = {name: _kind(name, columns) or chosen.get(name, pl.Float64) for name in columns}
        try:
            table = pl.DataFrame({name: [None] * 3 for name in types}, schema=types)
            met = table.select(expression(text).alias("met"))["met"]
        except pl.exceptions.PolarsError as error:
            why = why or f"'{text}' cannot be asked of these columns: {str(error).splitlines()[0]}"
            continue
        if met.dtype == pl.Boolean:
            return None if met.len() == 3 else f"'{text}' does not speak of a row's columns"
        why = f"'{text}' is not true or false"
    return why


def _kind(name: str, columns: Sequence[str]) -> Any:
    """The type that a column's name tells, else None."""
    if name.endswith(("_status", "_detail")):
        return pl.String
    return pl.Float64 if f"{name}_status" in columns else TYPES.get(name)


def parts(text: str) -> list[str]:
    """The conditions that `and` joins, so that a dropped row can say which it failed; whole where one cannot tell."""
    pieces = SPLIT.split(text.strip())
    if (
        len(pieces) == 1
        or "--" in text
        or "/*" in text
        or re.search(r"\bbetween\b|\bcase\b|\bor\b", text, re.IGNORECASE)
    ):
        return [text.strip()]
    for piece in pieces:
        if piece.count("(") != piece.count(")") or piece.count("'") % 2 or piece.count('"') % 2:
            return [text.strip()]
        try:
            expression(piece)
        except ValueError:
            return [text.strip()]
    return pieces
