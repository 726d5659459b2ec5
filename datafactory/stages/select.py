"""Select: the rows that meet a condition, the best few of each problem.

In   any rollout rows
Out  the same columns; a row is dropped with the part of `where` that it fails, or because another rollout of
     its problem says the same or enough others were preferred
"""

from __future__ import annotations

import re
from functools import partial

import polars as pl
from pydantic import Field

from datafactory.check import Check
from datafactory.conditions import columns_in, expression, parts
from datafactory.config import Base, Sources, ref
from datafactory.job import Job, Split, parted

VERSION = 1
ORDER = re.compile(r"\s*([\w.]+)(?:\s+(asc|desc))?\s*$", re.IGNORECASE)


class Config(Base):
    source: Sources = ref("dataset", alias="from")
    """The rows to select from; a list is read as one dataset."""
    where: str | None = None
    """A SQL condition over the columns, `math = 1 and format = 1`; null is not true."""
    per_problem: int | None = Field(None, ge=1)
    """At most so many rows of each problem, no two with the same text."""
    prefer: str | None = None
    """Which of them: `completion_tokens` takes the smallest, `clarity desc` the largest, several by commas; else the
    first rollouts."""


def columns(config: Config, check: Check) -> list[str]:
    above = check.of(config.source)
    check.condition(above, config.where, "where")
    for part in config.prefer.split(",") if config.prefer else []:
        match = ORDER.match(part)
        if match:
            check.column(above, match[1], "prefer")
        else:
            check.wrong(("prefer",), f"'{part.strip()}' is not a column with `asc` or `desc` behind it")
    if config.per_problem is not None:
        check.column(above, "problem_id", "per_problem")
    return list(above or [])


def run(config: Config, job: Job) -> None:
    job.map_shards(partial(select, config), job.input(config.source))


def select(config: Config, rows: pl.DataFrame) -> Split:
    reasons: list[str | None] = [None] * rows.height
    evidence: list[str | None] = [None] * rows.height
    for part in parts(config.where) if config.where else []:
        met = rows.select(expression(part).alias("met"))["met"]
        values = rows.select(columns_in(part))
        for at in range(rows.height):
            if reasons[at] is None and not met[at]:
                reasons[at] = f"not {part}"
                evidence[at] = ", ".join(
                    f"{name} = {_shown(value)}" for name, value in values.row(at, named=True).items()
                )
    if config.per_problem is not None:
        for at, first in _doubles(rows, reasons):
            reasons[at] = "the same text as another rollout"
            evidence[at] = f"rollout {first} of its problem says the same"
        for at, rank in _ranks(config, rows, reasons):
            if rank > config.per_problem:
                reasons[at] = f"beyond {config.per_problem} per problem"
                evidence[at] = f"{rank} of its problem by {config.prefer or 'rollout'}"
    return parted(rows, reasons, evidence)


def _doubles(rows: pl.DataFrame, reasons: list[str | None]) -> list[tuple[int, int]]:
    """(row, rollout it repeats) of the rows still in that say what an earlier rollout of their problem says."""
    said = [name for name in ("problem_id", "reasoning", "response") if name in rows.columns]
    if len(said) < 3 or "rollout" not in rows.columns:
        return []
    met = rows.with_row_index("at").filter(pl.Series([reason is None for reason in reasons], dtype=pl.Boolean))
    first = met.with_columns(pl.col("at").first().over(said).alias("first"), pl.col("rollout").first().over(said))
    return list(first.filter(pl.col("at") != pl.col("first")).select("at", "rollout").iter_rows())


def _ranks(config: Config, rows: pl.DataFrame, reasons: list[str | None]) -> list[tuple[int, int]]:
    """(row, rank within its problem from 1) of the rows still in, the preferred first."""
    keys, falling = ["problem_id"], [False]
    for part in config.prefer.split(",") if config.prefer else []:
        match = ORDER.match(part)
        assert match is not None
        keys.append(match[1])
        falling.append((match[2] or "asc").lower() == "desc")
    met = rows.with_row_index("at").filter(pl.Series([reason is None for reason in reasons], dtype=pl.Boolean))
    ranked = met.sort([*keys, "at"], descending=[*falling, False], nulls_last=True)
    ranked = ranked.with_columns(pl.int_range(1, pl.len() + 1).over("problem_id").alias("rank"))
    return list(ranked.select("at", "rank").iter_rows())


def _shown(value: object) -> str:
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
