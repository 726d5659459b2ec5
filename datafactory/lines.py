"""JSON lines as one Parquet file, whatever the rows hold, a chunk at a time.

A column of numbers, of truth values or of texts keeps its type; one whose values are of several kinds, or nested,
becomes text, with JSON for what is no text. `messages` stays a list of {role, content} where every row is one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from datafactory.tables import to_arrow

CHUNK = 2000
TURNS = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
KINDS: dict[frozenset[str], Any] = {
    frozenset({"int"}): pl.Int64,
    frozenset({"float"}): pl.Float64,
    frozenset({"int", "float"}): pl.Float64,
    frozenset({"bool"}): pl.Boolean,
    frozenset({"turns"}): TURNS,
}


def write_lines_as_parquet(lines: Path, out: Path) -> None:
    kinds: dict[str, set[str]] = {}
    for row in _rows(lines):
        for name, value in row.items():
            kinds.setdefault(name, set())
            if value is not None:
                kinds[name].add(_kind(name, value))
    types = {name: KINDS.get(frozenset(found), pl.String) for name, found in kinds.items()}
    writer: pq.ParquetWriter | None = None
    rows = _rows(lines)
    while True:
        part = list(islice(rows, CHUNK))
        if not part and writer:
            break
        table = to_arrow(pl.DataFrame([_series(name, kind, part) for name, kind in types.items()]))
        writer = writer or pq.ParquetWriter(out, table.schema, compression="zstd")
        writer.write_table(table)
        if not part:
            break
    writer.close()


def _rows(lines: Path) -> Iterator[dict[str, Any]]:
    with lines.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def _kind(name: str, value: Any) -> str:
    if name == "messages" and isinstance(value, list) and all(_is_turn(turn) for turn in value):
        return "turns"
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return "large"
    return type(value).__name__


def _is_turn(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"role", "content"}
        and all(isinstance(v, str) for v in value.values())
    )


def _series(name: str, kind: Any, rows: list[dict[str, Any]]) -> pl.Series:
    values = [row.get(name) for row in rows]
    if kind == pl.String:
        values = [
            value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for value in values
        ]
    return pl.Series(name, values, dtype=kind, strict=False)
