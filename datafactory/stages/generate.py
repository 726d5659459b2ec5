"""Rollouts: every problem put to a model `group_size` times, or until enough of its rollouts are accepted.

In   problem_id, question and the other problem columns
Out  the same, and rollout, trace_id, reasoning, response, finish_reason, error, prompt_tokens, completion_tokens,
     model, generation; with `until` the columns of its verifiers too; the rollouts of a problem stand together in one
     shard
"""

from __future__ import annotations

from typing import Any

import polars as pl
from pydantic import Field

from datafactory.check import Check
from datafactory.config import Sources, ref, runtime
from datafactory.errors import StageError
from datafactory.job import Job
from datafactory.rollouts import Rule, Sampled, Sampler, note_hidden_choices
from datafactory.scoring import demand_decisions, score_columns
from datafactory.settings import Verifiers
from datafactory.store import Draft
from datafactory.target import Target
from datafactory.types import COMPLETION_COLUMNS
from datafactory.until import Until, accepted

VERSION = 3


class Config(Sampled):
    source: Sources = ref("dataset", alias="from")
    """The problems; a list is read as one dataset."""
    model: str = ref("model")
    """The model that answers: a name under `models`, or a trained stage above."""
    verifiers: Verifiers | None = Field(None, alias="with")
    """What tells whether a rollout is accepted, where there is an `until`: [math, format]."""
    until: Until | None = None
    """Ask a problem until enough of its rollouts are accepted, in place of `group_size` times:
    {accepted: 4, where: "math = 1", max_rollouts: 64}."""
    target: int | None = Field(None, ge=1)
    """Accepted rollouts in all; what follows the problem that makes it so many is left out."""
    max_errors: float = runtime(0.05, ge=0, le=1)
    """The share of rollouts that may come to no completion, or to no verdict, before the stage fails."""


def columns(config: Config, check: Check) -> list[str]:
    config.check(check)
    above = check.of(config.source) or []
    check.column(check.of(config.source), "question", "from")
    if "rollout" in above:
        check.wrong(("from",), "these are rollouts already; generate from the problems they came from")
    added = [*COMPLETION_COLUMNS, *score_columns(config.verifiers or ())]
    found = [*(name for name in above if name not in added), *added]
    if config.until:
        if not config.verifiers and "with" not in check.faulty:
            check.wrong(("until",), "needs `with`, the verifiers that tell what is accepted, as in with: [math]")
        elif config.verifiers and check.of(config.source) is not None:
            check.condition(found, config.until.where, "until", "where")
        if "group_size" in config.model_fields_set:
            check.wrong(("group_size",), "is not for a stage with `until`, which asks as often as it takes")
    elif "until" not in check.faulty:
        for key, given in (("with", config.verifiers), ("target", config.target)):
            if given:
                check.wrong((key,), "goes with `until`, which says what is accepted")
    return found


def run(config: Config, job: Job) -> None:
    source = job.input(config.source)
    note_hidden_choices(config, source, job.progress)
    count = len(source.shards)
    missing = [k for k in range(count) if not job.draft.has(k)]
    job.progress.expect(None if config.until else source.rows * config.group_size, "rollouts")
    done = sum(shard["rows"] for k, shard in enumerate(source.shards) if k not in missing)
    job.progress.advance(rows=0 if config.until else done * config.group_size)
    rule = Rule(config.until, config.verifiers) if config.until and config.verifiers else None
    target = _target(config, job, count)
    sampler = Sampler(config, job.models[config.model], job, rule, target)
    if not (target and target.reached):
        for k, rollouts in sampler.stream((k, source.read(k)) for k in missing):
            job.draft.write(k, rollouts)
    sampler.close()
    for k in range(count):
        if not job.draft.has(k):  # beyond the target
            job.draft.write(k, pl.read_parquet(job.draft.shard(0)).clear())
    if target and not target.reached:
        job.progress.note(f"{target.before:,} rollouts were accepted, of the {target.count:,} that `target` asks for")
    _demand_completions(config, job.draft, count)


def _target(config: Config, job: Job, count: int) -> Target | None:
    """The target, with what finished shards count towards it: with a target they are finished in their order."""
    if config.target is None or config.until is None:
        return None
    target = Target(config.target, config.until)
    for k in range(count):
        if job.draft.has(k):
            target.begin((k, 0))
            target.end((k, 0), int(accepted(pl.read_parquet(job.draft.shard(k)), config.until.where).sum()))
    return target


def _demand_completions(config: Config, draft: Draft, count: int) -> None:
    """StageError where too many rollouts came to nothing; another build asks for those again."""
    table = pl.scan_parquet([draft.shard(k) for k in range(count)])
    try:
        failed = table.filter(pl.col("finish_reason") == "error").select("error").collect()["error"]
        total = table.select(pl.len()).collect().item()
        if total and len(failed) > config.max_errors * total:
            raise StageError(
                f"the model gave no completion for {len(failed):,} of {total:,} rollouts ({failed[0]}); "
                f"max_errors is {config.max_errors:g}"
            )
        demand_decisions(table, config.verifiers or (), config.max_errors)
    except StageError:
        for k in range(count):
            draft.remove(k)
        raise


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    table = pl.scan_parquet(sorted(draft.folder.glob("shard-*.parquet")))
    totals = table.select(pl.col("prompt_tokens").sum(), pl.col("completion_tokens").sum()).collect()
    reasons = table.group_by("finish_reason").len().sort("finish_reason").collect()
    errors = table.filter(pl.col("error").is_not_null()).group_by("error").len().sort("len", descending=True).head(10)
    told = dict(errors.collect().iter_rows())
    return {
        **totals.row(0, named=True),
        "finish_reason": dict(reasons.iter_rows()),
        **({"errors": told} if told else {}),
        **({"accepted": _accepted(config.until, draft)} if config.until else {}),
    }


def _accepted(until: Until, draft: Draft) -> int:
    return sum(int(accepted(pl.read_parquet(path), until.where).sum()) for path in draft.folder.glob("shard-*.parquet"))
