"""Sample: some problems drawn at random, each with all its rows.

In   any rows with a problem_id
Out  the same columns, the rows of `problems` problems in the order they had

Which are drawn depends on the seed and the problems alone; a larger sample holds the smaller one.
"""

from __future__ import annotations

import hashlib
import heapq

import polars as pl
from pydantic import Field

from datafactory.check import Check
from datafactory.config import Base, Sources, ref
from datafactory.job import Job
from datafactory.store import Dataset

VERSION = 1


class Config(Base):
    source: Sources = ref("dataset", alias="from")
    """The rows to draw from; a list is read as one dataset."""
    problems: int = Field(ge=1)
    """How many problems, all where there are fewer."""
    seed: int | None = None
    """The recipe's by default."""
    problems_per_shard: int = Field(1000, ge=1)
    """What one worker takes at a time in the stages that follow."""


def columns(config: Config, check: Check) -> list[str]:
    above = check.of(config.source)
    check.column(above, "problem_id", "from")
    return list(above or [])


def run(config: Config, job: Job) -> None:
    source = job.input(config.source)
    job.progress.expect(config.problems, "problems")
    drawn = _drawn(source, config.problems, config.seed or 0)
    wanted = pl.Series("problem_id", drawn, dtype=pl.String).to_frame()
    tables = [source.read(k).join(wanted, on="problem_id", how="semi") for k in range(len(source.shards))]
    rows = pl.concat(tables)
    order = rows["problem_id"].unique(maintain_order=True).to_list()
    places = range(0, max(1, len(order)), config.problems_per_shard)
    for k, start in enumerate(places):
        part = order[start : start + config.problems_per_shard]
        job.draft.write(k, rows.filter(pl.col("problem_id").is_in(part)))
        job.progress.advance(rows=len(part))


def _drawn(source: Dataset, count: int, seed: int) -> list[str]:
    """The problems whose hash under the seed is smallest."""
    problems = source.scan().select(pl.col("problem_id").unique()).collect()["problem_id"]
    return heapq.nsmallest(count, problems, key=lambda problem: hashlib.sha256(f"{seed} {problem}".encode()).digest())
