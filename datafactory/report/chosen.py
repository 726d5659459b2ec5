"""Chosen rows: which rows are shown, found by the columns that decide it; only these rows are then read whole.

the first that meet the condition, spread over domains and problems      stops as soon as there are enough
the first in an order, `completion_tokens desc`                          reads that column
drawn at random by a seed                                                reads the condition's columns
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from datafactory.conditions import columns_in, expression
from datafactory.errors import UserError, did_you_mean
from datafactory.report.opened import Opened, Part
from datafactory.report.traces import IDENTITY, spread

NEAR = 500  # rows among which the first examples are chosen
ORDER = re.compile(r"\s*(.+?)(?:\s+(asc|desc))?\s*$", re.IGNORECASE)
ROW = "_row"
CHUNK = 2_000  # rows of a stream held at a time


@dataclass(frozen=True)
class View:
    """What is asked of a path: SQL over the columns, the columns wanted (all without), how many rows and which."""

    where: str | None = None
    columns: tuple[str, ...] = ()
    examples: int | None = 2
    sort: str | None = None
    sample: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Asked:
    """A view checked against the columns there are."""

    view: View
    columns: list[str]
    condition: pl.Expr | None
    key: str | None
    descending: bool

    @classmethod
    def of(cls, view: View, there: Sequence[str]) -> Asked:
        """UserError with every name that is no column."""
        problems, condition = [], None
        try:
            wanted = columns_in(view.where) if view.where else []
            condition = expression(view.where) if view.where else None
        except ValueError as error:
            problems.append(f"--where: {error}")
            wanted = []
        key, descending = None, False
        if view.sort and (match := ORDER.match(view.sort)):
            key, descending = match[1], (match[2] or "").lower() == "desc"
        if view.sort and view.sample:
            problems.append("--sort and --sample: rows are in an order, or drawn at random")
        for option, names in (("--where", wanted), ("--columns", view.columns), ("--sort", (key,) if key else ())):
            for name in dict.fromkeys(names):
                if name not in there:
                    problems.append(f"{option}: no column '{name}'.{did_you_mean(name, there)}")
        if problems:
            raise UserError(*problems)
        return cls(view, list(view.columns or there), condition, key, descending)

    def met(self, part: Part) -> pl.LazyFrame:
        """The rows of a part that meet the condition, each with its number among all of the part's."""
        rows = part.rows.with_row_index(ROW)
        return rows if self.condition is None else rows.filter(self.condition)


def count(found: Opened, asked: Asked) -> int:
    """How many rows meet the condition; the footers tell where there is none."""
    if asked.condition is None:
        return found.count()
    return sum(asked.met(part).select(pl.len()).collect(engine="streaming").item() for part in found.parts)


def chosen(found: Opened, asked: Asked) -> Iterator[pl.DataFrame]:
    """The rows that the view wants, one by one; without a number of them every row, a few thousand at a time."""
    view = asked.view
    if view.examples is None and not view.sort:
        yield from _every(found, asked)
        return
    for at, row in _places(found, asked, view.examples):
        yield found.parts[at].read(row, asked.columns)


def _every(found: Opened, asked: Asked) -> Iterator[pl.DataFrame]:
    for part in found.parts:
        rows = part.rows if asked.condition is None else part.rows.filter(asked.condition)
        yield from rows.select(asked.columns).collect_batches(chunk_size=CHUNK, maintain_order=True)


def _places(found: Opened, asked: Asked, most: int | None) -> list[tuple[int, int]]:
    """(part, row) of the rows chosen."""
    if asked.key:
        keys = _sorted(found, asked, most)
    elif asked.view.sample:
        keys = _drawn(found, asked, most)
    else:
        keys = _first(found, asked, most)
    return list(keys.select("part", ROW).iter_rows())


def _sorted(found: Opened, asked: Asked, most: int | None) -> pl.DataFrame:
    assert asked.key is not None
    tables = []
    for at, part in enumerate(found.parts):
        keys = asked.met(part).select(pl.lit(at).alias("part"), ROW, pl.col(asked.key).alias("key"))
        ordered = keys.sort("key", ROW, descending=[asked.descending, False], nulls_last=True)
        tables.append((ordered if most is None else ordered.head(most)).collect(engine="streaming"))
    table = pl.concat(tables, how="vertical_relaxed")
    table = table.sort("key", "part", ROW, descending=[asked.descending, False, False], nulls_last=True)
    return table if most is None else table.head(most)


def _drawn(found: Opened, asked: Asked, most: int | None) -> pl.DataFrame:
    rows = [asked.met(part).select(ROW).collect(engine="streaming")[ROW] for part in found.parts]
    total = sum(map(len, rows))
    stream = random.Random(asked.view.seed)
    picked = sorted(stream.sample(range(total), min(total, total if most is None else most)))
    places, start = [], 0
    for at, there in enumerate(rows):
        places += [(at, there[place - start]) for place in picked if start <= place < start + len(there)]
        start += len(there)
    stream.shuffle(places)
    return pl.DataFrame(places, schema={"part": pl.Int32, ROW: pl.UInt32}, orient="row")


def _first(found: Opened, asked: Asked, most: int | None) -> pl.DataFrame:
    tables: list[pl.DataFrame] = []
    left = max(NEAR, most or 0)
    for at, part in enumerate(found.parts):
        names = [name for name in (*IDENTITY, "domain") if name in part.rows.collect_schema().names()]
        keys = asked.met(part).select(pl.lit(at).alias("part"), ROW, *names).head(left).collect(engine="streaming")
        tables.append(keys.sort(ROW))
        left -= len(keys)
        if left <= 0:
            break
    table = (
        pl.concat(tables, how="diagonal_relaxed") if tables else pl.DataFrame(schema={"part": pl.Int32, ROW: pl.UInt32})
    )
    return spread(table, ["domain"], most or len(table)).head(most or len(table))
