"""Evaluate: models on the same problems, sampled and verified as data is.

In   problems with gold answers, one or more models
Out  a row per model, problem and rollout, with the verifiers' columns; and per model the scores in the manifest:
     pass@1 as the mean over the group with a 95 % bootstrap interval over problems, pass@k, what was not decided
"""

from __future__ import annotations

import json
from typing import Any

import polars as pl
from pydantic import Field

from datafactory import voting
from datafactory.check import Check
from datafactory.config import Sources, ref, runtime
from datafactory.errors import StageError
from datafactory.groups import interval, majority, pass_at_k
from datafactory.job import Job
from datafactory.plugins import Use
from datafactory.rollouts import Sampled, Sampler, note_hidden_choices
from datafactory.scoring import demand_decisions, score, score_columns
from datafactory.settings import Verifiers
from datafactory.store import Draft
from datafactory.tables import write_bytes
from datafactory.types import COMPLETION_COLUMNS
from datafactory.voting import ballot

VERSION = f"2, {voting.VERSION}"
TIMEOUT = 5.0  # seconds for a comparison of two answers in a vote
SCORES = "scores.json"


class Config(Sampled):
    source: Sources = ref("dataset", alias="from")
    """The held-out problems; a list is read as one dataset."""
    models: tuple[str, ...] = ref("model", min_length=1)
    """Names under `models`, or trained stages above."""
    verifiers: Verifiers = Field(alias="with")
    """The first one decides what is right; each is averaged."""
    pass_at: tuple[int, ...] = (1,)
    """The k of pass@k; at most `group_size`."""
    max_errors: float = runtime(0.05, ge=0, le=1)
    """The share of rows that may end in a timeout or an error before the stage fails."""


def columns(config: Config, check: Check) -> list[str]:
    config.check(check)
    above = check.of(config.source) or []
    check.column(check.of(config.source), "question", "from")
    check.column(check.of(config.source), "answer", "from")
    for k in config.pass_at:
        if not 1 <= k <= config.group_size:
            check.wrong(("pass_at",), f"pass@{k} needs `group_size` of {k} or more, not {config.group_size}")
    problem = [name for name in above if name not in COMPLETION_COLUMNS]
    return [*problem, *COMPLETION_COLUMNS, *score_columns(config.verifiers)]


def run(config: Config, job: Job) -> None:
    source = job.input(config.source)
    note_hidden_choices(config, source, job.progress)
    job.progress.expect(source.rows * config.group_size * len(config.models), "rollouts")
    found = []
    count = len(source.shards)
    for place, name in enumerate(config.models):
        missing = [k for k in range(count) if not job.draft.has(place * count + k)]
        job.progress.advance(
            rows=sum(source.shards[k]["rows"] for k in set(range(count)) - set(missing)) * config.group_size
        )
        sampler = Sampler(config, job.models[name], job)
        for k, rollouts in sampler.stream((k, source.read(k)) for k in missing):
            job.draft.write(place * count + k, score(config.verifiers, rollouts))
        sampler.close()
        tables = [pl.read_parquet(job.draft.shard(place * count + k)) for k in range(count)]
        rows = pl.concat(tables)
        try:
            demand_decisions(rows, config.verifiers, config.max_errors)
        except StageError:
            for k in range(count):  # what failed is tried again at the next build
                job.draft.remove(place * count + k)
            raise
        found.append(scores(rows, config.verifiers, config.pass_at))
    write_bytes(job.draft.folder / SCORES, json.dumps(found, indent=1).encode())


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    return {"scores": json.loads((draft.folder / SCORES).read_text())}


def scores(rows: pl.DataFrame, verifiers: tuple[Use, ...], pass_at: tuple[int, ...]) -> dict[str, Any]:
    """The scores of one model's rows; a problem of which nothing was decided is counted, not scored."""
    first = verifiers[0].name
    groups = rows.group_by("problem_id", maintain_order=True).agg(pl.col(first))[first].to_list()
    means = [sum(decided) / len(decided) for group in groups if (decided := [r for r in group if r is not None])]
    found: dict[str, Any] = {"problems": len(groups), "rollouts": rows.height}
    for k in pass_at:
        each = [value for group in groups if (value := pass_at_k(group, k)) is not None]
        if k == 1:
            each = means  # partial rewards count with their value
        found[f"pass@{k}"] = sum(each) / len(each) if each else None
    found["interval"] = interval(means)
    if rows.height > len(groups):
        found[f"maj@{rows.height // len(groups)}"] = _voted(rows, first)
    for use in verifiers[1:]:
        found[use.name] = rows[use.name].mean()
    found["undecided"] = rows[first].null_count()
    found["truncated"] = rows.filter(pl.col("finish_reason") == "length").height
    found["completion_tokens"] = rows["completion_tokens"].mean()
    return found


def _voted(rows: pl.DataFrame, reward: str) -> float | None:
    """The share of problems whose most common final answer, the first on a tie, is right; undecided are left out."""
    won = []
    for _, group in rows.group_by("problem_id", maintain_order=True):
        chosen = majority(ballot(group.to_dicts(), TIMEOUT).labels)
        if chosen is None:
            won.append(0.0)  # no rollout gives an answer: decided, and not right
        elif group[reward][chosen] is not None:
            won.append(float(group[reward][chosen] >= 1))
    return sum(won) / len(won) if won else None
