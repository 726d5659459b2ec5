"""Numbers over a group, the rollouts of one problem: pass@k, cons@k; and intervals over problems. Pure.

A reward of None was not decided, and is left out; it never counts as 0.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

SUBSETS = 1000  # that a vote of k is taken in, where there are more
DRAWS = 10_000  # of a bootstrap
TOGETHER = 1 << 22  # numbers drawn at a time
Means = NDArray[np.float64]


def pass_at_k(rewards: Sequence[float | None], k: int) -> float | None:
    """The chance that one of k rollouts is right, unbiased from n >= k (Chen et al. 2021, arXiv:2107.03374, Eq. 1).

    None where fewer than k rollouts were decided. A rollout is right at a reward of 1.
    """
    decided = [reward for reward in rewards if reward is not None]
    n, right = len(decided), sum(reward >= 1 for reward in decided)
    if k < 1 or n < k:
        return None
    return 1 - math.comb(n - right, k) / math.comb(n, k)


def cons_at_k(answers: Sequence[int | str | None], rewards: Sequence[float | None], k: int) -> float | None:
    """The chance that the answer most of k rollouts agree on is right (self-consistency, arXiv:2203.11171).

    The mean over every k of the rollouts, or over 1,000 seeded draws of k where there are more. Answers that tie are
    each taken as often. A rollout without an answer votes for none; k of them agree on nothing right. An answer is as
    right as its decided rollouts are; votes won by one of which none is decided are left out. None for fewer than k
    rollouts, and where nothing is decided.
    """
    right: dict[int | str, float | None] = {}
    for answer in Counter(answer for answer in answers if answer is not None):
        decided = [r for given, r in zip(answers, rewards, strict=True) if given == answer and r is not None]
        right[answer] = sum(reward >= 1 for reward in decided) / len(decided) if decided else None
    found: list[float] = []
    for chosen in _subsets(len(answers), k):
        votes = Counter(vote for at in chosen if (vote := answers[at]) is not None)
        most = max(votes.values(), default=0)
        won = [right[answer] for answer, count in votes.items() if count == most]
        shares = [share for share in won if share is not None]
        if shares or not won:
            found.append(sum(shares) / len(shares) if shares else 0.0)
    return sum(found) / len(found) if found else None


def _subsets(n: int, k: int) -> Iterator[Sequence[int]]:
    """Every k of n places, or a seeded draw of so many of them."""
    if k < 1 or n < k:
        return
    if math.comb(n, k) <= SUBSETS:
        yield from itertools.combinations(range(n), k)
        return
    stream = random.Random(0)
    for _ in range(SUBSETS):
        yield stream.sample(range(n), k)


def majority(answers: Sequence[int | str | None]) -> int | None:
    """The index of the first rollout that gives the most common answer; None where no rollout gives one."""
    given = [answer for answer in answers if answer is not None]
    if not given:
        return None
    most = max(Counter(given).items(), key=lambda pair: (pair[1], -given.index(pair[0])))[0]
    return list(answers).index(most)


def tied(answers: Sequence[int | str | None]) -> bool:
    """Whether two answers are the most common."""
    counts = Counter(answer for answer in answers if answer is not None).most_common(2)
    return len(counts) == 2 and counts[0][1] == counts[1][1]


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float] | None:
    """The 95 % bootstrap interval of the mean over problems; None for fewer than two, which say nothing of others."""
    return bounds(resampled([values], seed)[0]) if len(values) > 1 else None


def resampled(columns: Sequence[ArrayLike], seed: int = 0) -> Means:
    """The mean of each column in 10,000 bootstrap draws of its rows, (columns, draws): rows are problems, and a draw
    takes the same ones of every column."""
    table = np.asarray(columns, dtype=np.float64)
    count = table.shape[1]
    stream = np.random.default_rng(seed)
    means = np.empty((table.shape[0], DRAWS))
    step = max(1, TOGETHER // count)
    for start in range(0, DRAWS, step):
        rows = stream.integers(0, count, (min(step, DRAWS - start), count))
        means[:, start : start + rows.shape[0]] = table[:, rows].mean(axis=2)
    return means


def bounds(draws: Means) -> tuple[float, float]:
    """What 95 % of the draws lie between."""
    ordered = np.sort(draws)
    return float(ordered[int(0.025 * draws.size)]), float(ordered[int(0.975 * draws.size) - 1])
