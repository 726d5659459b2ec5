"""Beside: new columns written behind a foreign file's own, a chunk of rows at a time.

Every column of the source is kept, as JSON spells it; the file that is written appears whole or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import polars as pl

from datafactory.errors import UserError
from datafactory.foreign import columns_at, rows_in
from datafactory.lines import write_lines_as_parquet
from datafactory.sources import Row
from datafactory.tables import cannot_write, clean

CHUNK = 250  # rows a worker takes at a time: what is begun again when it dies


def demand_free(path: Path, names: Sequence[str]) -> None:
    """Raises UserError where the file has a column of one of these names."""
    taken = [name for name in names if name in columns_at(path)]
    if taken:
        raise UserError(_taken(path, taken[0]))


def chunks(path: Path) -> Iterator[list[Row]]:
    rows = rows_in(path)
    while part := list(islice(rows, CHUNK)):
        yield part


def beside(path: Path, rows: list[Row], added: pl.DataFrame) -> str:
    """The rows with the columns behind their own, as JSON lines."""
    texts = []
    for row, new in zip(rows, added.iter_rows(named=True), strict=True):
        if not row.keys().isdisjoint(new):
            raise UserError(_taken(path, next(name for name in new if name in row)))
        texts.append(clean(json.dumps({**row, **new}, ensure_ascii=False, default=str)) + "\n")
    return "".join(texts)


def _taken(path: Path, name: str) -> str:
    return f"{path} has a column '{name}' already, which would be written over: --prefix names the new ones apart"


def write(out: Path, parts: Iterable[str]) -> None:
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
