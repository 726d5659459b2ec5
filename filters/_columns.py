"""The columns a filter needs, and the message when one of them is not there."""

from __future__ import annotations

import polars as pl


def need(rows: pl.DataFrame, *names: str) -> None:
    """Raises ValueError with the first missing name and the columns there are."""
    for name in names:
        if name not in rows.columns:
            raise ValueError(f"there is no column {name!r} to measure; the columns are {', '.join(rows.columns)}")
