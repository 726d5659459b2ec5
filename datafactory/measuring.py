"""Measuring: filters over a table of rows; each gives one number per row, null where it is undefined."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from datafactory.errors import StageError
from datafactory.plugins import Use


def measure(uses: Sequence[Use], rows: pl.DataFrame) -> pl.DataFrame:
    """A frame with one Float64 column per filter and nothing else."""
    return pl.DataFrame([_taken(use, rows) for use in uses])


def _taken(use: Use, rows: pl.DataFrame) -> pl.Series:
    function = getattr(use.module, use.name)
    try:
        values = function(rows, **dict(use.settings))
    except ValueError as error:
        raise StageError(f"the filter {use.name}: {error}") from error
    except (Exception, SystemExit) as error:  # a file of the user's own raises what it will
        raise StageError(f"the filter {use.name} failed: {type(error).__name__}: {error}") from error
    if not isinstance(values, pl.Series) or values.len() != rows.height:
        shown = f"{values.len()} values" if isinstance(values, pl.Series) else type(values).__name__
        raise StageError(f"the filter {use.name} gave {shown} for {rows.height} rows; it gives a polars Series")
    try:
        return values.cast(pl.Float64).fill_nan(None).alias(use.name)
    except pl.exceptions.PolarsError as error:
        raise StageError(f"the filter {use.name} gave {values.dtype}, not numbers") from error
