"""Example traces: a few rows that show the whole, the same ones each time.

They are spread over the values of some columns (domains, reasons), then over problems. A problem's id is a hash of its
content, so that the order of the ids is as good as random and never changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.store import EVIDENCE, REASON
from datafactory.types import COLUMNS

FACTS = ("domain", "source", "model", "rollout", "completion_tokens", "finish_reason")
IDENTITY = ("problem_id", "rollout")


@dataclass(frozen=True)
class Said:
    """What one verifier said of a row."""

    verifier: str
    reward: float | None
    status: str
    detail: str


@dataclass(frozen=True)
class Trace:
    """A row as a person reads it, published or not, accepted or dropped."""

    stage: str
    problem_id: str | None
    question: str | None
    answer: str | None
    reasoning: str | None
    response: str | None
    facts: dict[str, Any] = field(default_factory=dict)
    verdicts: tuple[Said, ...] = ()
    measures: dict[str, float] = field(default_factory=dict)
    reason: str | None = None
    evidence: str | None = None
    trace_id: str | None = None


def trace_of(row: Mapping[str, Any], stage: str = "") -> Trace:
    names = [name for name in row if f"{name}_status" in row]
    verdicts = tuple(
        Said(name, row[name], row[f"{name}_status"], row.get(f"{name}_detail") or "")
        for name in names
        if row[f"{name}_status"] is not None
    )
    numbers = {name: value for name, value in row.items() if isinstance(value, int | float) and name not in COLUMNS}
    return Trace(
        stage=row.get("stage") or stage,
        problem_id=row.get("problem_id"),
        question=_first(row, "problem", "question"),
        answer=_first(row, "solution", "answer"),
        reasoning=row.get("reasoning"),
        response=row.get("response"),
        facts={name: row[name] for name in FACTS if row.get(name) is not None},
        verdicts=verdicts,
        measures={name: value for name, value in numbers.items() if name not in names},
        reason=_first(row, REASON, "reason"),
        evidence=_first(row, EVIDENCE, "evidence"),
        trace_id=row.get("trace_id"),
    )


def _first(row: Mapping[str, Any], *names: str) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def choose(files: Sequence[tuple[str, Path]], by: Sequence[str], count: int) -> list[Trace]:
    """`count` rows of Parquet files, each file under its stage's name; only the chosen rows are read whole."""
    found = []
    for at, (stage, path) in enumerate(files):
        table = pl.scan_parquet(path)
        names = [name for name in (*by, *IDENTITY) if name in table.collect_schema().names()]
        keys = table.select(names).with_row_index("row").collect()
        found.append(spread(keys, by, count).with_columns(pl.lit(at).alias("file"), pl.lit(stage).alias("stage")))
    if not found:
        return []
    chosen = spread(pl.concat(found, how="diagonal_relaxed"), ["stage", *by], count).head(count)
    return [_read(files[at], row) for at, row in chosen.select("file", "row").iter_rows()]


def spread(keys: pl.DataFrame, by: Sequence[str], most: int) -> pl.DataFrame:
    """The rows in turns: one of each value of `by`, another of each, to `most` turns; new problems come first."""
    by = [name for name in by if name in keys.columns]
    identity = [name for name in IDENTITY if name in keys.columns]
    if identity:
        keys = keys.sort(identity)
    if "problem_id" in identity:
        keys = keys.with_columns(pl.int_range(pl.len()).over("problem_id").alias("nth")).sort(
            "nth", maintain_order=True
        )
    turn = pl.int_range(pl.len()).over(by) if by else pl.int_range(pl.len())
    keys = keys.with_columns(turn.alias("turn")).filter(pl.col("turn") < most)
    return keys.sort("turn", *by, maintain_order=True).drop("turn", "nth", strict=False)


def _read(file: tuple[str, Path], row: int) -> Trace:
    stage, path = file
    return trace_of(pl.scan_parquet(path).slice(row, 1).collect().row(0, named=True), stage)
