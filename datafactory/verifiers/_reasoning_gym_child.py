"""What the reasoning_gym verifier runs behind the process boundary: the only file of it that imports reasoning-gym.

In   the name of a dataset and its settings, an entry of it, the answers to score
Out  the best score that reasoning-gym's own scorer gives to one of the answers; raises when it raises on all of them
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import reasoning_gym
from reasoning_gym.dataset import ProceduralDataset

TUPLES = ("arc_agi", "rearc")  # their scorers compare tuples, which JSON gives back as lists


def score(name: str, settings: str, entry: dict[str, Any], answers: list[str]) -> float:
    if name in TUPLES:
        entry = _with_tuples(entry)
    dataset = _dataset(name, settings)
    scores, faults = [], []
    for answer in answers:
        try:
            scores.append(float(dataset.score_answer(answer, entry)))
        except Exception as error:
            faults.append(error)
    if not scores:
        raise faults[-1]
    return max(scores)


@lru_cache(maxsize=32)
def _dataset(name: str, settings: str) -> ProceduralDataset:
    return reasoning_gym.create_dataset(name, **json.loads(settings))


def _with_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_tuples(inner) for key, inner in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value
