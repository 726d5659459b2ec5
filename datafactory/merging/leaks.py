"""Leaks: what stands in both splits of a dataset, counted over its files."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from datafactory.merging.keys import leak
from datafactory.store import Dataset

QUESTION = ("problem", "question")  # its name in a published row, and in a rollout's


@dataclass(frozen=True)
class Leaks:
    """How many problem ids, and how many questions with case, spaces and punctuation folded, stand in both splits."""

    problems: int
    questions: int


def leaks(dataset: Dataset, one: str = "train", other: str = "validation") -> Leaks:
    """What two splits of a dataset share; nothing where it has but one of them."""
    if not {one, other} <= set(dataset.splits):
        return Leaks(0, 0)
    ours, theirs = _held(dataset.split(one)), _held(dataset.split(other))
    return Leaks(len(ours[0] & theirs[0]), len(ours[1] & theirs[1]))


def _held(split: Dataset) -> tuple[set[int], set[int]]:
    """The problem ids of a split and its folded questions, a number for each."""
    problems: set[int] = set()
    questions: set[int] = set()
    name = next(name for name in QUESTION if name in split.columns)
    for shard in split.shards:
        table = pl.read_parquet(split.folder / shard["file"], columns=["problem_id", name]).unique()
        problems |= {leak(problem) for problem in table["problem_id"].drop_nulls()}
        questions |= {leak(question) for question in table[name].drop_nulls()}
    return problems, questions
