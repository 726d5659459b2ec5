"""Measuring: filters over a table of rows; each gives one number per row, null where it is undefined.

A filter that looks at a row alone sees blocks of rows with some megabytes of text, one filter after another, so that
what they read of a block they read once and in the processor's cache. One that looks at a problem's rows sees whole
shards. One that looks at all rows gathers a little of every shard, and settles the numbers from that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.errors import StageError
from datafactory.measures import Measure
from datafactory.outside import given

BLOCK = 4 << 20  # bytes of text
EVIDENCE = "evidence"
Stages = Mapping[str, Path]  # the folders of the stages above that settings name


def measure(measures: Sequence[Measure], rows: pl.DataFrame, stages: Stages | None = None) -> pl.DataFrame:
    """A frame with one Float64 column per measure and nothing else, one row per row."""
    stages = stages or {}
    tables: list[pl.DataFrame] = []
    for scope in ("row", "group"):
        parts = [part for part in measures if part.scope == scope]
        if parts:
            blocks = list(_blocks(rows, whole=scope == "group"))
            taken = pl.concat(_block(parts, rows[block], stages) for block in blocks)
            tables.append(taken[pl.concat(blocks).arg_sort()])
    for part in measures:
        if part.scope == "dataset":
            gathered = gather(part, rows, stages)
            tables.append(settle(part, gathered, stages, rows.height).select(part.column))
    return pl.concat(tables, how="horizontal").select(part.column for part in measures)


def gather(part: Measure, rows: pl.DataFrame, stages: Stages | None = None) -> pl.DataFrame:
    """What a measure of all rows takes from some of them; one row per row."""
    return _frame(part, "gather", rows, stages or {}, rows.height)


def settle(part: Measure, gathered: pl.DataFrame, stages: Stages | None, height: int) -> pl.DataFrame:
    """The measure of all rows from what was gathered of them, one behind another, and a text `evidence`."""
    table = _frame(part, "settle", gathered, stages or {}, height)
    if part.use.name not in table.columns:
        raise StageError(f"the filter {part.use.name} settled no column '{part.use.name}'")
    told = table[EVIDENCE].cast(pl.String) if EVIDENCE in table.columns else pl.lit(None, pl.String)
    return table.select(_numbers(part, table[part.use.name])).with_columns(told.alias(EVIDENCE))


def evidence(part: Measure, rows: pl.DataFrame, stages: Stages | None = None) -> list[str | None]:
    """What the filter can say of where it found what it measured; nothing where it says nothing."""
    if not callable(getattr(part.use.module, EVIDENCE, None)):
        return [None] * rows.height
    texts = _called(part, EVIDENCE, rows, stages or {})
    return _sound(part, texts, rows.height).cast(pl.String).to_list()


def _block(parts: Sequence[Measure], rows: pl.DataFrame, stages: Stages) -> pl.DataFrame:
    """The measures of one block: filters that need the same of it know it by being this very frame."""
    return pl.DataFrame([_taken(part, rows, stages) for part in parts])


def _blocks(rows: pl.DataFrame, whole: bool) -> list[pl.Series]:
    """The places of rows with about so many bytes of text, at least one row each; `whole` problems are not parted."""
    at = pl.int_range(rows.height, eager=True)
    texts = [name for name, kind in rows.schema.items() if kind == pl.String]
    sizes = [pl.col(name).str.len_bytes().fill_null(0).cast(pl.Int64) for name in texts]
    problem = rows["problem_id"] if whole and "problem_id" in rows.columns else at
    size = rows.select(pl.sum_horizontal(pl.lit(0), *sizes).alias("bytes")).to_series()
    size = size if size.len() == rows.height else pl.zeros(rows.height, dtype=pl.Int64, eager=True)  # no text at all
    table = pl.DataFrame({"at": at, "problem": problem, "bytes": size})
    table = table.with_columns(pl.col("at").first().over("problem").alias("first")).sort("first", "at")
    # counted from where the problem, or the row, begins
    begun = ((pl.col("bytes").cum_sum() - pl.col("bytes")) // BLOCK).first().over("first")
    parts = table.with_columns(begun.alias("block")).partition_by("block", maintain_order=True)
    return [part["at"] for part in parts] or [at]


def _taken(part: Measure, rows: pl.DataFrame, stages: Stages) -> pl.Series:
    return _numbers(part, _sound(part, _called(part, part.use.name, rows, stages), rows.height))


def _frame(part: Measure, function: str, rows: pl.DataFrame, stages: Stages, height: int) -> pl.DataFrame:
    table = _called(part, function, rows, stages)
    if not isinstance(table, pl.DataFrame) or table.height != height:
        shown = f"{table.height} rows" if isinstance(table, pl.DataFrame) else type(table).__name__
        raise StageError(f"the filter {part.use.name} gave {shown} to {function} {height} rows; it gives a DataFrame")
    return table


def _called(part: Measure, function: str, rows: pl.DataFrame, stages: Stages) -> Any:
    name = part.use.name
    settings = {key: given(value, stages) for key, value in part.use.settings}
    try:
        return getattr(part.use.module, function)(rows, **settings)
    except ValueError as error:
        raise StageError(f"the filter {name}: {error}") from error
    except (Exception, SystemExit) as error:  # a file of the user's own raises what it will
        raise StageError(f"the filter {name} failed: {type(error).__name__}: {error}") from error


def _sound(part: Measure, values: Any, height: int) -> pl.Series:
    if not isinstance(values, pl.Series) or values.len() != height:
        shown = f"{values.len()} values" if isinstance(values, pl.Series) else type(values).__name__
        raise StageError(f"the filter {part.use.name} gave {shown} for {height} rows; it gives a polars Series")
    return values


def _numbers(part: Measure, values: pl.Series) -> pl.Series:
    try:
        return values.cast(pl.Float64).fill_nan(None).alias(part.column)
    except pl.exceptions.PolarsError as error:
        raise StageError(f"the filter {part.use.name} gave {values.dtype}, not numbers") from error
