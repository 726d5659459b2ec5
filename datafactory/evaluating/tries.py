"""Tries: a problem with what one model made of it, the form in which everything about a model is counted.

In   the verified rollouts of one model, and the verifier that decides
Out  a Try per problem, in the order of the rows
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from datafactory.voting import ballot

TIMEOUT = 5.0  # seconds for a comparison of two answers in a vote


@dataclass(frozen=True)
class Try:
    """problem  the problem's columns
    rewards  of its rollouts, None where one was not decided
    votes    (label, reward) of each rollout with a completion; two of the same label give the same answer, None gives
             none. None where there is nothing to vote on: a problem that tests decide
    """

    problem: Mapping[str, Any]
    rewards: tuple[float | None, ...]
    votes: tuple[tuple[int | None, float | None], ...] | None = None

    @property
    def mean(self) -> float | None:
        """The mean reward: pass@1 of this problem. Partial rewards count with their value; None if none is decided."""
        decided = [reward for reward in self.rewards if reward is not None]
        return sum(decided) / len(decided) if decided else None


def tries(rows: pl.DataFrame, reward: str, voted: bool = False) -> dict[str, Try]:
    """Under the problems' ids."""
    found = {}
    for (problem_id,), group in rows.group_by("problem_id", maintain_order=True):
        problem = group.row(0, named=True)
        votes = _votes(group, reward) if voted and not _only_tests(problem) else None
        found[str(problem_id)] = Try(problem, tuple(group[reward]), votes)
    return found


def _only_tests(problem: Mapping[str, Any]) -> bool:
    return bool(problem.get("tests")) and not (problem.get("answer") or "").strip()


def _votes(group: pl.DataFrame, reward: str) -> tuple[tuple[int | None, float | None], ...]:
    there = group.filter(pl.col("finish_reason") != "error")
    return tuple(zip(ballot(there.to_dicts(), TIMEOUT).labels, there[reward], strict=True))
