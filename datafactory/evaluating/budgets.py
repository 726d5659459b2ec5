"""Budgets: accuracy and tokens over budgets of thinking, the curve of s1 (arXiv:2501.19393, Figure 1)."""

from __future__ import annotations

from typing import Any

import polars as pl

from datafactory.evaluating.scores import accuracy
from datafactory.evaluating.tries import tries


def curve(rungs: pl.DataFrame, reward: str) -> list[dict[str, Any]]:
    """A point per budget, the least first.

    pass@1 with `interval` and `problems`; thinking_tokens is the mean of the tokens before the answer, None where the
    engine counts none; forced is the share of the rollouts whose thinking the budget ended.
    """
    return [
        {
            "budget": budget,
            **accuracy(tries(rows, reward).values()),
            "thinking_tokens": rows["thinking_tokens"].mean(),
            "completion_tokens": rows["completion_tokens"].mean(),
            "forced": rows["forced"].mean(),
        }
        for (budget,), rows in rungs.sort("thinking_budget", maintain_order=True).group_by(
            "thinking_budget", maintain_order=True
        )
    ]
