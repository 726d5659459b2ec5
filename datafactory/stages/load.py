"""Load: problems, or finished question-and-answer rows, from files, datasets or reasoning-gym.

In   a file (JSONL, Parquet, CSV), a folder of them, a `datasets` dataset, or a reasoning-gym dataset
Out  problem_id, question, answer, choices, tests, domain, source, license, meta; and the completion columns when
     `response` names a column
Drop rows without a question, exact duplicates, and with `with` problems whose gold answer its verifiers cannot grade

Columns that are not mapped stay in `meta` as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from datafactory.check import Check
from datafactory.config import Base, file
from datafactory.errors import DatafactoryError, StageError, did_you_mean
from datafactory.job import Job, parted
from datafactory.settings import Verifiers, located
from datafactory.sources import Row, columns_of, files_at, rows_of, rows_of_dataset, rows_of_gym
from datafactory.tables import frame
from datafactory.types import COMPLETION_COLUMNS, PROBLEM_COLUMNS, Completion, problem_id, problem_of

VERSION = 1
OWN = ("domain", "source", "license")


def _files(value: Any, info: ValidationInfo) -> tuple[Path, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError("should be a path or a list of paths")
    return tuple(path for name in names for path in files_at(located(name, info)))


class Column(Base):
    """A value that stands in a column of the source, row by row."""

    column: str


class Config(Base):
    path: Annotated[tuple[Path, ...], BeforeValidator(_files)] | None = file(None, named=True)
    """A JSONL, Parquet or CSV file, a folder of them, or a list; from the recipe's folder."""
    dataset: str | None = None
    """A folder or hub id that `datasets.load_dataset` understands."""
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
    """Of the reasoning-gym problems; the recipe's by default. Another seed gives other problems (a held-out set)."""
    question: str = "question"
    """The column that holds the question."""
    answer: str | None = None
    """The column that holds the gold answer; `answer` where there is one."""
    response: str | None = None
    """The column that holds a finished response: the rows are then completions already, not problems."""
    reasoning: str | None = None
    """The column that holds the thinking before that response."""
    choices: str | None = None
    """The column that holds the options of a multiple-choice question, as a list."""
    tests: str | None = None
    """The column that holds what a code verifier runs."""
    domain: str | Column | None = None
    """A word for all rows, or {column: name}; the column `domain` where there is one."""
    source: str | Column | None = None
    """Where the rows are from; by default the file's, dataset's or generator's name."""
    license: str | Column | None = None
    """A word for all rows, or {column: name}; the column `license` where there is one."""
    skip: int = Field(0, ge=0)
    """Rows of the source to pass over, so that two stages can share a file."""
    limit: int | None = Field(None, ge=1)
    """At most so many rows of the source."""
    verifiers: Verifiers = Field((), alias="with")
    """Verifiers that grade each gold answer against itself before a token is spent."""
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
        for key in ("question", "answer", "response", "reasoning", "choices", "tests"):
            name = getattr(config, key)
            if name is not None and name not in found:
                have = ", ".join(found[:24])
                hint = did_you_mean(name, found) if len(found) > 24 else _near(name, found)
                check.wrong((key,), f"the source has no column '{name}'.{hint} It has: {have}.")
        for key in OWN:
            value = getattr(config, key)
            if isinstance(value, Column):
                check.column(found, value.column, key, "column")
    if config.reasoning is not None and config.response is None:
        check.wrong(("reasoning",), "needs `response` too: thinking without a response is no completion")
    return [*PROBLEM_COLUMNS, *(COMPLETION_COLUMNS if config.response else ())]


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
    seen: set[str] = set()
    rows = islice(_read(config), config.skip, None if config.limit is None else config.skip + config.limit)
    for k, chunk in enumerate(_chunks(rows, config.rows_per_shard)):
        mapped = [_mapped(config, place, row) for place, row in chunk]
        reasons = [_unfit(row, seen) for row in mapped]
        if not job.draft.has(k):
            evidence: list[str | None] = [place for place, _ in chunk]
            _grade(config, mapped, reasons, evidence)
            table = frame(mapped, [*PROBLEM_COLUMNS, *(COMPLETION_COLUMNS if config.response else ())])
            split = parted(table, reasons, evidence)
            job.draft.write(k, split.kept, split.dropped)
        job.progress.advance(rows=len(chunk))
    if not seen:
        raise StageError("the source has no row with a question")


def _chunks(rows: Iterator[tuple[str, Row]], size: int) -> Iterator[list[tuple[str, Row]]]:
    while chunk := list(islice(rows, size)):
        yield chunk


def _read(config: Config) -> Iterator[tuple[str, Row]]:
    if config.path is not None:
        for path in config.path:
            yield from rows_of(path)
    elif config.dataset is not None:
        yield from rows_of_dataset(config.dataset, config.subset, config.split, config.revision)
    else:
        assert config.reasoning_gym is not None
        yield from rows_of_gym(config.reasoning_gym, config.options, config.size, config.seed or 0)


def _mapped(config: Config, place: str, row: Row) -> Row:
    """A row of the source under the project's column names."""
    if config.question not in row:
        raise StageError(f"{place}: no column '{config.question}'; it has: {', '.join(row)}")
    answer = config.answer or ("answer" if "answer" in row else None)
    taken = {config.question, answer, config.response, config.reasoning, config.choices, config.tests}
    made: Row = {
        "question": _text(row[config.question]),
        "answer": _gold(row.get(answer), row.get(config.choices) if config.choices else None) if answer else None,
        "choices": _json(row.get(config.choices)) if config.choices else None,
        "tests": _json(row.get(config.tests)) if config.tests else None,
    }
    for key in OWN:
        given = getattr(config, key)
        column = given.column if isinstance(given, Column) else None if given else key
        taken.add(column)
        made[key] = given if isinstance(given, str) else _text(row.get(column or ""))
    made["source"] = made["source"] or _origin(config, place)
    rest = {key: value for key, value in row.items() if key not in taken}
    made["meta"] = json.dumps(rest, ensure_ascii=False, sort_keys=True, default=str)
    made["problem_id"] = problem_id(made["question"] or "", made["answer"], made["tests"])
    if config.response:
        made |= {
            "rollout": 0,
            "response": _text(row.get(config.response)),
            "reasoning": _text(row.get(config.reasoning)) if config.reasoning else None,
            "finish_reason": "stop",
        }
    return made


def _gold(value: Any, choices: Any) -> str | None:
    """The gold answer as text; the index of an option (MMLU counts from 0) as its letter."""
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and isinstance(choices, list)
        and 0 <= value < len(choices)
    ):
        return chr(ord("A") + value)
    return _text(value)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict | bool) else str(value)


def _json(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _origin(config: Config, place: str) -> str:
    if config.path is not None:
        return Path(place.rpartition(":")[0] or place).name.partition("#")[0]
    return config.dataset or f"reasoning_gym/{config.reasoning_gym}"


def _unfit(row: Row, seen: set[str]) -> str | None:
    if not (row["question"] or "").strip():
        return "no question"
    identity = row["problem_id"] + (
        problem_id(row.get("reasoning") or "", row["response"]) if "response" in row else ""
    )
    if identity in seen:
        return "duplicate"
    seen.add(identity)
    if "response" in row and not (row["response"] or "").strip():
        return "no response"
    return None


def _grade(config: Config, rows: list[Row], reasons: list[str | None], evidence: list[str | None]) -> None:
    """Each gold answer against itself; what cannot be graded is set aside."""
    for use in config.verifiers:
        settings = use.config
        for at, row in enumerate(rows):
            if reasons[at] is not None:
                continue
            verdict = use.module.verify(problem_of(row), Completion(row["answer"] or ""), settings)
            if verdict.status != "correct":
                reasons[at] = f"gold answer not gradable by {use.name}"
                evidence[at] = f"{evidence[at]}: {verdict.status}: {verdict.detail}"
