"""Seen: which of the problems stand in what a model was trained on.

In   the problems, and the datasets or files that the model was trained on
Out  for each problem of which 10 words in a row (question, options or reference solution) stand in a row that was
     trained on, the words; a shorter question is found where it is a row's question, or stands in one from 6 words on

The filter `contamination` keeps such rows out of a dataset, with the same n-grams (arXiv:2501.12948, D.1); here the
trained rows are read block by block, and what is found of them is kept for every evaluation on the same problems.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datafactory.errors import StageError, UserError
from datafactory.evaluating.scores import accuracy
from datafactory.evaluating.tries import Try
from datafactory.job import Job
from datafactory.sources import rows_of, shards_at
from datafactory.store import Dataset, dataset_at
from datafactory.tables import write_parquet
from filters import contamination
from filters._evaluation import QUESTIONS, SOLUTIONS, references, stamps
from filters._overlap import asked_whole, holders, matches

NGRAM = 10
SHOWN = 160  # characters
TOGETHER = 2000  # rows of a file that are looked at together
EXAMPLES = 5
SAID = ("reasoning", "response", "completion", "chosen", "rejected")
TURNS = ("messages", "prompt", "completion", "chosen", "rejected")  # that may be lists of {role, content}
FOUND = {"problem_id": pl.String, "evidence": pl.String}


def written(problems: Dataset, path: Path) -> Path:
    """The texts of the problems that a training set must not hold, one row per problem, at that path."""
    rows = [row for k in range(len(problems.shards)) for row in problems.read(k).iter_rows(named=True)]
    texts = [
        {
            "problem_id": row["problem_id"],
            "question": row["question"],
            "options": row.get("choices"),
            "solution": _solution(row),
        }
        for row in rows
    ]
    write_parquet(pl.DataFrame(texts, schema=dict.fromkeys(texts[0], pl.String)), path)
    return path


def _solution(row: Mapping[str, Any]) -> str | None:
    """The reference solution where the source has one, beside the answer."""
    meta = json.loads(row["meta"]) if row.get("meta") else {}
    found = next((meta[name] for name in SOLUTIONS if isinstance(meta.get(name), str)), None)
    return found or row.get("answer")


def seen(problems: Path, trained_on: Mapping[str, Path], job: Job, fingerprint: str) -> dict[str, str]:
    """The words under the id of each problem that one of these training sets holds; StageError for one without texts.

    fingerprint is that of the problems: what was found in a dataset is kept beside it for the next evaluation.
    """
    found: dict[str, str] = {}
    for name, place in trained_on.items():
        dataset = _dataset(place)
        look = partial(shared, problems, name)
        if dataset is None:
            tables = [look(rows) for rows in _blocks(place)]
        else:
            part = dataset.split("train") if "train" in dataset.splits else dataset
            kept = job.aside(
                "seen", [dataset.manifest["fingerprint"], fingerprint, NGRAM, contamination.VERSION], look, part
            )
            tables = [kept.read(k) for k in range(len(kept.shards))]
        for table in tables:
            found |= {key: words for key, words in table.iter_rows() if key not in found}
    return found


def told(found: Mapping[str, str], trained_on: Iterable[str], tried: Mapping[str, Try]) -> dict[str, Any]:
    """What is said beside a model's scores: how many problems its training sets hold, pass@1 without and of them."""
    within = [each for key, each in tried.items() if key in found]
    return {
        "trained_on": list(trained_on),
        "ngram": NGRAM,
        "problems": len(within),
        "share": len(within) / len(tried),
        "without": accuracy(each for key, each in tried.items() if key not in found),
        "of_them": accuracy(within),
        "examples": [{"problem_id": key, "words": found[key]} for key in tried if key in found][:EXAMPLES],
    }


def shared(problems: Path, name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """`problem_id` and `evidence` of each problem of which words stand in these rows; name is for people."""
    files = stamps((problems,))
    texts, asked = _texts(rows, name)
    words: dict[int, str] = {}
    for series in texts:
        for _, ways in matches(series, files, NGRAM):
            for way, match in ways.items():
                keys, first = np.unique(match.key, return_index=True)
                places, held = holders(way, keys, files, NGRAM)
                for place, at in zip(places.tolist(), first[np.searchsorted(keys, held)].tolist(), strict=True):
                    begun = int(match.word[at])
                    start, end = match.read.words.start[begun], match.read.words.end[begun + NGRAM - 1]
                    words.setdefault(place, match.read.scan.text(int(start), int(end))[:SHOWN])
    known = references(files)
    for series in asked:
        for place in asked_whole(series, files, NGRAM):
            if place is not None:
                words.setdefault(place, known[place].text[:SHOWN])
    owners = _owners(problems)
    found = {owner: said for place, said in words.items() for owner in owners.get(known[place].text, ())}
    return pl.DataFrame(list(found.items()), schema=FOUND, orient="row")


def _owners(problems: Path) -> dict[str, list[str]]:
    """The problems that have each text: two may have the same one."""
    owners: dict[str, list[str]] = {}
    for key, *texts in pl.read_parquet(problems).iter_rows():
        for text in texts:
            if text is not None:
                owners.setdefault(text, []).append(key)
    return owners


def _texts(rows: pl.DataFrame, name: str) -> tuple[list[pl.Series], list[pl.Series]]:
    """Every text of the rows that is trained on, and of these the questions."""
    texts: list[pl.Series] = []
    asked: list[pl.Series] = []
    for column in dict.fromkeys((*QUESTIONS, *SOLUTIONS, *SAID)):
        if rows.schema.get(column) == pl.String:
            texts.append(rows[column].drop_nulls())
            asked += texts[-1:] if column in QUESTIONS else []
    for column in TURNS:
        kind = rows.schema.get(column)
        if isinstance(kind, pl.List) and isinstance(kind.inner, pl.Struct):
            turns = rows.select(pl.col(column).explode().struct.unnest()).drop_nulls("content")
            texts.append(turns["content"])
            asked.append(turns.filter(pl.col("role") == "user")["content"])
    if not texts:
        named = ", ".join((*QUESTIONS, *SOLUTIONS, *SAID))
        raise StageError(f"trained_on: {name} has no text under any of {named}; it has {', '.join(rows.columns)}")
    return [series for series in texts if series.len()], [series for series in asked if series.len()]


def _dataset(place: Path) -> Dataset | None:
    """The dataset in a stage's folder or a published one; None for files."""
    try:
        return dataset_at(place) if place.is_dir() else None
    except UserError:
        return None


def _blocks(place: Path) -> Iterator[pl.DataFrame]:
    held: list[dict[str, Any]] = []
    wanted = {*QUESTIONS, *SOLUTIONS, *SAID, *TURNS}
    for file in shards_at(place):
        for _, row in rows_of(file):
            held.append({key: value for key, value in row.items() if key in wanted})
            if len(held) == TOGETHER:
                yield pl.DataFrame(held, infer_schema_length=None, strict=False)
                held = []
    if held:
        yield pl.DataFrame(held, infer_schema_length=None, strict=False)
