"""Numbers over a group, the rollouts of one problem: pass@k, maj@k, intervals. Pure.

A reward of None was not decided, and is left out; it never counts as 0.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence


def pass_at_k(rewards: Sequence[float | None], k: int) -> float | None:
    """The chance that one of k rollouts is right, unbiased from n >= k (Chen et al. 2021, arXiv:2107.03374, Eq. 1).

    None where fewer than k rollouts were decided. A rollout is right at a reward of 1.
    """
    decided = [reward for reward in rewards if reward is not None]
    n, right = len(decided), sum(reward >= 1 for reward in decided)
    if k < 1 or n < k:
        return None
    return 1 - math.comb(n - right, k) / math.comb(n, k)


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


def interval(values: Sequence[float], seed: int = 0, draws: int = 2000) -> tuple[float, float] | None:
    """The 95 % bootstrap interval of the mean over problems; None for no problem."""
    if not values:
        return None
    stream = random.Random(seed)
    means = sorted(sum(stream.choices(values, k=len(values))) / len(values) for _ in range(draws))
    return means[int(0.025 * draws)], means[int(0.975 * draws) - 1]
