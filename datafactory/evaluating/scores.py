"""Scores: pass@k, cons@k and what else is counted of one model's verified rollouts, each with its 95 % interval.

pass@1 is the mean over a problem's rollouts, then over problems. A problem of which too little was decided for a score
is left out of that score and counted; it never counts as 0. Intervals are bootstraps over problems.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl

from datafactory.evaluating.tries import Try, tries
from datafactory.groups import cons_at_k, interval, pass_at_k
from datafactory.plugins import Use

Rule = Callable[[Try], float | None]


def of_model(
    rows: pl.DataFrame, tried: Mapping[str, Try], verifiers: Sequence[Use], ks: Sequence[int]
) -> dict[str, Any]:
    """All scores of one model, whose tries are those of the first verifier.

    Each score stands under its name, and its interval under the same name in `intervals`, beside `problems`,
    `rollouts` and the mean `completion_tokens`.
    undecided counts rollouts that the first verifier could not decide, undecided_problems those of which it decided
    none; truncated is the share of the rollouts that reached max_tokens, which count as they were verified.
    """
    first, *others = [use.name for use in verifiers]
    rules: dict[str, Rule] = {"pass@1": _mean}
    rules |= {f"pass@{k}": partial(_passed, k=k) for k in ks if k > 1}
    rules |= {f"cons@{k}": partial(_agreed, k=k) for k in ks if k > 1}
    found = counted(tried.values(), rules)
    for name in others:
        also = counted(tries(rows, name).values(), {name: _mean})
        found[name] = also[name]
        found["intervals"] |= also["intervals"]
    return {
        "problems": len(tried),
        "rollouts": rows.height,
        **found,
        "undecided": rows[first].null_count(),
        "undecided_problems": sum(each.mean is None for each in tried.values()),
        "truncated": rows.filter(pl.col("finish_reason") == "length").height / max(rows.height, 1),
        "completion_tokens": rows["completion_tokens"].mean(),
    }


def counted(tried: Iterable[Try], rules: Mapping[str, Rule]) -> dict[str, Any]:
    """The mean of each rule over the problems where it is defined, None where there is none, and `intervals`."""
    tried = list(tried)
    found: dict[str, Any] = {}
    intervals: dict[str, list[float] | None] = {}
    for name, rule in rules.items():
        values = [value for each in tried if (value := rule(each)) is not None]
        found[name] = sum(values) / len(values) if values else None
        within = interval(values)
        intervals[name] = list(within) if within else None
    return {**found, "intervals": intervals}


def accuracy(tried: Iterable[Try]) -> dict[str, Any]:
    """pass@1 of some problems, its interval, and of how many problems."""
    values = [each.mean for each in tried if each.mean is not None]
    within = interval(values)
    return {
        "pass@1": sum(values) / len(values) if values else None,
        "interval": list(within) if within else None,
        "problems": len(values),
    }


def _mean(each: Try) -> float | None:
    return each.mean


def _passed(each: Try, k: int) -> float | None:
    return pass_at_k(each.rewards, k)


def _agreed(each: Try, k: int) -> float | None:
    if each.votes is None:
        return None
    return cons_at_k([label for label, _ in each.votes], [reward for _, reward in each.votes], k)
