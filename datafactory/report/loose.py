"""Loose files: rows of JSONL, JSON and CSV that nobody promised a schema for, as a lazy table.

A column may appear late, and a nested one may have another shape in each row. Where polars finds no type that fits all
rows, what is nested is shown as the JSON text that it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.errors import DatafactoryError, UserError
from datafactory.sources import KINDS, rows_of

WHOLE = 1 << 28  # bytes of a text file that are read whole
HEAD = 100_000  # rows looked at of a larger one whose columns vary
BATCH = 10_000


def text_rows(path: Path) -> tuple[pl.LazyFrame, int | None]:
    """The rows, and how many of them were read where not all were."""
    name, whole = path.name.lower(), path.stat().st_size < WHOLE
    try:
        table = _scan(path, name, None if whole else BATCH)
        if whole:
            return table.collect().lazy(), None
        table.head(HEAD).collect()
        return table, None
    except pl.exceptions.PolarsError:
        if "json" not in name:
            raise
        try:
            return _varied(path, None if whole else HEAD).lazy(), None if whole else HEAD
        except DatafactoryError as error:
            raise UserError(str(error)) from error


def _scan(path: Path, name: str, ahead: int | None) -> pl.LazyFrame:
    if name.endswith((".csv", ".csv.gz", ".tsv")):
        return pl.scan_csv(path, separator="\t" if name.endswith(".tsv") else ",", infer_schema_length=ahead)
    if name.endswith((".jsonl", ".jsonl.gz", ".ndjson")):
        return pl.scan_ndjson(path, infer_schema_length=ahead)
    if name.endswith(".json"):
        return pl.read_json(path, infer_schema_length=ahead).lazy()
    raise UserError(f"{path} is none of {', '.join(KINDS)}")


def _varied(path: Path, most: int | None) -> pl.DataFrame:
    """The rows with what is nested as JSON; a column of several types is text."""
    tables = [_flat([row for _, row in chunk]) for chunk in _batches(path, most)]
    return pl.concat(tables, how="diagonal_relaxed") if tables else pl.DataFrame()


def _batches(path: Path, most: int | None) -> Iterator[list[tuple[str, Any]]]:
    rows = islice(rows_of(path), most)
    while chunk := list(islice(rows, BATCH)):
        yield chunk


def _flat(rows: list[dict[str, Any]]) -> pl.DataFrame:
    columns: dict[str, list[Any]] = {}
    for at, row in enumerate(rows):
        for name, value in row.items():
            columns.setdefault(name, [None] * len(rows))[at] = value
    return pl.DataFrame({name: _column(name, values) for name, values in columns.items()})


def _column(name: str, values: list[Any]) -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or (len(kinds) == 1 and not kinds & {dict, list}):
        try:
            return pl.Series(name, values, strict=False) if kinds != {int} else pl.Series(name, values)
        except (pl.exceptions.PolarsError, OverflowError, TypeError):
            pass
    texts = [
        value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values
    ]
    return pl.Series(name, texts, dtype=pl.String)
