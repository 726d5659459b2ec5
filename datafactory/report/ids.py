"""Ids: the trace or problem that a few digits stand for, and the rows that carry an id.

Only the columns of ids are read: 800,000 rows of them are looked through in a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from datafactory.errors import StageError, UserError
from datafactory.report.loose import text_rows

FEWEST = 6
LISTED = 12
KEYS = ("trace_id", "parent_id", "problem_id")
ROW = "_row"
GAP = 64  # rows between two that are read along with them


@dataclass(frozen=True)
class Id:
    """A trace of a problem, or a problem where trace is None."""

    problem: str | None
    trace: str | None = None

    def __str__(self) -> str:
        return f"trace {self.trace} of problem {self.problem}" if self.trace else f"problem {self.problem}"


def meant(prefix: str, pools: Iterable[Sequence[Path]], where: Path) -> Id:
    """What an id or its beginning stands for, in the first pool of files that has it; UserError where that is nothing
    or more than one.
    """
    prefix = prefix.strip().lower()
    if len(prefix) < FEWEST:
        raise UserError(f"--id {prefix}: give at least {FEWEST} digits of a trace_id or problem_id")
    for files in pools:
        found = _beginning(prefix, files)
        exact = [each for each in found if prefix in (each.trace, each.problem if each.trace is None else None)]
        if len(exact or found) == 1:
            return (exact or found)[0]
        if found:
            listed = [f"  {each}" for each in found[:LISTED]]
            more = [f"  and {len(found) - LISTED:,} more"] if len(found) > LISTED else []
            raise UserError(f"--id {prefix}: {len(found):,} ids begin so; give more digits", *listed, *more)
    raise UserError(f"--id {prefix}: no trace_id or problem_id in {where} begins so")


def _beginning(prefix: str, files: Sequence[Path]) -> list[Id]:
    found: dict[Id, None] = {}
    for have, rows, _ in _alike(files):
        names = [name for name in KEYS if name in have]
        begins = pl.any_horizontal(pl.col(name).str.starts_with(prefix) for name in names).fill_null(False)
        lacking = [pl.lit(None, dtype=pl.String).alias(name) for name in KEYS if name not in have]
        table = rows.select(names).filter(begins).with_columns(lacking).select(KEYS).unique()
        for trace, parent, problem in table.sort(*KEYS, nulls_last=True).collect(engine="streaming").iter_rows():
            for each in (trace, parent):
                if each and each.startswith(prefix):
                    found[Id(problem, each)] = None
            if problem and problem.startswith(prefix):
                found[Id(problem)] = None
    return list(found)


def rows_with(column: str, value: str, files: Iterable[Path]) -> list[tuple[Path, int, dict[str, Any]]]:
    """(file, number, row) of the rows that have that value there, whole, in the order of the files."""
    found = []
    for have, rows, starts in _alike(files):
        if column not in have:
            continue
        met = rows.with_row_index(ROW).filter(pl.col(column) == value).select(ROW).collect(engine="streaming")
        places: dict[Path, list[int]] = {}
        for row in sorted(met[ROW]):
            path, start = max((each for each in starts.items() if each[1] <= row), key=lambda each: each[1])
            places.setdefault(path, []).append(row - start)
        found += [(path, number, row) for path, numbers in places.items() for number, row in _read(path, numbers)]
    return found


def _alike(files: Iterable[Path]) -> Iterator[tuple[list[str], pl.LazyFrame, dict[Path, int]]]:
    """The columns of ids that some files have, these columns as one table, and where in it each file begins."""
    groups: dict[tuple[str, ...], dict[Path, int]] = {}
    ends: dict[tuple[str, ...], int] = {}
    for path in files:
        if path.suffix != ".parquet":
            table = text_rows(path)[0]
            have = [name for name in KEYS if name in table.collect_schema().names()]
            if have:
                yield have, table.select(pl.col(have).cast(pl.String)), {path: 0}
            continue
        try:
            footer = pq.read_metadata(path)
        except (OSError, ValueError) as error:
            raise StageError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
        there = footer.schema.names
        key = tuple(name for name in KEYS if name in there)
        if key and footer.num_rows:
            groups.setdefault(key, {})[path] = ends.get(key, 0)
            ends[key] = ends.get(key, 0) + footer.num_rows
    for key, starts in groups.items():
        kinds = dict.fromkeys(key, pl.String())
        yield list(key), _scan(list(starts), schema=kinds, extra_columns="ignore"), starts


def _read(path: Path, numbers: list[int]) -> list[tuple[int, dict[str, Any]]]:
    """Those rows of a file; rows that stand near each other are read together."""
    found: list[tuple[int, dict[str, Any]]] = []
    rows = _scan([path]) if path.suffix == ".parquet" else text_rows(path)[0]
    while numbers:
        start, near = numbers[0], 1
        while near < len(numbers) and numbers[near] - numbers[near - 1] <= GAP:
            near += 1
        table = rows.slice(start, numbers[near - 1] - start + 1).collect()
        found += [(number, table.row(number - start, named=True)) for number in numbers[:near]]
        numbers = numbers[near:]
    return found


def _scan(files: list[Path], **options: Any) -> pl.LazyFrame:
    return pl.scan_parquet(files, glob=False, hive_partitioning=False, **options)
