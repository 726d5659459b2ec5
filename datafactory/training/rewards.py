"""Rewards: TRL's completions scored by the verifiers, filters, judges and reward models that a recipe names.

In   completions' tokens and the index of each one's problem
Out  a table with a row per rollout: what was written, every part's column, the overlong penalty, and `reward`

General rows have their own expression, and of the parts only those that it speaks of.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl
from accelerate.utils import gather_object

from datafactory.chat import split_thinking
from datafactory.judges._texts import turns_to
from datafactory.measuring import measure
from datafactory.reward_expression import columns_in, rewards
from datafactory.rewarding import Overlong
from datafactory.scoring import UNDECIDED, failed_in, score, too_few
from datafactory.tables import frame
from datafactory.training.common import Learner
from datafactory.types import COMPLETION_COLUMNS, completion_of

if TYPE_CHECKING:
    from datafactory.stages.grpo import Config
    from datafactory.training.judges import Asked
    from datafactory.training.reward_model import Scorer

GENERAL = "general_row"  # whether a problem is a general row
PLACE = "place_in_batch"
ENOUGH = 20  # rollouts after which a verifier that has not once decided is given up


def overlong(tokens: int, longest: int, penalty: Overlong) -> float:
    """What a completion of so many tokens, its end among them, is worth less (DAPO, arXiv:2503.14476, Eq. 13).

    0 up to the last `buffer` tokens of the longest, -weight at the longest, and in a straight line between.
    """
    return -penalty.weight * min(1.0, max(0.0, (tokens - (longest - penalty.buffer)) / penalty.buffer))


@dataclass
class Rewards:
    """What scores. `problems` are the problems with the general rows behind them, marked in the column GENERAL.

    planned is how many rollouts there will be in all, of all processes; scorers are the reward models by name.
    """

    config: Config
    problems: pl.DataFrame
    learner: Learner
    planned: int
    scorers: dict[str, Scorer] = field(default_factory=dict)
    opinions: Asked | None = None
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    first: dict[str, str] = field(default_factory=dict)

    def of(self, completion_ids: Sequence[list[int]], at: Sequence[int]) -> pl.DataFrame:
        """The rollouts of the problems `at`, in order, each with its parts and its reward.

        StageError once a verifier failed on more rollouts than the rest can make up for, or has never decided.
        """
        said = frame([{**self._row(ids), "rollout": n} for n, ids in enumerate(completion_ids)], COMPLETION_COLUMNS)
        table = pl.concat([self.problems[list(at)], said], how="horizontal").with_row_index(PLACE)
        parts = []
        for general in (False, True):
            rows = table.filter(pl.col(GENERAL) == general)
            if self.opinions and (not general or self._speaks_of(self.opinions.names)):
                rows = self.opinions.of(rows)  # every process takes part, also with no rows
            if rows.height:
                parts.append(self._scored(rows, general))
        whole = pl.concat(parts, how="diagonal_relaxed").sort(PLACE)
        self._count(whole.filter(~pl.col(GENERAL)))
        lengths = [len(ids) for ids in completion_ids]
        whole = whole.with_columns(pl.Series("tokens", lengths, dtype=pl.Int64))
        if not self.config.overlong:
            return whole
        lost = [overlong(length, self.config.max_completion_length, self.config.overlong) for length in lengths]
        whole = whole.with_columns(pl.Series("overlong", lost, dtype=pl.Float64))
        return whole.with_columns(pl.col("reward") + pl.col("overlong"))

    def state(self) -> dict[str, Any]:
        """How often each verifier said what in all processes, for a checkpoint."""
        return {"counts": self.counts, "first": self.first}

    def restore(self, state: dict[str, Any]) -> None:
        self.counts.update({name: Counter(counted) for name, counted in state["counts"].items()})
        self.first.update(state["first"])

    def _scored(self, rows: pl.DataFrame, general: bool) -> pl.DataFrame:
        config = self.config
        verifiers = [use for use in config.verifiers if not general or self._speaks_of([use.name])]
        filters = [part for part in config.measures if not general or part.column in self._named]
        rows = score(verifiers, rows)
        if filters:
            rows = pl.concat([rows, measure(filters, rows)], how="horizontal")
        if general and config.general:
            rows = self._graded(rows)
            return rows.with_columns(rewards(config.general.expression, rows))
        return rows.with_columns(rewards(config.expression, rows))

    @cached_property
    def _named(self) -> list[str]:
        """The columns that the reward of general rows speaks of."""
        return columns_in(self.config.general.expression) if self.config.general else []

    def _speaks_of(self, parts: Sequence[str]) -> bool:
        """Whether the reward of general rows speaks of one of these, or of what else it finds out."""
        return any(name == part or name.startswith(f"{part}_") for name in self._named for part in parts)

    def _graded(self, rows: pl.DataFrame) -> pl.DataFrame:
        """With a column per reward model, which reads the row's own question, as it learned, not the prompt around it.
        A completion without a summary has none to grade: null."""
        asked = list(rows.iter_rows(named=True))
        turns, completions = [turns_to(row) for row in asked], [completion_of(row) for row in asked]
        for name, scorer in self.scorers.items():
            rows = rows.with_columns(pl.Series(name, scorer.rewards(turns, completions), dtype=pl.Float64))
        return rows

    def _row(self, ids: list[int]) -> dict[str, Any]:
        ended = bool(ids) and ids[-1] in self.learner.ends
        text = self.config.prefill + self.learner.tokenizer.decode(ids, skip_special_tokens=True)
        completion = split_thinking(text, self.config.think, "stop" if ended else "length")
        return {
            "response": completion.response,
            "reasoning": completion.reasoning,
            "finish_reason": completion.finish_reason,
            "completion_tokens": len(ids) - ended,
        }

    def _count(self, rows: pl.DataFrame) -> None:
        """What the verifiers said of the rows of all processes: one may have had the problems that none can decide."""
        said = {}
        for name in (use.name for use in self.config.verifiers if rows.height):
            failed = rows.filter(pl.col(f"{name}_status").is_in(UNDECIDED))
            said[name] = Counter(rows[f"{name}_status"].to_list()), failed[f"{name}_detail"].to_list()[:1]
        for heard in gather_object([said]):  # every process takes part, also with no rows
            for name, (counted, details) in heard.items():
                self.counts[name].update(counted)
                for detail in details:
                    self.first.setdefault(name, detail)
        for name, counted in self.counts.items():
            failures, total = failed_in(counted), counted.total()
            dead = failures == total >= ENOUGH and self.config.max_errors < 1
            if failures > self.config.max_errors * self.planned or dead:
                raise too_few(name, counted, self.first[name], self.config.max_errors)
