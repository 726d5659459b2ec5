"""Measuring a file that exists: filters over anyone's JSONL, Parquet or CSV, without a recipe.

The file is read twice: once to measure it, a chunk of rows at a time and several at once where there are several
workers, and once to write its rows with the measures behind them. What is held in memory between is the numbers, and
what filters of all rows gather. Filters of a problem's rows need them together: where the file does not keep them so,
it is held as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from inspect import Parameter, signature
from pathlib import Path

import polars as pl

from datafactory import plugins
from datafactory.beside import CHUNK, beside, chunks, demand_free, write
from datafactory.errors import StageError, UserError
from datafactory.executors import local
from datafactory.foreign import columns_at, mapping_of, table_of
from datafactory.measures import Measure, measures_of
from datafactory.measuring import EVIDENCE, evidence, gather, measure, settle
from datafactory.plugins import Use
from datafactory.sources import Row

ALL = "all"


@dataclass(frozen=True)
class Foreign:
    """A file with the columns it has, and which of them is which of ours."""

    path: Path
    have: tuple[str, ...]
    found: dict[str, str]

    def table(self, rows: list[Row]) -> pl.DataFrame:
        """The rows under our names, with those of their own columns that are numbers."""
        table = table_of(rows, self.found)
        others = [name for name in self.have if name not in table.columns]
        scores = [name for name in others if all(isinstance(row.get(name), int | float | None) for row in rows)]
        return table.with_columns(
            pl.Series(name, [_number(row.get(name)) for row in rows], dtype=pl.Float64) for name in scores
        )


@dataclass(frozen=True)
class Taken:
    """What a chunk gave: the numbers, and for each filter of all rows what it gathered."""

    values: pl.DataFrame
    gathered: dict[str, pl.DataFrame]


def measure_file(
    path: Path,
    names: str,
    out: Path,
    columns: dict[str, str | None],
    prefix: str = "",
    workers: int = 1,
    where: bool = False,
) -> Iterator[str]:
    """The file's rows with a column per filter, written to `out`; yields a line per filter.

    `all` is every filter that the file has the columns for. where adds what a filter says of where it found it.
    """
    foreign = Foreign(path, tuple(columns_at(path)), mapping_of(path, columns))
    measures = measures_of(names) if names.strip() != ALL else ()
    if not measures:
        measures, left_out = _fitting(foreign)
        yield from (f"{name}: left out: {why}" for name, why in left_out.items())
    names_added = [name for part in measures for name in (part.column, *([_told(part)] if where else []))]
    demand_free(path, [f"{prefix}{name}" for name in names_added])
    try:
        table = _measured(foreign, measures, workers, where)
        added = table.rename(lambda name: f"{prefix}{name}")
        write(out, local.stream(_written(foreign, added), workers))
    except BrokenProcessPool as error:
        raise StageError(f"worker processes died again and again; {out} is not written") from error
    yield f"{table.height:,} rows in {out}"
    for part in measures:
        values = table[part.column]
        quantiles = [values.quantile(at) for at in (0.0, 0.05, 0.5, 0.95, 1.0)]
        shown = " ".join("null" if value is None else f"{value:.4g}" for value in quantiles)
        undecided = f"; {values.null_count():,} undecided" if values.null_count() else ""
        yield f"{part.column}: min, 5 %, median, 95 %, max = {shown}{undecided}{_within(part, values)}"


def _within(part: Measure, values: pl.Series) -> str:
    """How many rows the filter's own bounds keep, where it has some."""
    if part.minimum is None and part.maximum is None:
        return ""
    kept = sum(part.keeps(value) for value in values)
    bounds = " and ".join(
        f"{word} {bound:g}" for word, bound in (("min", part.minimum), ("max", part.maximum)) if bound is not None
    )
    return f"; {bounds} keeps {kept:,} of {values.len():,}"


def _fitting(foreign: Foreign) -> tuple[tuple[Measure, ...], dict[str, str]]:
    """The filters that the file has the columns for; the others, each with what it lacks."""
    fitting: list[Measure] = []
    left_out: dict[str, str] = {}
    empty = foreign.table([])
    empty = empty.with_columns(
        pl.Series(name, [], dtype=pl.Float64) for name in foreign.have if name not in empty.columns
    )
    for name in plugins.names("filter"):
        function = getattr(Use("filter", name).module, name)
        needed = [key for key, given in signature(function).parameters.items() if _required(given)]
        if needed:
            left_out[name] = f"it needs `{needed[0]}`: --with '{{{name}: {{{needed[0]}: ...}}}}'"
            continue
        (part,) = measures_of(name)
        try:
            measure([part], empty)
            fitting.append(part)
        except StageError as error:
            if not isinstance(error.__cause__, ValueError):  # it lacks no column: it is broken
                raise
            left_out[name] = str(error).removeprefix(f"the filter {name}: ").partition(";")[0]
    if not fitting:
        raise UserError(f"{foreign.path} has the columns for no filter")
    return tuple(fitting), left_out


def _required(parameter: Parameter) -> bool:
    return parameter.kind is Parameter.KEYWORD_ONLY and parameter.default is Parameter.empty


def _measured(foreign: Foreign, measures: tuple[Measure, ...], workers: int, where: bool) -> pl.DataFrame:
    """The numbers of all rows, and where asked for the evidence."""
    tasks = (partial(_taken, foreign, measures, where, rows) for rows in _together(foreign, measures))
    parts = list(local.stream(tasks, workers)) or [_taken(foreign, measures, where, [])]
    tables = [pl.concat(part.values for part in parts)]
    for part in measures:
        if part.scope == "dataset":
            whole = pl.concat(taken.gathered[part.column] for taken in parts)
            tables.append(settle(part, whole, None, whole.height).rename({EVIDENCE: _told(part)}))
    names = [name for part in measures for name in ((part.column, _told(part)) if where else (part.column,))]
    return pl.concat([table for table in tables if table.width], how="horizontal").select(names)


def _taken(foreign: Foreign, measures: tuple[Measure, ...], where: bool, rows: list[Row]) -> Taken:
    table = foreign.table(rows)
    near = [part for part in measures if part.scope != "dataset"]
    values = measure(near, table) if near else pl.DataFrame()
    if where:
        told = [pl.Series(_told(part), evidence(part, table), dtype=pl.String) for part in near]
        values = values.with_columns(told)
    gathered = {part.column: gather(part, table) for part in measures if part.scope == "dataset"}
    return Taken(values, gathered)


def _told(part: Measure) -> str:
    return f"{part.column}_{EVIDENCE}"


def _together(foreign: Foreign, measures: Sequence[Measure]) -> Iterator[list[Row]]:
    """The file in chunks; where a filter sees a problem's rows together no chunk ends within a problem."""
    if not any(part.scope == "group" for part in measures):
        yield from chunks(foreign.path)
        return
    problems = [name for rows in chunks(foreign.path) for name in foreign.table(rows)["problem_id"]]
    begins = {at for at in range(1, len(problems)) if problems[at] != problems[at - 1]}
    if len(begins) + 1 > len(set(problems)):  # some problem's rows stand apart
        begins = set()
    held: list[Row] = []
    for at, row in enumerate(row for rows in chunks(foreign.path) for row in rows):
        if at in begins and len(held) >= CHUNK:
            yield held
            held = []
        held.append(row)
    if held:
        yield held


def _written(foreign: Foreign, added: pl.DataFrame) -> Iterator[partial[str]]:
    start = 0
    for rows in chunks(foreign.path):
        yield partial(beside, foreign.path, rows, added.slice(start, len(rows)))
        start += len(rows)


def _number(value: int | float | None) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:
        return None
