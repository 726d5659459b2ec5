"""Scoring a file that exists: verifiers or filters over anyone's JSONL, Parquet or CSV, without a recipe.

The rows are read, scored and written a chunk at a time, several chunks at once where there are several workers; what
is held in memory does not grow with the file. Every column of the source is kept, as JSON spells it.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import polars as pl

from datafactory import plugins
from datafactory.errors import StageError, UserError
from datafactory.executors import local
from datafactory.foreign import columns_at, mapping_of, rows_in, table_of
from datafactory.lines import write_lines_as_parquet
from datafactory.measuring import measure
from datafactory.plugins import Use
from datafactory.scoring import UNDECIDED, score, score_columns
from datafactory.sources import Row
from datafactory.tables import cannot_write, clean
from datafactory.types import DECIDED

CHUNK = 250  # rows a worker takes at a time: what is begun again when it dies
MAX_ERRORS = 0.05  # as a verify stage has it


@dataclass(frozen=True)
class Part:
    """A chunk of the file with the scores behind its own columns, as JSON lines; how often each status stands in it."""

    rows: int
    lines: str
    statuses: dict[str, Counter[str]]


def verify_file(
    path: Path,
    uses: tuple[Use, ...],
    out: Path,
    columns: dict[str, str | None],
    prefix: str = "",
    workers: int = 1,
) -> Iterator[str]:
    """The file's rows with the columns of each verifier, written to `out`; yields a line per verifier."""
    found = mapping_of(path, columns)
    _free(path, [f"{prefix}{name}" for name in score_columns(uses)])
    counts: dict[str, Counter[str]] = {use.name: Counter() for use in uses}
    total = 0

    def lines() -> Iterator[str]:
        nonlocal total
        tasks = (partial(_scored, path, uses, found, prefix, rows) for rows in _chunks(path))
        for part in local.stream(tasks, workers):
            total += part.rows
            for name, statuses in part.statuses.items():
                counts[name].update(statuses)
            yield part.lines

    try:
        _write(out, lines())
    except BrokenProcessPool as error:
        raise StageError(f"worker processes died again and again; {out} is not written") from error
    yield f"{total:,} rows in {out}"
    for name, statuses in counts.items():
        decided = sum(statuses[status] for status in DECIDED)
        said = ", ".join(f"{count:,} {status}" for status, count in statuses.most_common())
        rate = f"; {statuses['correct'] / decided:.1%} of the decided are correct" if decided else ""
        yield f"{name}: {said or 'nothing'}{rate}"
    for name, statuses in counts.items():
        failed = sum(statuses[status] for status in UNDECIDED)
        if failed > MAX_ERRORS * total:
            raise StageError(f"the verifier {name} decided too few rows: {failed:,} of {total:,} ended in an error")


def _scored(path: Path, uses: tuple[Use, ...], found: dict[str, str], prefix: str, rows: list[Row]) -> Part:
    table = score(uses, table_of(rows, found)).select(score_columns(uses))
    statuses = {use.name: Counter(table[f"{use.name}_status"].to_list()) for use in uses}
    return Part(len(rows), _beside(path, rows, table.rename(lambda name: f"{prefix}{name}")), statuses)


def measure_file(
    path: Path, names: Sequence[str], out: Path, columns: dict[str, str | None], prefix: str = ""
) -> Iterator[str]:
    """The file's rows with a column per filter, written to `out`; yields a line per filter. `all` is every filter."""
    chosen = [name.strip() for name in names]
    have = columns_at(path)
    if chosen == ["all"]:
        chosen = [
            name for name in plugins.names("filter") if name != "pass_rate" or {"problem_id", "math"} <= set(have)
        ]
    uses = [plugins.find("filter", name, Path()) for name in chosen]
    found = mapping_of(path, columns)
    _free(path, [f"{prefix}{use.name}" for use in uses])
    parts: list[pl.DataFrame] = []

    def measured(rows: list[Row]) -> str:
        table = table_of(rows, found)
        others = [name for name in have if name not in table.columns]
        scores = [name for name in others if all(isinstance(row.get(name), int | float | None) for row in rows)]
        table = table.with_columns(
            pl.Series(name, [_number(row.get(name)) for row in rows], dtype=pl.Float64) for name in scores
        )
        parts.append(measure(uses, table))
        return _beside(path, rows, parts[-1].rename(lambda name: f"{prefix}{name}"))

    # a group has to be measured whole, and a file may hold it anywhere
    whole = any(use.name == "pass_rate" for use in uses)
    _write(out, map(measured, _chunks(path, None if whole else CHUNK)))
    table = pl.concat(parts) if parts else pl.DataFrame()
    yield f"{table.height:,} rows in {out}"
    for name in table.columns:
        values = table[name]
        quantiles = [values.quantile(at) for at in (0.0, 0.05, 0.5, 0.95, 1.0)]
        shown = " ".join("null" if value is None else f"{value:.4g}" for value in quantiles)
        yield f"{name}: min, 5 %, median, 95 %, max = {shown}"


def _number(value: int | float | None) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:
        return None


def _free(path: Path, names: list[str]) -> None:
    taken = [name for name in names if name in columns_at(path)]
    if taken:
        raise UserError(
            f"{path} has a column '{taken[0]}' already, which would be written over: --prefix names the new ones apart"
        )


def _chunks(path: Path, size: int | None = CHUNK) -> Iterator[list[Row]]:
    rows = rows_in(path)
    while part := list(islice(rows, size)):
        yield part


def _beside(path: Path, rows: list[Row], added: pl.DataFrame) -> str:
    """The rows with the columns behind their own, as JSON lines."""
    texts = []
    for row, new in zip(rows, added.iter_rows(named=True), strict=True):
        if not row.keys().isdisjoint(new):
            name = next(name for name in new if name in row)
            raise UserError(
                f"{path} has a column '{name}' already, which would be written over: --prefix names the new ones apart"
            )
        texts.append(clean(json.dumps({**row, **new}, ensure_ascii=False, default=str)) + "\n")
    return "".join(texts)


def _write(out: Path, parts: Iterable[str]) -> None:
    """The JSON lines as the file `out`, whole or not at all."""
    if out.suffix not in (".parquet", ".jsonl"):
        raise UserError(f"{out}: --out is a .parquet or a .jsonl file")
    beside = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    lines = beside.with_suffix(".lines")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with lines.open("w", encoding="utf-8") as stream:
            stream.writelines(parts)
        if out.suffix == ".parquet":
            write_lines_as_parquet(lines, beside)
            beside.replace(out)
        else:
            lines.replace(out)
    except OSError as error:
        raise cannot_write(out, error) from error
    finally:
        beside.unlink(missing_ok=True)
        lines.unlink(missing_ok=True)
