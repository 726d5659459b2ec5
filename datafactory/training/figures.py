"""Figures of a round of rollouts: what is told of it in the curves, whatever the model learns from it.

In   the round's table, a row per rollout of every process, groups one behind another
Out  numbers by name; one that nothing was decided of is left out, never 0
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from datafactory.advantages import telling
from datafactory.training.rewards import GENERAL
from filters.reflection import reflection

KEPT = ("problem_id", "reward", "tokens", "finish_reason", GENERAL)


def told_of(table: pl.DataFrame, parts: Sequence[str]) -> pl.DataFrame:
    """The columns of a process' rollouts that figures are made of; small, since every process gets all of them."""
    text = pl.concat_str(pl.col("reasoning").fill_null(""), pl.col("response"), separator="\n")
    words = reflection(table.select(text.alias("reasoning"), pl.lit("").alias("response"), "question"))
    named = [name for name in [*parts, "overlong"] if name in table.columns]
    return table.select("at", *KEPT, *named, words.alias("reflective_words"))


def figures(rollouts: pl.DataFrame, parts: Sequence[str], first: str, group_size: int) -> dict[str, float]:
    """The means of a round, by the names they are drawn under; `first` is the verifier that says what is right."""
    found: dict[str, float | None] = {"reward": _mean(rollouts["reward"]), "accuracy": _right(rollouts, first)}
    found |= {name: _mean(rollouts[name]) for name in [*parts, "overlong"] if name in rollouts.columns}
    found["completion_length"] = _mean(rollouts["tokens"])
    found["reflective_words"] = _mean(rollouts["reflective_words"])
    found["truncated"] = _mean(rollouts["finish_reason"] == "length")
    found["null_rewards"] = rollouts["reward"].null_count() / rollouts.height
    dull = [not telling(group) for group in groups(rollouts["reward"].to_list(), group_size)]
    found["degenerate_groups"] = sum(dull) / len(dull)
    return {name: value for name, value in found.items() if value is not None}


def groups(rewards: Sequence[float | None], size: int) -> Iterator[Sequence[float | None]]:
    return (rewards[at : at + size] for at in range(0, len(rewards), size))


def _right(rollouts: pl.DataFrame, first: str) -> float | None:
    """The share of the rollouts that the first verifier decided which are right."""
    return _mean((rollouts[first] >= 1).cast(pl.Float64)) if first in rollouts.columns else None


def _mean(values: pl.Series) -> float | None:
    mean: Any = values.cast(pl.Float64).mean()
    return None if mean is None else float(mean)
