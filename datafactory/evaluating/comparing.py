"""Comparing: every two models on the problems that both were decided on.

The problems are the same, so the comparison is paired: a draw of the bootstrap takes the same problems of both, and
what makes a problem hard for both cancels. Intervals of two models may overlap where the paired difference is sure.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from datafactory.evaluating.tries import Try
from datafactory.groups import DRAWS, TOGETHER, Means, bounds, resampled

KEYS = ("difference", "interval", "p", "ratio", "ratio_interval", "wins", "losses", "ties")


def comparisons(models: Mapping[str, Mapping[str, Try]]) -> list[dict[str, Any]]:
    """Each later model against each earlier one, in the order of the recipe."""
    return [
        {"model": later, "against": earlier, **compared(models[later], models[earlier])}
        for earlier, later in combinations(models, 2)
    ]


def compared(ours: Mapping[str, Try], theirs: Mapping[str, Try]) -> dict[str, Any]:
    """The difference and the ratio of pass@1 with their 95 % intervals, over the problems decided in both.

    p is that of a two-sided test which flips the sign of each problem's difference at random: how often models that do
    not differ come out this far apart. wins, losses and ties count problems. left_out counts those that were not
    decided in one of the two. A ratio and its bounds are None where the other model solves nothing; intervals of one
    problem are None.
    """
    pairs = [(ours[name].mean, theirs[name].mean) for name in ours]
    both = [(mine, other) for mine, other in pairs if mine is not None and other is not None]
    found: dict[str, Any] = {"problems": len(both), "left_out": len(pairs) - len(both)}
    if not both:
        return found | dict.fromkeys(KEYS)
    mine, other = (np.array(column) for column in zip(*both, strict=True))
    ahead = mine - other
    draws = resampled([mine, other])
    told: tuple[Any, ...] = (
        float(ahead.mean()),
        list(bounds(draws[0] - draws[1])) if len(both) > 1 else None,
        _chance(ahead),
        _finite(mine.mean() / other.mean() if other.any() else np.inf),
        _ratio_interval(draws) if len(both) > 1 else None,
        *(int(count.sum()) for count in (ahead > 0, ahead < 0, ahead == 0)),
    )
    return found | dict(zip(KEYS, told, strict=True))


def _chance(ahead: Means) -> float:
    """Of the mean of these differences under random signs, seeded; the signs as they are are one of the draws."""
    stream = np.random.default_rng(0)
    far = 1
    step = max(1, TOGETHER // ahead.size)
    for start in range(0, DRAWS, step):
        signs = stream.choice((-1.0, 1.0), (min(step, DRAWS - start), ahead.size))
        far += int((np.abs(signs @ ahead) >= abs(ahead.sum()) - 1e-9).sum())
    return far / (DRAWS + 1)


def _ratio_interval(draws: Means) -> list[float | None]:
    mine, other = draws
    ratios = np.divide(mine, other, out=np.full(mine.size, np.inf), where=other > 0)
    return [_finite(end) for end in bounds(ratios)]


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
