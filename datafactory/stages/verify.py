"""Rewards from deterministic verifiers; each adds columns named after itself.

In   question, answer, reasoning, response
Out  the same, and <verifier> (reward or null), <verifier>_status, <verifier>_detail, and what else it finds out
"""

from __future__ import annotations

from functools import partial
from typing import Any

import polars as pl
from pydantic import Field

from datafactory.check import Check
from datafactory.config import Base, Sources, ref, runtime
from datafactory.errors import StageError
from datafactory.job import Job, Split
from datafactory.plugins import Use
from datafactory.scoring import demand_decisions, score, score_columns, statuses
from datafactory.settings import Verifiers
from datafactory.store import Draft

VERSION = 1


class Config(Base):
    source: Sources = ref("dataset", alias="from")
    """The rollouts to verify; a list is read as one dataset."""
    verifiers: Verifiers = Field(alias="with")
    """Verifiers by name, with their settings: [math, {format: {style: think_answer}}, ./mine.py]."""
    max_errors: float = runtime(0.05, ge=0, le=1)
    """The share of rows that may end in a timeout or an error before the stage fails."""


def columns(config: Config, check: Check) -> list[str]:
    above = check.of(config.source)
    for name in ("question", "answer", "response"):
        check.column(above, name, "from")
    added = score_columns(config.verifiers)
    for name in added:
        if above is not None and name in above:
            check.wrong(("with",), f"the source has a column '{name}' already")
    return [*(above or []), *added]


def run(config: Config, job: Job) -> None:
    job.map_shards(partial(verify, config.verifiers), job.input(config.source))
    count = len(job.input(config.source).shards)
    try:
        demand_decisions(_scan(job.draft, count), config.verifiers, config.max_errors)
    except StageError:
        for k in range(count):  # what failed is tried again at the next build
            job.draft.remove(k)
        raise


def verify(verifiers: tuple[Use, ...], rollouts: pl.DataFrame) -> Split:
    scored = score(verifiers, rollouts)
    passed = pl.all_horizontal(pl.col(use.name) >= 1 for use in verifiers)
    return Split(scored, accepted=scored.select(passed.fill_null(False).sum()).item())


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    count = sum(1 for _ in draft.folder.glob("shard-*.parquet"))
    table = _scan(draft, count)
    rates = table.select(pl.col(use.name).mean() for use in config.verifiers).collect().row(0, named=True)
    return {"statuses": statuses(table, config.verifiers), "pass_rate": rates}


def _scan(draft: Draft, count: int) -> pl.LazyFrame:
    return pl.scan_parquet([draft.shard(k) for k in range(count)])
