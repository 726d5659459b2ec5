"""Rows, written as finished datasets, and merges of them by the stage itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.fingerprint import digest
from datafactory.job import Job
from datafactory.progress import Progress
from datafactory.stages import merge
from datafactory.store import Dataset, Draft, locked
from datafactory.tables import frame
from datafactory.types import COLUMNS, problem_id, trace_id

Row = dict[str, Any]


def rows(domain: str | None, problems: int, each: int = 1, **further: Any) -> list[Row]:
    """Rollouts of problems whose texts name their domain, problem and rollout."""
    return [
        row(f"{domain} {number}?", rollout, domain, **further) for number in range(problems) for rollout in range(each)
    ]


def row(question: str, rollout: int = 0, domain: str | None = "math", **further: Any) -> Row:
    answer = further.pop("answer", "7")
    found = {
        "question": question,
        "answer": answer,
        "problem_id": problem_id(question, answer),
        "domain": domain,
        "source": "made",
        "rollout": rollout,
        "reasoning": f"{question} I think of {rollout}.",
        "response": f"{question} It is {rollout}.",
        **further,
    }
    return {**found, "trace_id": trace_id(found["problem_id"], rollout, found["reasoning"], found["response"])}


def dataset(folder: Path, table: list[Row] | pl.DataFrame, shards: int = 2, history: bool = False) -> Dataset:
    """The rows as a finished stage has them, problems whole."""
    if not isinstance(table, pl.DataFrame):
        names = [*COLUMNS, *(["history"] if history else [])]
        extra = {name: [each.get(name) for each in table] for name in (table[0] if table else {}) if name not in names}
        table = frame(table, names).with_columns(**{name: pl.Series(values) for name, values in extra.items()})
    draft, start = Draft(folder), 0
    for k in range(shards):
        end = table.height if k == shards - 1 else max(start, table.height * (k + 1) // shards)
        while 0 < end < table.height and table["problem_id"][end] == table["problem_id"][end - 1]:
            end += 1
        draft.write(k, table[start:end])
        start = end
    told = digest([table.hash_rows().to_list(), folder.name])
    return draft.finish(shards, {"stage": "made", "fingerprint": told, "counts": {}})


def merged(folder: Path, sources: dict[str, Dataset], **settings: Any) -> Dataset:
    """What the stage makes of them."""
    config = merge.Config.model_validate({"from": list(sources), "seed": 0, **settings}, context={"folder": folder})
    with Progress() as progress:
        job = Job(Draft(folder), folder.parent / "store", progress.stage("merge"), inputs=sources)
        with locked(folder):
            merge.run(config, job)
        count = len(list(folder.glob("shard-*.parquet")))
        counts, splits = merge.summary(config, job.draft), merge.splits(config, job.draft)
        return job.draft.finish(count, {"stage": "merge", "fingerprint": "f", "counts": counts, "splits": splits})


def table(made: Dataset) -> pl.DataFrame:
    return pl.concat([made.read(k) for k in range(len(made.shards))])


def rejected(made: Dataset) -> pl.DataFrame:
    tables = [part for k in range(len(made.shards)) if (part := made.rejected(k)) is not None]
    return pl.concat(tables) if tables else pl.DataFrame()


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("*.parquet")):
        yield path.name, path.read_bytes()
