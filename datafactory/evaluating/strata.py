"""Strata: pass@1 by domain, by source and by difficulty, with intervals and counts.

Difficulty is a column of the problems, or a key of their `meta`, named `difficulty` or `level` or as the recipe says.
Where there is none, it is how often the first model solves the problem: hard below 0.25, easy from 0.75 (the bands of
the filter `difficulty`; a choice). That model's own scores then differ between the bands by the very choice of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datafactory.evaluating.scores import accuracy
from datafactory.evaluating.tries import Try

NAMES = ("difficulty", "level")
BANDS = ((0.25, "hard"), (0.75, "medium"), (1.0, "easy"))  # below 0.25, below 0.75, up to 1
MOST = 12  # values that are strata of their own; more numbers become thirds, of more texts the rarest are put together
OTHERS = "others"

Value = str | None


@dataclass(frozen=True)
class Strata:
    """Where a problem belongs: `by` says what parts them, `of` gives the stratum of each problem's id."""

    by: str
    of: Mapping[str, Value]
    order: tuple[Value, ...]


def strata(first: Mapping[str, Try], difficulty: str | None) -> dict[str, Strata]:
    """The strata of these problems under `domain`, `source` and `difficulty`; what has one value alone parts nothing.

    first is the first model's tries.
    """
    problems = {name: each.problem for name, each in first.items()}
    found = {name: _by(name, {key: row.get(name) for key, row in problems.items()}) for name in ("domain", "source")}
    found["difficulty"] = _difficulty(first, problems, difficulty)
    return {name: each for name, each in found.items() if len(each.order) > 1}


def by_stratum(tried: Mapping[str, Try], parts: Mapping[str, Strata]) -> dict[str, list[dict[str, Any]]]:
    """For each way to part them, pass@1 of each stratum: `value`, `pass@1`, `interval`, `problems`."""
    return {
        name: [
            {"value": value, **accuracy(each for key, each in tried.items() if part.of.get(key) == value)}
            for value in part.order
        ]
        for name, part in parts.items()
    }


def known(problems: Iterable[Mapping[str, Any]], difficulty: str) -> bool:
    """Whether one of the problems tells its difficulty under that name."""
    return any(_read(row, difficulty) is not None for row in problems)


def _difficulty(first: Mapping[str, Try], problems: Mapping[str, Mapping[str, Any]], given: str | None) -> Strata:
    for name in (given,) if given else NAMES:
        values = {key: _read(row, name) for key, row in problems.items()}
        if any(value is not None for value in values.values()):
            return _by(name, values)
    bands = {key: None if each.mean is None else _band(each.mean) for key, each in first.items()}
    there = set(bands.values())
    order = [*(name for _, name in BANDS), None]  # None: the first model was not decided on it
    return Strata("pass rate of the first model", bands, tuple(name for name in order if name in there))


def _read(row: Mapping[str, Any], name: str) -> Any:
    value = row.get(name)
    if value is None:
        meta = json.loads(row["meta"]) if row.get("meta") else {}
        value = meta.get(name) if isinstance(meta, dict) else None
    return value if isinstance(value, str | int | float) else None


def _band(rate: float) -> str:
    return next(name for below, name in BANDS if rate < below or name == BANDS[-1][1])


def _by(name: str, values: Mapping[str, Any]) -> Strata:
    known = [value for value in values.values() if value is not None]
    if len(set(known)) > MOST and all(isinstance(value, int | float) for value in known):
        return _thirds(name, values, known)
    counts = {value: known.count(value) for value in set(known)}
    kept = sorted(counts, key=lambda value: -counts[value])[: MOST if len(counts) <= MOST else MOST - 1]

    def spelled(value: Any) -> Value:
        return None if value is None else _written(value) if value in kept else OTHERS

    of = {key: spelled(value) for key, value in values.items()}
    order = list(dict.fromkeys(_written(value) for value in sorted(kept, key=_ordered)))
    order += [OTHERS] if len(kept) < len(counts) else []
    return Strata(name, of, (*order, *([None] if len(known) < len(values) else [])))


def _written(value: Any) -> str:
    """2 and 2.0, which are one value, are written as one."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _ordered(value: Any) -> tuple[bool, float, str]:
    number = isinstance(value, int | float)
    return not number, float(value) if number else 0.0, str(value)


def _thirds(name: str, values: Mapping[str, Any], known: Sequence[float]) -> Strata:
    """Three strata of about as many problems, named by their least and greatest value."""
    low, high = (float(edge) for edge in np.quantile(known, (1 / 3, 2 / 3), method="lower"))
    rules: list[Callable[[float], bool]] = [lambda v: v <= low, lambda v: low < v <= high, lambda v: v > high]
    named: dict[int, str] = {}
    for place, rule in enumerate(rules):
        inside = [value for value in known if rule(value)]
        if inside:
            named[place] = f"{min(inside):g} to {max(inside):g}"

    def spelled(value: Any) -> Value:
        return None if value is None else named[next(place for place, rule in enumerate(rules) if rule(value))]

    of = {key: spelled(value) for key, value in values.items()}
    return Strata(name, of, (*named.values(), *([None] if len(known) < len(values) else [])))
