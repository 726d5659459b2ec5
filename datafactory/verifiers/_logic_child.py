"""What the logic verifier runs behind the process boundary: the only file of it that imports reasoning-gym.

In   the name of a dataset and its settings, an entry of it, the answers to score
Out  {"score": the best score that reasoning-gym's own scorer gives to one of the answers, "fault": why it gave none};
     raises when the scorer raises and would on a sound answer too
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import reasoning_gym
from reasoning_gym.dataset import ProceduralDataset

TUPLES = ("arc_agi", "rearc")  # their scorers compare tuples, which JSON gives back as lists
NONSENSE = "\u2603"  # answers no puzzle; the scorer of game_of_life_halting gives 1 to whatever lacks the word "true"
PROBES = ("", "none", "{}")  # what a scorer that works can be asked where there is no gold answer


def score(name: str, settings: str, entry: dict[str, Any], answers: list[str]) -> dict[str, Any]:
    dataset, entry = _opened(name, settings, entry)
    scores, faults = [], []
    for answer in answers:
        try:
            scores.append(_scored(dataset, answer, entry))
        except MemoryError:
            raise
        except Exception as error:
            faults.append(error)
    if scores:
        return {"score": max(scores), "fault": None}
    if not _works(dataset, entry):
        raise faults[-1]
    return {"score": 0.0, "fault": f"{type(faults[-1]).__name__}: {faults[-1]}"[:200]}


def gradable(name: str, settings: str, entry: dict[str, Any]) -> bool:
    """Whether the scorer accepts the gold answer; where there is none, whether it scores anything at all."""
    return _works(*_opened(name, settings, entry))


def _opened(name: str, settings: str, entry: dict[str, Any]) -> tuple[ProceduralDataset, dict[str, Any]]:
    return _dataset(name, settings), _with_tuples(entry) if name in TUPLES else entry


@lru_cache(maxsize=32)
def _dataset(name: str, settings: str) -> ProceduralDataset:
    return reasoning_gym.create_dataset(name, **json.loads(settings))


def _scored(dataset: ProceduralDataset, answer: str, entry: dict[str, Any]) -> float:
    score = float(dataset.score_answer(answer, entry))
    gold = entry["answer"]
    if score >= 1 and gold is not None and answer.strip() != gold.strip() and _accepts(dataset, NONSENSE, entry):
        return 0.0  # then its word says nothing
    return score


def _accepts(dataset: ProceduralDataset, answer: str, entry: dict[str, Any]) -> bool:
    try:
        return float(dataset.score_answer(answer, entry)) >= 1
    except MemoryError:
        raise
    except Exception:  # a scorer raises what it will on an answer that it does not accept
        return False


def _works(dataset: ProceduralDataset, entry: dict[str, Any]) -> bool:
    if entry["answer"] is not None:
        return _accepts(dataset, entry["answer"], entry)
    for probe in PROBES:
        try:
            dataset.score_answer(probe, entry)
            return True
        except MemoryError:
            raise
        except Exception:  # this probe is none of its answers; another may be
            continue
    return False


def _with_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_tuples(inner) for key, inner in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value
