"""The columns a filter needs, and the message when one of them is not there."""

from __future__ import annotations

import polars as pl


class NoColumn(ValueError):
    """A column that a filter needs is not there; `name` is what it is called."""

    def __init__(self, name: str, there: list[str]):
        self.name = name
        super().__init__(f"there is no column {name!r} to measure; the columns are {', '.join(there)}")


def need(rows: pl.DataFrame, *names: str) -> None:
    """Raises NoColumn with the first missing name and the columns there are."""
    for name in names:
        if name not in rows.columns:
            raise NoColumn(name, rows.columns)
