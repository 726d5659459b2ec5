"""Advantages: how much better each rollout of a group is than the group, which is what GRPO learns from. Pure.

A reward of None was not decided, and is left out; it never counts as 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

SAME = 1e-6  # rewards that differ by no more are equal: what adding up in another order leaves is no difference


def advantages(rewards: Sequence[float | None], divided: bool = True) -> list[float | None]:
    """(r - mean) / std of each reward of a group (DeepSeekMath, arXiv:2402.03300, 4.1.2), None for one not decided.

    The deviation is that of the group itself, over n and not n - 1: the paper's std is of the set {r1 ... rG}, not an
    estimate from a sample of it. Nothing is added to it. A group whose rewards are all equal, or of which one alone was
    decided, tells nothing: 0. Not `divided` it is r - mean (Dr. GRPO, arXiv:2503.20783).
    """
    decided = [reward for reward in rewards if reward is not None]
    if not telling(rewards):
        return [None if reward is None else 0.0 for reward in rewards]
    mean = math.fsum(decided) / len(decided)
    scale = math.sqrt(math.fsum((reward - mean) ** 2 for reward in decided) / len(decided)) if divided else 1.0
    return [None if reward is None else (reward - mean) / scale for reward in rewards]


def telling(rewards: Sequence[float | None]) -> bool:
    """Whether two rewards of a group differ, so that one rollout can be told from another."""
    decided = [reward for reward in rewards if reward is not None]
    return bool(decided) and max(decided) - min(decided) > SAME
