"""Answering: the verified rollouts of one model on the problems, in a dataset of their own beside the stage's.

It stands under everything that decides it and nothing else: another model in the list, another k or another way to
part the problems asks nothing of this model again, and does not load it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from datafactory.accepting import Accepting
from datafactory.driving import Work
from datafactory.errors import StageError
from datafactory.evaluating.ladder import Rungs, ladder
from datafactory.fingerprint import digest
from datafactory.group import Group, Row
from datafactory.job import Job
from datafactory.models import Model
from datafactory.rollouts import Sampled, Sampler
from datafactory.scoring import demand_decisions, score
from datafactory.settings import Verifiers
from datafactory.store import Dataset, Draft, is_finished, locked
from datafactory.tables import write_bytes

PROMPT = "prompt.txt"  # of the first problem, as the model sees it
RUNG = {"thinking_budget": pl.Int32, "thinking_tokens": pl.Int32, "forced": pl.Boolean}


@dataclass(frozen=True)
class Exam:
    """What is put to each model, and how its answers are verified; `decided` is everything that decides them beside
    the model."""

    config: Sampled
    verifiers: Verifiers
    max_errors: float
    source: Dataset
    decided: Any

    def rollouts(self, model: Model, job: Job) -> Dataset:
        """A row per problem and rollout; shard k is of the problems' shard k."""
        return self._kept("answers", [], model, job, lambda inner: Sampler(self.config, model, inner))

    def rungs(self, model: Model, job: Job, rungs: Rungs) -> Dataset:
        """A row per problem, rollout and budget, with `thinking_budget`, `thinking_tokens` and `forced`."""
        decided = [rungs.budgets, rungs.extend]
        return self._kept("forced", decided, model, job, lambda inner: Climber(self.config, model, inner, rungs=rungs))

    def _kept(
        self, name: str, further: Sequence[Any], model: Model, job: Job, start: Callable[[Job], Sampler]
    ) -> Dataset:
        fingerprint = digest([self.decided, model.fingerprint, further])
        draft = Draft(job.store / f"{name}-{fingerprint[:16]}")
        with locked(draft.folder):
            count = len(self.source.shards)
            there = [k for k in range(count) if draft.has(k)]
            job.progress.advance(
                rows=sum(pl.scan_parquet(draft.shard(k)).select(pl.len()).collect().item() for k in there)
            )
            if len(there) < count:
                self._ask(start(replace(job, draft=draft)), draft)
            if not is_finished(draft.folder):
                self._demand(draft)
                draft.finish(count, {"stage": name, "fingerprint": fingerprint})
        return Dataset(draft.folder)

    def _ask(self, sampler: Sampler, draft: Draft) -> None:
        count = range(len(self.source.shards))
        shards = [k for k in count if not draft.has(k)]
        try:
            row = next(table.row(0, named=True) for k in count if (table := self.source.read(k)).height)
            write_bytes(draft.folder / PROMPT, self.config.put(row, sampler.asker.engine.render)[1].encode())
            for k, rollouts in sampler.stream((k, self.source.read(k)) for k in shards):
                draft.write(k, score(self.verifiers, rollouts))
        finally:
            sampler.close()

    def _demand(self, draft: Draft) -> None:
        shards = range(len(self.source.shards))
        try:
            demand_decisions(pl.scan_parquet(list(map(draft.shard, shards))), self.verifiers, self.max_errors)
        except StageError:
            for k in shards:  # what failed is tried again at the next build
                draft.remove(k)
            raise


@dataclass
class Climber(Sampler):
    """A sampler of whose rollouts each is answered at several budgets of thinking."""

    rungs: Rungs = field(kw_only=True)

    @property
    def added(self) -> dict[str, Any]:
        return dict(RUNG)

    @property
    def _in_steps(self) -> bool:
        return True

    def _work(self, rows: Sequence[Row], accepting: Accepting | None) -> Work[list[Group]]:
        prompts = [self._prompt(row) for row in rows]
        wanted = [(place, rollout) for place in range(len(rows)) for rollout in range(self.config.group_size)]
        requests = [self._request(rows[place], prompts[place], rollout) for place, rollout in wanted]
        climbed = yield from ladder(requests, self.rungs, self.asker)
        groups = [Group() for _ in rows]
        for (place, _), request, rungs in zip(wanted, requests, climbed, strict=True):
            for rung in rungs:
                told = (rung.budget, rung.thinking, rung.forced)
                groups[place].add(self._row(request, rung.output) | dict(zip(RUNG, told, strict=True)), True)
        self.progress.advance(rows=len(requests) * len(self.rungs.budgets))
        return groups
