"""Rollouts: every problem put to a model again and again, each completion journaled before it counts.

The seed of a rollout derives from (recipe seed, problem, rollout index) and never from its position, so that raising
`group_size` pays only for the new ones. All tables are one stream: the engine is not drained at a shard's end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl
from pydantic import Field

from datafactory.asking import Asker, seed_of
from datafactory.chat import completed
from datafactory.driving import Task, Work
from datafactory.engines import Output, Request
from datafactory.job import Job
from datafactory.models import Model
from datafactory.prompting import Asking
from datafactory.scoring import score
from datafactory.settings import Verifiers
from datafactory.tables import frame
from datafactory.target import Target
from datafactory.thinking import Forcing, traces
from datafactory.types import COMPLETION_COLUMNS
from datafactory.until import Until

Row = dict[str, Any]


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
        self.asker = Asker(self.model, self.job, self.config.budget)
        self._tables: dict[int, list[pl.DataFrame | None]] = {}  # under way: the rollouts of each part, once there

    def rollouts(self, problems: pl.DataFrame) -> pl.DataFrame:
        """The rollouts of one table."""
        return next(self.stream([(0, problems)]))[1]

    def stream(self, tables: Iterable[tuple[int, pl.DataFrame]]) -> Iterator[tuple[int, pl.DataFrame]]:
        """Each table's rollouts, group by group, under its number, as they are done.

        With a target the tables come in their order, and end with the one in which it is reached.
        """
        driven = self.asker.drive(self._works(tables))
        with closing(driven):
            for k, at, rollouts in driven:
                self._tables[k][at] = rollouts
                if self.target is None:
                    if all(part is not None for part in self._tables[k]):
                        yield k, pl.concat([part for part in self._tables.pop(k) if part is not None])
                    continue
                self.target.end((k, at), rollouts)
                yield from self._passed(self.target)
                if self.target.reached:
                    return

    def _passed(self, target: Target) -> Iterator[tuple[int, pl.DataFrame]]:
        """The tables that are settled: every part of them and of those before, or what there is at the target."""
        for k in sorted(self._tables):
            parts = [(at, part) for at, part in enumerate(self._tables[k]) if part is not None]
            whole = len(parts) == len(self._tables[k]) and all(target.has_passed((k, at)) for at, _ in parts)
            kept = [target.cut((k, at), part) for at, part in parts]
            if not whole and not (target.reached and any(part.height for part in kept)):
                return
            del self._tables[k]
            yield k, pl.concat(kept)

    def close(self) -> None:
        self.asker.close()

    def _works(
        self, tables: Iterable[tuple[int, pl.DataFrame]]
    ) -> Iterator[Work[tuple[int, int, pl.DataFrame]] | None]:
        for k, problems in tables:
            # where one step waits for another, each problem goes its own pace, unless batches are to be the same
            apart = self._stepwise and not self.asker.engine.batches
            parts = list(problems.iter_slices(1)) if apart and problems.height else [problems]
            self._tables[k] = [None] * len(parts)
            for at, part in enumerate(parts):
                while self.target and not self.target.wants_more:
                    yield None
                if self.target:
                    self.target.begin((k, at))
                yield self._work(k, at, part)

    @property
    def _stepwise(self) -> bool:
        return bool(self.rule or self.config.thinking or self.config.continue_truncated)

    def _work(self, k: int, at: int, problems: pl.DataFrame) -> Work[tuple[int, int, pl.DataFrame]]:
        rows = list(problems.iter_rows(named=True))
        kept = problems.drop([name for name in COMPLETION_COLUMNS if name in problems.columns])
        prompts = [self._prompt(row) for row in rows]
        if self.rule is None:
            wanted = [(place, rollout) for place in range(len(rows)) for rollout in range(self.config.group_size)]
            return k, at, (yield from self._round(rows, prompts, kept, wanted))
        until = self.rule.until
        groups: list[pl.DataFrame] = [pl.DataFrame()] * len(rows)
        sizes = [until.first] * len(rows)
        while any(sizes):
            wanted = [(place, groups[place].height + more) for place, size in enumerate(sizes) for more in range(size)]
            rolled = yield from self._round(rows, prompts, kept, wanted)
            rolled = yield Task(partial(score, self.rule.verifiers, rolled))
            start = 0
            for place, size in enumerate(sizes):
                some = rolled.slice(start, size)
                groups[place] = pl.concat([groups[place], some]) if groups[place].height else some
                start += size
                sizes[place] = until.more(groups[place]) if size else 0
        return k, at, pl.concat([until.trimmed(group) for group in groups])

    def _round(
        self, rows: Sequence[Row], prompts: Sequence[Any], kept: pl.DataFrame, wanted: Sequence[tuple[int, int]]
    ) -> Work[pl.DataFrame]:
        """The rollouts wanted, as (the place of a problem, rollout index)."""
        requests = [self._request(rows[place], prompts[place], rollout) for place, rollout in wanted]
        outputs = yield from traces(requests, self.config, self.asker)
        self.progress.advance(rows=len(requests))
        made = [self._row(request, output) for request, output in zip(requests, outputs, strict=True)]
        completions = frame(made, COMPLETION_COLUMNS)
        return pl.concat([kept[[place for place, _ in wanted]], completions], how="horizontal")

    def _prompt(self, row: Row) -> tuple[list[Any], str]:
        messages = self.config.messages(row)
        return messages, self.asker.engine.render(messages, self.config.prefill)

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
            "reasoning": completion.reasoning,
            "response": completion.response,
            "finish_reason": completion.finish_reason,
            "error": output.error,
            "prompt_tokens": output.prompt_tokens,
            "completion_tokens": output.completion_tokens,
            "model": self.model.label,
            "generation": self.generation,
        }
