"""How often a reward model is right on what was held out, with 95 % intervals of a bootstrap over prompts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.groups import bounds

DRAWS = 1000
TOGETHER = 1 << 24  # weights that are held at a time

Array = NDArray[np.float64]


def of_pairs(chosen: Sequence[float], rejected: Sequence[float], prompts: Sequence[int]) -> dict[str, Any]:
    """accuracy is the share of pairs whose chosen answer scores above the rejected; margin is by how much on the mean.

    Nothing of no pair. Pairs of one prompt are drawn together: they are not independent.
    """
    if not prompts:
        return {"validation_rows": 0}
    margins = np.asarray(chosen, dtype=np.float64) - np.asarray(rejected, dtype=np.float64)
    right = (margins > 0).astype(np.float64)
    return {
        **_about([*chosen, *rejected], prompts),
        "validation_accuracy": float(right.mean()),
        "validation_interval": bounds(_shares(right, prompts)),
        "validation_margin": float(margins.mean()),
    }


def of_labels(scores: Sequence[float], labels: Sequence[float], prompts: Sequence[int]) -> dict[str, Any]:
    """accuracy of taking answers that score above 0 (a chance of one half) for good; good is the share that are.

    auroc is the chance that a good answer scores above one that is not, a tie counting half; None without both.
    """
    if not prompts:
        return {"validation_rows": 0}
    found, truth = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    right = ((found > 0) == (truth > 0.5)).astype(np.float64)
    drawn = np.concatenate([_auroc(found, truth, weights) for weights in _weights(prompts)])
    drawn = drawn[~np.isnan(drawn)]  # a draw of one kind alone
    area = float(_auroc(found, truth, np.ones((1, len(found))))[0])
    return {
        **_about(scores, prompts),
        "validation_accuracy": float(right.mean()),
        "validation_interval": bounds(_shares(right, prompts)),
        "validation_good": float(truth.mean()),
        "validation_auroc": None if np.isnan(area) else area,
        "validation_auroc_interval": bounds(drawn) if drawn.size and not np.isnan(area) else None,
    }


def _about(scores: Sequence[float], prompts: Sequence[int]) -> dict[str, Any]:
    return {
        "validation_rows": len(prompts),
        "validation_prompts": len(set(prompts)),
        "score_mean": float(np.mean(scores)),
        "score_std": float(np.std(scores)),
    }


def _shares(right: Array, prompts: Sequence[int]) -> Array:
    return np.concatenate([weights @ right / weights.sum(axis=1) for weights in _weights(prompts)])


def _weights(prompts: Sequence[int]) -> Iterator[Array]:
    """How often each row is drawn, draws of prompts by rows."""
    names, which = np.unique(np.asarray(prompts, dtype=np.uint64), return_inverse=True)
    stream = np.random.default_rng(0)
    step = max(1, min(DRAWS, TOGETHER // len(prompts)))
    for start in range(0, DRAWS, step):
        count = min(step, DRAWS - start)
        drawn = stream.multinomial(len(names), np.full(len(names), 1 / len(names)), size=count)
        yield drawn[:, which].astype(np.float64)


def _auroc(scores: Array, truth: Array, weights: Array) -> Array:
    """Of each draw of weights; nan where a draw has one kind alone."""
    levels, which = np.unique(scores, return_inverse=True)
    order = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[order], np.arange(len(levels)))
    good, bad = (np.add.reduceat((weights * kind)[:, order], starts, axis=1) for kind in (truth, 1 - truth))
    below = np.cumsum(bad, axis=1) - bad / 2
    both = good.sum(axis=1) * bad.sum(axis=1)
    return np.divide((good * below).sum(axis=1), both, out=np.full(len(both), np.nan), where=both > 0)
