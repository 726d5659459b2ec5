"""A shard looked through: its bytes against the checksum, its rows against each other, a batch at a time.

What is kept of a row is two numbers of 64 bits, so that 800,000 rows are compared across files in a few megabytes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from datafactory.checking.rows import faults
from datafactory.fingerprint import sha256_of

BATCH = 512
KEYS = ("trace_id", "copy", "problem_id", "domain")
TEXTS = ("messages", "reasoning", "response", "problem", "choices")
Numbers = np.ndarray[Any, np.dtype[np.uint64]]
NONE: Numbers = np.empty(0, dtype=np.uint64)


@dataclass
class Found:
    """What one file is: what is wrong with it, and what it has to be compared by with the others.

    traces holds a number per row that has a trace_id, problems one per problem of the file.
    """

    name: str
    wrong: list[str] = field(default_factory=list)
    rows: int = 0
    schema: tuple[tuple[str, str], ...] = ()
    traces: Numbers = field(default_factory=lambda: NONE)
    problems: Numbers = field(default_factory=lambda: NONE)
    domains: Counter[str | None] = field(default_factory=Counter)


def looked(folder: Path, name: str, entry: dict[str, Any], with_rows: bool) -> Found:
    """The file `name` against its entry of the manifest; its rows too where `with_rows` says so."""
    path, found = folder / name, Found(name)
    if why := _damage(path, entry):
        found.wrong.append(why)
    elif name.endswith(".parquet"):
        try:
            _read(path, found, with_rows)
        except (OSError, pa.ArrowException, pl.exceptions.PolarsError) as error:
            found.wrong.append(f"is not readable Parquet: {str(error).splitlines()[0]}")
        else:
            if "rows" in entry and found.rows != entry["rows"]:
                found.wrong.append(f"holds {found.rows:,} rows; the manifest says {entry['rows']:,}")
    return found


def _damage(path: Path, entry: dict[str, Any]) -> str | None:
    """What is wrong with a file's bytes."""
    if not path.is_file():
        return "is missing"
    bytes_ = path.stat().st_size
    if "bytes" in entry and bytes_ != entry["bytes"]:
        return f"is not what was written: it has {bytes_:,} bytes, the manifest says {entry['bytes']:,}"
    try:
        sha256 = sha256_of(path)
    except OSError as error:
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    if sha256 != entry["sha256"]:
        return f"is not what was written: its sha256 is {sha256[:12]}..., the manifest says {entry['sha256'][:12]}..."
    return None


def _read(path: Path, found: Found, with_rows: bool) -> None:
    with pq.ParquetFile(path) as file:
        found.rows = file.metadata.num_rows
        found.schema = tuple((name, str(kind)) for name, kind in pl.read_parquet_schema(path).items())
        names = [name for name, _ in found.schema]
        if not with_rows or "messages" not in names:
            return
        wanted = [name for name in (*KEYS, *TEXTS) if name in names]
        traces, problems, wrong, row = [NONE], [NONE], Counter[str](), 0
        first: dict[str, int] = {}
        for batch in file.iter_batches(BATCH, columns=wanted):
            table = pl.DataFrame(pl.from_arrow(batch))
            for fault, rows in faults(table).items():
                wrong[fault] += len(rows)
                first.setdefault(fault, row + int(rows[0]))
            traces.append(_traces(table))
            problems.append(_numbers(table, "problem_id"))
            if "domain" in names:
                found.domains.update(dict(table["domain"].value_counts().iter_rows()))
            row += table.height
    found.traces, found.problems = np.concatenate(traces), np.unique(np.concatenate(problems))
    for fault, count in wrong.items():
        whose = f"row {first[fault]:,}" if count == 1 else f"{count:,} rows, the first of them row {first[fault]:,},"
        found.wrong.append(f"{whose} {fault}")


def _traces(table: pl.DataFrame) -> Numbers:
    """A number for each row with a trace_id; a copy that the merge made on purpose has another."""
    if "trace_id" not in table.columns:
        return NONE
    copy = pl.col("copy").cast(pl.String).fill_null("") if "copy" in table.columns else pl.lit("")
    marked = table.filter(pl.col("trace_id").is_not_null())
    return _numbers(marked.select(pl.concat_str("trace_id", pl.lit(" "), copy).alias("key")), "key")


def _numbers(table: pl.DataFrame, name: str) -> Numbers:
    if name not in table.columns:
        return NONE
    return table[name].drop_nulls().hash(seed=0).to_numpy()
