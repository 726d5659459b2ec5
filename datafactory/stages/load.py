"""Load: problems, or finished question-and-answer rows, from files, datasets or reasoning-gym.

In   a file (JSONL, Parquet, CSV), a folder of them, a `datasets` dataset, or a reasoning-gym dataset
Out  problem_id, question, answer, choices, tests, domain, source, license, meta; history when that names a column;
     and the completion columns when `response` names a column
Drop rows without a question, exact duplicates, and with `with` problems whose gold answer its verifiers cannot grade

Columns that are not mapped stay in `meta` as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from datafactory.check import Check
from datafactory.config import file, folder_of, runtime
from datafactory.errors import DatafactoryError, StageError, did_you_mean
from datafactory.gold import demand_gold, grade
from datafactory.job import Job, parted
from datafactory.keys import Keys
from datafactory.mapping import OWN, Column, Columns, mapped, unfit
from datafactory.options import shuffled
from datafactory.settings import Verifiers, located
from datafactory.sources import Row, columns_of, files_at, rows_of, rows_of_dataset, rows_of_gym
from datafactory.tables import frame
from datafactory.types import COMPLETION_COLUMNS, PROBLEM_COLUMNS, trace_id

VERSION = 3


def _files(value: Any, info: ValidationInfo) -> tuple[Path, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError("should be a path or a list of paths")
    return tuple(path for name in names for path in files_at(located(name, info)))


def _dataset(value: Any, info: ValidationInfo) -> Any:
    """A folder where there is one, else a hub id as it is."""
    if not isinstance(value, str):
        return value
    local = value.startswith((".", "/", "~")) or (folder_of(info) / value).is_dir()
    return located(value, info).resolve() if local else value


class Config(Columns):
    path: Annotated[tuple[Path, ...], BeforeValidator(_files)] | None = file(None, named=True)
    """A JSONL, Parquet or CSV file, a folder of them, or a list; from the recipe's folder."""
    dataset: Annotated[str | Path, BeforeValidator(_dataset)] | None = file(None)
    """A folder or hub id that `datasets.load_dataset` understands; a folder is sought from the recipe's."""
    subset: str | None = None
    """The dataset's configuration, where it has several."""
    split: str = "train"
    """Which of the dataset's splits."""
    revision: str | None = None
    """A branch, tag or commit of a hub dataset."""
    reasoning_gym: str | None = None
    """The name of a reasoning-gym dataset."""
    options: dict[str, Any] = Field(default_factory=dict)
    """The reasoning-gym dataset's own settings, under its own names."""
    size: int = Field(100, ge=1)
    """How many reasoning-gym problems."""
    seed: int | None = None
    """Of the reasoning-gym problems and of shuffled options; the recipe's by default. Another seed gives other problems
    (a held-out set)."""
    skip: int = Field(0, ge=0)
    """Rows of the source to pass over, so that two stages can share a file."""
    limit: int | None = Field(None, ge=1)
    """At most so many rows of the source."""
    shuffle_choices: bool = False
    """Put the options in an order that depends on the seed and the problem alone; the gold letter follows. Options of
    which one speaks of the others, as "all of the above" does, keep theirs."""
    verifiers: Verifiers = Field((), alias="with")
    """Verifiers that grade each gold answer against itself before a token is spent."""
    max_errors: float = runtime(0.05, ge=0, le=1)
    """The share of gold answers whose check may end in a timeout or an error before the stage fails."""
    rows_per_shard: int = Field(1000, ge=1)
    """Problems per shard: what one worker takes at a time, in this stage and those that follow."""

    @model_validator(mode="after")
    def _one_source(self) -> Config:
        given = [name for name in ("path", "dataset", "reasoning_gym") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"needs exactly one of path, dataset, reasoning_gym; it has {' and '.join(given) or 'none'}"
            )
        return self


def columns(config: Config, check: Check) -> list[str]:
    found = _source_columns(config, check)
    if found is not None:
        for key in ("question", "answer", "response", "reasoning", "choices", "tests", "history"):
            given = getattr(config, key)
            if key == "question" and config.history is not None and "question" not in config.model_fields_set:
                continue  # the last turn of the conversation
            for name in given if isinstance(given, tuple) else (given,):
                if name is None or name in found:
                    continue
                have = ", ".join(found[:24])
                hint = did_you_mean(name, found) if len(found) > 24 else _near(name, found)
                check.wrong((key,), f"the source has no column '{name}'.{hint} It has: {have}.")
        for key in OWN:
            value = getattr(config, key)
            if isinstance(value, Column):
                check.column(found, value.column, key, "column")
    if config.reasoning is not None and config.response is None:
        check.wrong(("reasoning",), "needs `response` too: thinking without a response is no completion")
    if config.shuffle_choices and config.response is not None:
        check.wrong(("shuffle_choices",), "the responses of `response` name the options in the order they are in")
    if config.shuffle_choices and config.choices is None:
        check.wrong(("shuffle_choices",), "needs `choices`, the column that holds the options")
    return _made(config)


def _made(config: Config) -> list[str]:
    """The columns of the output."""
    history = ("history",) if config.history else ()
    return [*PROBLEM_COLUMNS, *history, *(COMPLETION_COLUMNS if config.response else ())]


def _near(name: str, known: list[str]) -> str:
    hint = did_you_mean(name, known)
    return hint if hint.startswith(" Did you mean") else ""


def _source_columns(config: Config, check: Check) -> list[str] | None:
    """The columns of the source, None where only loading it would tell."""
    if config.reasoning_gym is not None:
        _check_gym(config, check)
        return ["question", "answer", "metadata", "config", "reasoning_gym"]
    found: dict[str, None] = {}
    for path in config.path or ():
        try:
            found.update(dict.fromkeys(columns_of(path)))
        except DatafactoryError as error:
            check.wrong(("path",), str(error))
            return None
    return list(found) if config.path and found else None


def _check_gym(config: Config, check: Check) -> None:
    import reasoning_gym
    from reasoning_gym.factory import DATASETS

    assert config.reasoning_gym is not None
    if config.reasoning_gym not in DATASETS:
        hint = _near(config.reasoning_gym, list(DATASETS))
        check.wrong(("reasoning_gym",), f"reasoning-gym has no dataset '{config.reasoning_gym}'.{hint}")
        return
    try:
        reasoning_gym.create_dataset(config.reasoning_gym, size=1, seed=0, **config.options)
    except (TypeError, ValueError, AssertionError) as error:
        check.wrong(("options",), f"{config.reasoning_gym} does not take these: {error}")


def run(config: Config, job: Job) -> None:
    seen = Keys()
    found = islice(_read(config), config.skip, None if config.limit is None else config.skip + config.limit)
    rows = ((place, mapped(config, place, row, _origin(config, place))) for place, row in found)
    for k, chunk in enumerate(_chunks(_grouped(rows) if config.response else rows, config.rows_per_shard)):
        problems = [row for _, row in chunk]
        reasons = [unfit(row, seen) for row in problems]
        if config.shuffle_choices:
            problems = [shuffled(row, config.seed or 0) for row in problems]
        if not job.draft.has(k):
            evidence: list[str | None] = [place for place, _ in chunk]
            grade(config.verifiers, problems, reasons, evidence)
            table = frame(problems, _made(config))
            split = parted(table, reasons, evidence)
            job.draft.write(k, split.kept, split.dropped)
        job.progress.advance(rows=len(chunk))
    demand_gold(config.verifiers, job.draft, config.max_errors)
    if not len(seen):
        raise StageError("the source has no row with a question")


def _grouped(rows: Iterator[tuple[str, Row]]) -> Iterator[tuple[str, Row]]:
    """Finished answers with those to the same question together, numbered as its rollouts; held in memory."""
    groups: dict[str, list[tuple[str, Row]]] = {}
    for place, row in rows:
        group = groups.setdefault(row["problem_id"], [])
        named = trace_id(row["problem_id"], len(group), row.get("reasoning"), row["response"])
        group.append((place, {**row, "rollout": len(group), "trace_id": named}))
    for group in groups.values():
        yield from group


def _chunks(rows: Iterator[tuple[str, Row]], size: int) -> Iterator[list[tuple[str, Row]]]:
    """`size` rows at a time, and more where a group would be parted."""
    chunk = list(islice(rows, size))
    for place, row in rows:
        if row["problem_id"] != chunk[-1][1]["problem_id"] and len(chunk) >= size:
            yield chunk
            chunk = []
        chunk.append((place, row))
    if chunk:
        yield chunk


def _read(config: Config) -> Iterator[tuple[str, Row]]:
    if config.path is not None:
        for path in config.path:
            yield from rows_of(path)
    elif config.dataset is not None:
        yield from rows_of_dataset(str(config.dataset), config.subset, config.split, config.revision)
    else:
        assert config.reasoning_gym is not None
        yield from rows_of_gym(config.reasoning_gym, config.options, config.size, config.seed or 0)


def _origin(config: Config, place: str) -> str:
    if config.path is not None:
        return Path(place.rpartition(":")[0] or place).name.partition("#")[0]
    if config.dataset is not None:
        return Path(config.dataset).name if isinstance(config.dataset, Path) else config.dataset
    return f"reasoning_gym/{config.reasoning_gym}"
