"""Samples: some of the rollouts of a training, kept so that a person can look at them.

In   the rollouts of a step with their parts and advantages
Out  rollouts/step-00040.parquet: one whole group, at so many regular steps as `keep_rollouts` has room for
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.tables import write_parquet
from datafactory.training.phases import Rounds

FOLDER = "rollouts"
COLUMNS = ("problem_id", "question", "answer", "reasoning", "response", "finish_reason", "completion_tokens")


@dataclass(frozen=True)
class Samples:
    """`most` rollouts of the whole training at most, but at least a group; those of the process that writes."""

    folder: Path
    most: int
    group_size: int
    rounds: Rounds
    parts: Sequence[str]
    writes: bool = True

    @property
    def every(self) -> int:
        """Rounds from one that is kept to the next."""
        return math.ceil(self.rounds.count / max(1, self.most // self.group_size))

    def keep(self, step: int, table: pl.DataFrame, advantages: Sequence[float | None], prompts: Sequence[Any]) -> None:
        """Write the first group of this step's rollouts, where it is one to keep."""
        if not self.writes or not self.most or (step - 1) // self.rounds.steps % self.every:
            return
        named = [name for part in self.parts for name in (part, f"{part}_status", f"{part}_detail")]
        columns = [name for name in [*COLUMNS, *named, "overlong", "reward"] if name in table.columns]
        group = table[: self.group_size]
        prompt = prompts[int(group["at"][0])]
        shown = prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False)
        kept = group.select(
            pl.lit(step, pl.Int64).alias("step"),
            pl.lit(shown).alias("prompt"),
            *columns,
            pl.Series("advantage", advantages[: self.group_size], dtype=pl.Float64),
        )
        write_parquet(kept, self.folder / FOLDER / f"step-{step:05d}.parquet")
