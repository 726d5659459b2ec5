"""Leaks: whether the rows of a merge repeat themselves, and whether a validation problem stands in what is trained on.

Looked up in the rows themselves, a shard at a time; nothing is taken from what the merge says of itself. A question is
compared without case, spaces and punctuation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from datafactory.store import Dataset

TRAIN = "train"


@dataclass(frozen=True)
class Leaks:
    """rows, problems   of each split
    repeated            rows that stand more than once though they are no copies asked for; None where rows have no id
    shared_problems     problem ids that stand in train and in another split
    shared_questions    questions that do
    """

    rows: dict[str, int]
    problems: dict[str, int]
    repeated: int | None
    shared_problems: int
    shared_questions: int

    @property
    def split(self) -> bool:
        return len(self.rows) > 1


def leaks(dataset: Dataset) -> Leaks:
    """What its splits share; a foreign dataset has its questions in `question`."""
    splits = {name: dataset.split(name) for name, files in dataset.splits.items() if files}
    paths = {name: [part.folder / shard["file"] for shard in part.shards] for name, part in splits.items()}
    names = dataset.columns
    ids = {name: _different(files, pl.col("problem_id").hash(0)) for name, files in paths.items()}
    asked = _question("problem" if "problem" in names else "question")
    apart = [name for name in paths if name != TRAIN]
    shared = questions = 0
    if apart and TRAIN in paths:
        shared = int(ids[TRAIN].is_in(pl.concat([ids[name] for name in apart]).implode()).sum())
        there = pl.concat([_different(paths[name], asked) for name in apart])
        found = [
            known.filter(known.is_in(there.implode())) for known in (_different([path], asked) for path in paths[TRAIN])
        ]
        questions = pl.concat(found).n_unique()
    return Leaks(
        rows={name: part.rows for name, part in splits.items()},
        problems={name: found.len() for name, found in ids.items()},
        repeated=_repeated(dataset, names),
        shared_problems=shared,
        shared_questions=questions,
    )


def _different(paths: list[Path], hashed: pl.Expr) -> pl.Series:
    return pl.scan_parquet(paths).select(hashed.unique()).collect(engine="streaming").to_series()


def _question(column: str) -> pl.Expr:
    text = pl.col(column).fill_null("").str.to_lowercase()
    folded = text.str.replace_all(r"[\W_]+", "")
    return pl.when(folded == "").then(text).otherwise(folded).hash(0)  # signs alone are a question too


def _repeated(dataset: Dataset, names: list[str]) -> int | None:
    if "trace_id" not in names:
        return None
    key = [name for name in ("trace_id", "copy") if name in names]
    table = dataset.scan().filter(pl.col("trace_id").is_not_null())
    whole = (
        table.select(pl.len(), pl.struct(key).hash(0).n_unique().alias("different")).collect(engine="streaming").row(0)
    )
    return int(whole[0] - whole[1])
