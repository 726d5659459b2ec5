"""Conditions: SQL over the columns of a row, `math = 1 and completion_tokens < 4000`. A null is not true."""

from __future__ import annotations

import re

import polars as pl

SPLIT = re.compile(r"\s+and\s+", re.IGNORECASE)


def expression(text: str) -> pl.Expr:
    """The condition as a polars expression; ValueError where it is not SQL."""
    try:
        return pl.sql_expr(text).fill_null(False)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"'{text}' is not a SQL condition: {str(error).splitlines()[0]}") from error


def columns_in(text: str) -> list[str]:
    """The columns a condition speaks of, in order of appearance."""
    return list(dict.fromkeys(expression(text).meta.root_names()))


def parts(text: str) -> list[str]:
    """The conditions that `and` joins, so that a dropped row can say which it failed; whole where one cannot tell."""
    pieces = SPLIT.split(text.strip())
    if len(pieces) == 1 or re.search(r"\bbetween\b|\bcase\b|\bor\b", text, re.IGNORECASE):
        return [text.strip()]
    for piece in pieces:
        if piece.count("(") != piece.count(")") or piece.count("'") % 2 or piece.count('"') % 2:
            return [text.strip()]
        try:
            expression(piece)
        except ValueError:
            return [text.strip()]
    return pieces
