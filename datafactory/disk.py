"""Disk: the bytes that the stages of a recipe come to, from the rows that its pilot made.

Rows are weighed unpacked, problem by problem, and as the files of the pilot pack them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from datafactory.estimate import Draws, Sizes, certain
from datafactory.reckoning import Pilot
from datafactory.store import Dataset
from datafactory.tables import parquet_bytes

SHOWN = 2000  # rows of a dataset that is built whole from which its size as published is told


def kept(pilot: Pilot, name: str) -> Draws:
    """The shards that a stage keeps, and what it measures."""
    dataset = pilot.dataset(name)
    tables = [dataset.read(k) for k in range(len(dataset.shards))]
    total = _size(pilot, name, tables)
    if pilot.step(name).stage.kind == "filter":
        measures = [part.column for part in pilot.config(name).keep]
        both = [table.select("problem_id", *measures) for table in (*tables, *_dropped(dataset))]
        total = total + _size(pilot, name, both)
    return total


def rejected(pilot: Pilot, name: str) -> Draws:
    """What a stage drops: beside its shards, and once more for each merge that it leads to."""
    tables = _dropped(pilot.dataset(name))
    if not tables:
        return certain(0.0)
    leads_to = sum(any(name in (each, *pilot.lineage(each)) for each in sources) for sources in pilot.merges.values())
    return (1 + leads_to) * _size(pilot, name, tables)


def published(pilot: Pilot, name: str) -> Draws:
    """What a merge writes into the store and, once more, into the published folder."""
    stage = pilot.whole.steps[name].stage
    merged = pilot.merged(name)
    tables, unpacked = [], certain(0.0)
    for source, rows in merged.items():
        table = _beginning(pilot.dataset(source), None if pilot.roots[source] else SHOWN)
        if not table.height:
            continue
        table = stage.use.module.published(table)
        tables.append(table)
        if pilot.roots[source]:
            unpacked = unpacked + _unpacked(pilot, source, table) * rows / np.maximum(pilot.rows(source), 1e-9)
        else:
            unpacked = unpacked + rows * _of_each(table).sum() / table.height
    if not tables:
        return unpacked
    sizes = _sizes(tables)
    once = float(sizes.at(unpacked, 1, _stream(pilot))[0])
    files = math.ceil(once / stage.config.shard_bytes)  # type: ignore[attr-defined]
    return 2 * sizes.at(unpacked, files, _stream(pilot))


def _dropped(dataset: Dataset) -> list[pl.DataFrame]:
    return [table for k in range(len(dataset.shards)) if (table := dataset.rejected(k)) is not None]


def _size(pilot: Pilot, name: str, tables: Sequence[pl.DataFrame]) -> Draws:
    table = pl.concat(tables, how="diagonal_relaxed")
    return _sizes([table]).at(_unpacked(pilot, name, table), pilot.files(name), _stream(pilot))


def _unpacked(pilot: Pilot, name: str, table: pl.DataFrame) -> Draws:
    """What rows of a stage take unpacked, in the whole."""
    if "problem_id" not in table.columns:
        return pilot.total(name, None)
    each = table.select("problem_id", _of_each(table).alias("count"))
    return pilot.total(name, each.group_by("problem_id").agg(pl.col("count").sum()))


def _of_each(table: pl.DataFrame) -> pl.Series:
    """About what each row takes unpacked."""
    sizes = [
        pl.col(name).str.len_bytes().fill_null(0) + 1 if kind == pl.String else pl.lit(8)
        for name, kind in table.schema.items()
    ]
    return table.select(pl.sum_horizontal(sizes).cast(pl.Float64).alias("unpacked"))["unpacked"]


def _beginning(dataset: Dataset, most: int | None) -> pl.DataFrame:
    """The first rows of a dataset, all of them without a limit."""
    tables: list[pl.DataFrame] = []
    for k in range(len(dataset.shards)):
        if most is None or sum(map(len, tables)) < most:
            tables.append(dataset.read(k))
    return pl.concat(tables).head(most or sum(map(len, tables)))


def _sizes(tables: Sequence[pl.DataFrame]) -> Sizes:
    table = pl.concat(tables, how="diagonal_relaxed")
    parts = [table.head(count) for count in (1, table.height // 2, table.height)]
    packed = [len(parquet_bytes(part)) for part in parts]
    unpacked = [int(_of_each(part).sum()) for part in parts]
    return Sizes(tuple(packed), tuple(unpacked))  # type: ignore[arg-type]


def _stream(pilot: Pilot) -> np.random.Generator:
    return np.random.default_rng(pilot.whole.recipe.seed)
