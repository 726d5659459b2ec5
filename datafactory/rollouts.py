"""Rollouts: every problem put to a model again and again, each completion journaled before it counts.

The seed of a rollout derives from (recipe seed, problem, rollout index) and never from its position, so that raising
`group_size` pays only for the new ones. All tables are one stream: the engine is not drained at a shard's end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import Field

from datafactory.accepting import Accepting
from datafactory.asking import Asker, seed_of
from datafactory.chat import completed
from datafactory.driving import Task, Work
from datafactory.engines import Output, Request
from datafactory.group import Group, Row, table_of
from datafactory.job import Job
from datafactory.models import Model
from datafactory.parts import Parts
from datafactory.progress import StageProgress
from datafactory.prompting import Asking
from datafactory.scoring import score_types
from datafactory.settings import Verifiers
from datafactory.store import Dataset
from datafactory.target import Cut, Target
from datafactory.thinking import Forcing, traces
from datafactory.types import COMPLETION_COLUMNS, trace_id
from datafactory.until import Until

TOGETHER = 32  # problems prepared at a time: so long the engine's outputs wait to be journaled


class Sampled(Asking):
    """Asking, so many times, with a seed."""

    group_size: int = Field(1, ge=1)
    """Rollouts per problem."""
    seed: int | None = None
    """The recipe's by default."""
    thinking: Forcing | None = None
    """Budget forcing: the thinking ended at a budget, or made to go on (arXiv:2501.19393)."""
    continue_truncated: int = Field(0, ge=0)
    """How often a completion that was cut at `max_tokens` is continued where it broke off."""


def rollout_seed(seed: int, problem_id: str, rollout: int) -> int:
    """63 bits that depend on these three and on nothing else."""
    return seed_of(seed, problem_id, rollout)


def note_hidden_choices(config: Sampled, problems: Dataset, progress: StageProgress) -> None:
    """Say so where problems have options that the prompt does not show."""
    if "{choices}" in config.prompt.content or not problems.shards or "choices" not in problems.columns:
        return
    count = problems.scan().select(pl.col("choices").is_not_null().sum()).collect().item()
    if count:
        progress.note(f"{count:,} problems have options, and the prompt has no {{choices}} to show them")


@dataclass(frozen=True)
class Rule:
    """How many rollouts of a problem are enough, and the verifiers that tell."""

    until: Until
    verifiers: Verifiers


@dataclass
class Sampler:
    """A model asked for the rollouts of one table after another."""

    config: Sampled
    model: Model
    job: Job
    rule: Rule | None = None
    target: Target | None = None

    def __post_init__(self) -> None:
        self.progress = self.job.progress
        self.generation = self.job.draft.folder.name
        self.label = self.model.label
        self.asker = Asker(self.model, self.job)

    def rollouts(self, problems: pl.DataFrame) -> pl.DataFrame:
        """The rollouts of one table."""
        return next(self.stream([(0, problems)]))[1]

    def stream(self, tables: Iterable[tuple[int, pl.DataFrame]]) -> Iterator[tuple[int, pl.DataFrame]]:
        """Each table's rollouts, group by group, under its number, as they are done.

        With a target the tables come in their order, and end with the one in which it is reached.
        """
        parts = Cut(self.target) if self.target else Parts[list[Group]]()
        scores = self.added
        problems: dict[int, pl.DataFrame] = {}  # of the tables under way

        def works() -> Iterator[Work[tuple[int, int, list[Group]]] | None]:
            for k, table in tables:
                problems[k] = table
                yield from parts.begin(k, self._works(table))

        with closing(self.asker.drive(works())) as driven:
            for k, found in parts.whole(driven):
                yield k, table_of(problems.pop(k), [group for groups in found for group in groups], scores)

    def close(self) -> None:
        self.asker.close()

    @property
    def added(self) -> dict[str, Any]:
        """The further columns of a rollout, with their types."""
        return score_types(self.rule.verifiers) if self.rule else {}

    def _works(self, problems: pl.DataFrame) -> list[Work[list[Group]]]:
        rows = list(problems.iter_rows(named=True))
        accepting = None
        if self.rule:
            types = {name: kind for name, kind in problems.schema.items() if name not in COMPLETION_COLUMNS}
            accepting = Accepting(self.rule.verifiers, self.rule.until.where, types)
        size = self._together
        slices = [rows[start : start + size] for start in range(0, len(rows), size)] or [rows]
        return [self._work(some, accepting) for some in slices]

    @property
    def _together(self) -> int:
        """How many problems go in step: a whole table where batches are to be the same at every attempt."""
        if self.asker.engine.batches:
            return sys.maxsize
        return 1 if self._in_steps else TOGETHER

    @property
    def _in_steps(self) -> bool:
        """Whether one completion of a rollout waits for another: then each problem goes its own pace."""
        return bool(self.rule or self.config.thinking or self.config.continue_truncated)

    def _work(self, rows: Sequence[Row], accepting: Accepting | None) -> Work[list[Group]]:
        """The group of each of these problems."""
        prompts = [self._prompt(row) for row in rows]
        groups = [Group() for _ in rows]
        until = self.rule.until if self.rule else None
        sizes = [until.first if until else self.config.group_size] * len(rows)
        while any(sizes):
            wanted = [
                (place, len(groups[place].rows) + more) for place, size in enumerate(sizes) for more in range(size)
            ]
            made = yield from self._round(rows, prompts, wanted)
            if until is None or accepting is None:
                for (place, _), row in zip(wanted, made, strict=True):
                    groups[place].add(row, True)
                return groups
            given = [(rows[place], row) for (place, _), row in zip(wanted, made, strict=True)]
            scored = yield Task(accepting, given)
            for (place, _), row, (scores, meets) in zip(wanted, made, scored, strict=True):
                groups[place].add({**row, **scores}, meets)
            sizes = [until.more(group.met) if size else 0 for group, size in zip(groups, sizes, strict=True)]
        return [group.head(until.enough(group.met)) if until else group for group in groups]

    def _round(self, rows: Sequence[Row], prompts: Sequence[Any], wanted: Sequence[tuple[int, int]]) -> Work[list[Row]]:
        """The rollouts wanted, as (the place of a problem, rollout index)."""
        requests = [self._request(rows[place], prompts[place], rollout) for place, rollout in wanted]
        outputs = yield from traces(requests, self.config, self.asker)
        self.progress.advance(rows=len(requests))
        return [self._row(request, output) for request, output in zip(requests, outputs, strict=True)]

    def _prompt(self, row: Row) -> tuple[list[Any], str]:
        return self.config.put(row, self.asker.engine.render)

    def _request(self, row: Row, prompt: tuple[list[Any], str], rollout: int) -> Request:
        return self.asker.request(
            prompt[0],
            self.config.prefill,
            prompt[1],
            self.config.sampling,
            rollout_seed(self.config.seed or 0, row["problem_id"], rollout),
            problem_id=row["problem_id"],
            question=row["question"],
            rollout=rollout,
        )

    def _row(self, request: Request, output: Output) -> Row:
        completion = completed(
            request.prefill + output.text if output.reasoning is None else output.text,
            output.reasoning,
            output.finish_reason,
            request.prompt.removesuffix(request.prefill),
            self.config.think,
            self.asker.engine.rendered or not request.messages,
        )
        return {
            "rollout": request.rollout,
            "trace_id": trace_id(request.problem_id, request.rollout, completion.reasoning, completion.response),
            "reasoning": completion.reasoning,
            "response": completion.response,
            "finish_reason": completion.finish_reason,
            "error": output.error,
            "prompt_tokens": output.prompt_tokens,
            "completion_tokens": output.completion_tokens,
            "model": self.label,
            "generation": self.generation,
        }
