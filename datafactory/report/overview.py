"""The overview: columns, composition and distributions of a path's rows.

Types, nulls and sizes are read from the Parquet footers; counts and distributions from the columns that say what kind
of row it is and from those of numbers, a few of them at a time. No text is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import polars as pl
from rich.console import Console

from datafactory.report.chosen import Asked
from datafactory.report.histogram import Histogram, edges_of, histogram, sparkline
from datafactory.report.opened import Opened
from datafactory.report.spelling import clean, print_table, table
from datafactory.report.units import kind_of, number, percent, size
from datafactory.store import REASON

T = TypeVar("T")
VALUES = 8  # of a column's composition
TOGETHER = 6  # columns held at a time
MANY = 20_000  # values from which the edges of a histogram are told
PARTS = (
    "domain",
    "category",
    "source",
    "license",
    "model",
    "finish_reason",
    "solution_from",
    "stage",
    "reason",
    REASON,
)
NOT_MEASURES = ("rollout", "prompt_tokens")


def overview(found: Opened, asked: Asked, total: int, console: Console) -> None:
    """Tables of the rows that meet the condition, of the columns wanted."""
    _columns(found, asked, total, console)
    schema = found.rows.collect_schema()
    kinds = [name for name in asked.columns if name in PARTS or name.endswith("_status")]
    numbers = [
        name
        for name in asked.columns
        if (schema[name].is_numeric() or schema[name] == pl.Boolean) and name not in NOT_MEASURES
    ]
    _composition(_each(found, asked, kinds, _counted), console)
    _distributions(_each(found, asked, numbers, _histogram), console)


def _columns(found: Opened, asked: Asked, total: int, console: Console) -> None:
    schema = found.rows.collect_schema()
    nulls, sizes = _of_footers(found) if asked.condition is None else ({}, {})
    if found.footers is None or asked.condition is not None:
        # of a condition's rows the texts are not looked at
        told = [name for name in asked.columns if found.footers is None or not _is_long(schema[name])]
        nulls = dict(_each(found, asked, told, pl.Series.null_count))
    made = table("columns", "type", "nulls", *(["on disk"] if sizes else []))
    for name in asked.columns:
        missing = nulls.get(name)
        share = f"{missing:,} ({percent(missing / max(1, total))})" if missing else "" if name in nulls else "-"
        made.add_row(clean(name), clean(kind_of(schema[name])), share, *([size(sizes.get(name, 0))] if sizes else []))
    print_table(console, made)


def _is_long(kind: pl.DataType) -> bool:
    return kind.is_nested() or kind == pl.String


def _of_footers(found: Opened) -> tuple[dict[str, int], dict[str, int]]:
    """Nulls and bytes by column; a column has no nulls told where a writer kept no statistics of it."""
    nulls: dict[str, int] = {}
    sizes: dict[str, int] = {}
    unknown: set[str] = set()
    for footer in found.footers or ():
        seen = set()
        for group in range(footer.num_row_groups):
            rows = footer.row_group(group)
            for at in range(rows.num_columns):
                column = rows.column(at)
                name, _, deeper = column.path_in_schema.partition(".")
                seen.add(name)
                sizes[name] = sizes.get(name, 0) + column.total_compressed_size
                if deeper or column.statistics is None or not column.statistics.has_null_count:
                    unknown.add(name)  # what is null within a list says nothing of the list
                else:
                    nulls[name] = nulls.get(name, 0) + column.statistics.null_count
        for name in found.rows.collect_schema().names():
            if name not in seen:
                nulls[name] = nulls.get(name, 0) + footer.num_rows
    return {name: count for name, count in nulls.items() if name not in unknown}, sizes


def _each(found: Opened, asked: Asked, names: Sequence[str], look: Callable[[pl.Series], T]) -> Iterator[tuple[str, T]]:
    """What a look at each column says, of the rows that meet the condition."""
    rows = found.rows if asked.condition is None else found.rows.filter(asked.condition)
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(names), TOGETHER):
            some = names[start : start + TOGETHER]
            yield from zip(some, pool.map(look, rows.select(some).collect(engine="streaming")), strict=True)


def _composition(columns: Iterator[tuple[str, pl.DataFrame]], console: Console) -> None:
    """The values of each column, the most frequent first."""
    made = table("composition", "", "rows", "share")
    for name, counts in columns:
        if counts["value"].null_count() == counts.height:
            continue
        total = int(counts["rows"].sum())
        shown = [("null" if value is None else str(value), rows) for value, rows in counts.head(VALUES).iter_rows()]
        if counts.height > VALUES:
            shown.append((f"{counts.height - VALUES:,} more", int(counts["rows"][VALUES:].sum())))
        for place, (value, rows) in enumerate(shown):
            bar = "█" * max(1, round(20 * rows / total))
            made.add_row(clean("" if place else name), clean(value), number(rows), percent(rows / total), bar)
    if made.row_count:
        print_table(console, made)


def _counted(column: pl.Series) -> pl.DataFrame:
    counts = column.alias("value").value_counts(name="rows")
    return counts.sort("rows", "value", descending=[True, False], nulls_last=True)


def _distributions(columns: Iterator[tuple[str, Histogram | None]], console: Console) -> None:
    made = table("numbers", "from", "to", "mean", "median")
    for name, found in columns:
        if found:
            ends = [number(round(edge, 6)) for edge in (found.low, found.high)]
            made.add_row(clean(name), *ends, number(found.mean), number(found.median), sparkline(found.counts))
    if made.row_count:
        print_table(console, made)


def _histogram(column: pl.Series) -> Histogram | None:
    return _many(column) if len(column) > MANY else histogram(column)


def _many(column: pl.Series) -> Histogram | None:
    """The histogram of very many values, whose edges the first ones and the ends tell: sorting all takes seconds."""
    values = column.cast(pl.Float64).drop_nulls()
    values = values.filter(values.is_finite())
    if values.is_empty():
        return None
    low, high, mean, median = (float(each) for each in (values.min(), values.max(), values.mean(), values.median()))  # type: ignore[arg-type]
    edges, centred = edges_of(pl.concat([values.head(MANY).rename(""), pl.Series([low, high])]))
    bins = len(edges) - 1
    places = ((values - edges[0]) * (bins / (edges[-1] - edges[0]))).cast(pl.Int32).clip(0, bins - 1)
    counted = dict(places.value_counts().iter_rows())
    return Histogram(edges, tuple(counted.get(at, 0) for at in range(bins)), low, high, mean, median, centred)
