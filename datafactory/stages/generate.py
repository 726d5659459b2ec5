"""Rollouts: every problem put to a model `group_size` times.

In   problem_id, question and the other problem columns
Out  the same, and rollout, reasoning, response, finish_reason, prompt_tokens, completion_tokens, model, generation;
     the rollouts of a problem stand together in one shard
"""

from __future__ import annotations

from typing import Any

import polars as pl

from datafactory.check import Check
from datafactory.config import Sources, ref
from datafactory.job import Job
from datafactory.rollouts import Sampled, Sampler
from datafactory.store import Draft
from datafactory.types import COMPLETION_COLUMNS

VERSION = 1


class Config(Sampled):
    source: Sources = ref("dataset", alias="from")
    """The problems; a list is read as one dataset."""
    model: str = ref("model")
    """The model that answers: a name under `models`, or a trained stage above."""


def columns(config: Config, check: Check) -> list[str]:
    config.check(check)
    above = check.of(config.source) or []
    check.column(check.of(config.source), "question", "from")
    if "rollout" in above:
        check.wrong(("from",), "these are rollouts already; generate from the problems they came from")
    return [*(name for name in above if name not in COMPLETION_COLUMNS), *COMPLETION_COLUMNS]


def run(config: Config, job: Job) -> None:
    source = job.input(config.source)
    job.progress.expect(source.rows * config.group_size, "rollouts")
    sampler = Sampler(config, job.models[config.model], job.journals, job.draft.folder.name, job.progress)
    for k, shard in enumerate(source.shards):
        if job.draft.has(k):
            job.progress.advance(rows=shard["rows"] * config.group_size)
        else:
            job.draft.write(k, sampler.rollouts(source.read(k)))
    sampler.journal.close()


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    table = pl.scan_parquet(sorted(draft.folder.glob("shard-*.parquet")))
    totals = table.select(pl.col("prompt_tokens").sum(), pl.col("completion_tokens").sum()).collect()
    reasons = table.group_by("finish_reason").len().sort("finish_reason").collect()
    return {**totals.row(0, named=True), "finish_reason": dict(reasons.iter_rows())}
