"""Load: problems, or finished question-and-answer rows, from files, datasets, reasoning-gym or templates.

In   a file (JSONL, JSON, Parquet, CSV), a folder of them, a `datasets` dataset, a reasoning-gym dataset, or templates
     of what a model says of itself
Out  problem_id, question, answer, choices, tests, domain, source, license, meta; category and label when they are
     given; history when that names a column, or the rows are of a shape; and the completion columns when `response`
     names a column, or the rows are of a shape; of preferences instead prompt, chosen, rejected and their lengths, as
     `pairs` makes them
Drop rows without a question, conversations that cannot be learned from (they end with a user's turn, one side speaks
     twice in a row, a tool speaks ...), exact duplicates, and with `with` problems whose gold answer its verifiers
     cannot grade

Columns that are not mapped stay in `meta` as JSON; of a conversation that cannot be used all does. Answers to the same
question stand together, where the first of them stood.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from datafactory.check import Check
from datafactory.columns import GIVEN, OWN, Column, Columns, finished, named_columns, shape_of
from datafactory.config import file, folder_of, runtime
from datafactory.errors import DatafactoryError, did_you_mean
from datafactory.gold import demand_gold
from datafactory.job import Job
from datafactory.loading import Filling, demand_rows, fill, gathered
from datafactory.mapping import Found, mapped
from datafactory.preferences import COLUMNS as PAIR_COLUMNS
from datafactory.preferences import SIDES
from datafactory.self_cognition import COLUMNS as TEMPLATE_COLUMNS
from datafactory.self_cognition import SHIPPED, Names, rows_of_templates
from datafactory.settings import Verifiers, located
from datafactory.shapes import COLUMNS as SHAPES
from datafactory.shapes import Name
from datafactory.sources import Row, columns_of, rows_of, rows_of_dataset, rows_of_gym, shards_at
from datafactory.store import Draft
from datafactory.types import COMPLETION_COLUMNS, PROBLEM_COLUMNS

VERSION = 4
SOURCES = ("path", "dataset", "reasoning_gym", "self_cognition")


def _files(value: Any, info: ValidationInfo) -> tuple[Path, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError("should be a path or a list of paths")
    return tuple(path for name in names for path in _shards(located(name, info)))


def _shards(path: Path) -> list[Path]:
    """The files of a path: of a dataset's folder its shards, where these are of one split."""
    found = shards_at(path)
    splits = {inner.name.partition("-")[0] for inner in found} if (path / "data").is_dir() else set()
    if len(splits) > 1:
        raise ValueError(
            f"{path} has the splits {', '.join(sorted(splits))}: name one, as dataset: {path}, split: train"
        )
    return found


def _templates(value: Any, info: ValidationInfo) -> Any:
    return SHIPPED if value == "shipped" else located(value, info) if isinstance(value, str) else value


def _dataset(value: Any, info: ValidationInfo) -> Any:
    """A folder where there is one, else a hub id as it is."""
    if not isinstance(value, str):
        return value
    local = value.startswith((".", "/", "~")) or (folder_of(info) / value).is_dir()
    return located(value, info).resolve() if local else value


class Config(Columns):
    path: Annotated[tuple[Path, ...], BeforeValidator(_files)] | None = file(None, named=True)
    """A JSONL, Parquet or CSV file, a folder of them, a stage's or a published dataset's folder, or a list; from the
    recipe's folder."""
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
    self_cognition: Annotated[Path, BeforeValidator(_templates)] | None = file(None)
    """`shipped`, or a JSONL of your own: questions about the model itself with answers, in which {name} and {maker}
    stand for what the model is called and who made it; docs/load.md shows the form."""
    model_name: str | dict[str, str] | None = None
    """What the model of `self_cognition` is called; or {en: ..., zh: ...}, its name in each language."""
    maker: str | dict[str, str] | None = None
    """Who made it; or {en: ..., zh: ...}."""
    languages: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The languages of `self_cognition` to take, as [en, zh]; all of them by default."""
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

    @model_validator(mode="before")
    @classmethod
    def _what_self_cognition_is(cls, given: Any) -> Any:
        """Its domain and its category, where the recipe does not say otherwise."""
        if isinstance(given, dict) and "self_cognition" in given:
            return {"domain": "general", "category": "self_cognition", **given}
        return given

    @model_validator(mode="after")
    def _one_source(self) -> Config:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(SOURCES)}; it has {' and '.join(given) or 'none'}")
        named = [name for name in ("model_name", "maker") if getattr(self, name) is not None]
        if self.self_cognition is not None and not all(_told(name) for name in (self.model_name, self.maker)):
            raise ValueError("self_cognition needs `model_name` and `maker`: what the model is called, and who made it")
        if self.self_cognition is None and (named or self.languages):
            raise ValueError(f"`{(*named, 'languages')[0]}` goes with `self_cognition`, which is not there")
        return self


def _told(name: str | dict[str, str] | None) -> bool:
    names = list(name.values()) if isinstance(name, dict) else [name or ""]
    return bool(names) and all(each.strip() for each in names)


def columns(config: Config, check: Check) -> list[str]:
    found = _source_columns(config, check)
    shape = None
    try:
        shape = _shape(config, found)
    except ValueError as error:
        check.wrong(("shape",), str(error))
        found = None
    if found is not None:
        for key, name in named_columns(config, shape):
            if name not in found:
                have = ", ".join(found[:24])
                hint = did_you_mean(name, found) if len(found) > 24 else _near(name, found)
                check.wrong((key,), f"the source has no column '{name}'.{hint} It has: {have}.")
        for key in OWN:
            value = getattr(config, key)
            if isinstance(value, Column):
                check.column(found, value.column, key, "column")
    if shape is not None and "turns" in SHAPES[shape]:
        for key in ("question", "history"):
            if key in config.model_fields_set:
                check.wrong((key,), f"the last question of a conversation is its last user's turn: no `{key}` here")
    if shape == "preferences" and config.response is not None:
        check.wrong(("response",), "a pair has two responses: `chosen` and `rejected` name their columns")
    if shape != "preferences":
        for key in SIDES:
            if getattr(config, key) is not None:
                check.wrong((key,), f"goes with the shape preferences, not with {shape}")
    if config.label is not None and not finished(config, shape):
        check.wrong(("label",), "needs `response`, the column of what was labelled")
    if config.reasoning is not None and not finished(config, shape):
        check.wrong(("reasoning",), "needs `response` too: thinking without a response is no completion")
    if config.shuffle_choices and finished(config, shape):
        check.wrong(("shuffle_choices",), "the responses name the options in the order they are in")
    if config.shuffle_choices and config.choices is None:
        check.wrong(("shuffle_choices",), "needs `choices`, the column that holds the options")
    return _made(config, shape)


def _made(config: Config, shape: Name | None) -> list[str]:
    """The columns of the output."""
    history = ("history",) if config.history or shape else ()
    given = [name for name in GIVEN if getattr(config, name)]
    rest = PAIR_COLUMNS if shape == "preferences" else COMPLETION_COLUMNS if finished(config, shape) else ()
    return [*PROBLEM_COLUMNS, *history, *given, *rest]


def _shape(config: Config, found: list[str] | None) -> Name | None:
    if config.self_cognition is not None:
        return "messages"
    return shape_of(config, found if found is not None else [config.question])


def _near(name: str, known: list[str]) -> str:
    hint = did_you_mean(name, known)
    return hint if hint.startswith(" Did you mean") else ""


def _source_columns(config: Config, check: Check) -> list[str] | None:
    """The columns of the source, None where only loading it would tell."""
    if config.reasoning_gym is not None:
        _check_gym(config, check)
        return ["question", "answer", "metadata", "config", "reasoning_gym"]
    try:
        if config.self_cognition is None:
            return _columns_of(config)
        for _ in rows_of_templates(config.self_cognition, _names(config), config.languages):
            pass  # a few templates: each is filled in, to see that it can be
        return list(TEMPLATE_COLUMNS)
    except DatafactoryError as error:
        source = next(name for name in SOURCES if getattr(config, name) is not None)
        check.wrong((source,), str(error))
        return None


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
    shape = _shape(config, _columns_of(config))
    order = (config.seed or 0) if config.shuffle_choices else None
    filling = Filling(_made(config, shape), config.rows_per_shard, config.verifiers, order)
    if finished(config, shape) or shape == "preferences":
        reasons = gathered(lambda: _found(config, shape), filling, job)
    else:
        reasons = fill(_found(config, shape), job.draft, filling, job)
    demand_gold(config.verifiers, job.draft, config.max_errors)
    demand_rows(reasons)


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    """The shape by which finished answers were read, and how many rows have thinking and a conversation before them."""
    shape = _shape(config, _columns_of(config))
    if shape is None and not finished(config, shape):
        return {}
    table = pl.scan_parquet(sorted(draft.folder.glob("shard-*.parquet")))
    counted = {"with_thinking": "reasoning", "with_history": "history"}
    have = table.collect_schema().names()
    counts = table.select(pl.col(name).count().alias(key) for key, name in counted.items() if name in have).collect()
    return {"shape": shape or "columns", **counts.row(0, named=True)}


def _found(config: Config, shape: Name | None) -> Iterator[Found]:
    last = None if config.limit is None else config.skip + config.limit
    for place, row, origin in islice(_read(config), config.skip, last):
        yield from mapped(config, shape, place, row, origin)


def _columns_of(config: Config) -> list[str] | None:
    """The columns of the source, None where only loading it would tell."""
    paths: tuple[Path, ...] = config.path or ()
    if isinstance(config.dataset, Path) and config.dataset.is_dir():
        paths = tuple(shards_at(config.dataset)[:1])
    return list(dict.fromkeys(name for path in paths for name in columns_of(path))) or None


def _read(config: Config) -> Iterator[tuple[str, Row, str]]:
    """Each row of the source with its place, and what it is from."""
    if config.path is not None:
        for path in config.path:
            yield from ((place, row, path.name) for place, row in rows_of(path))
        return
    if config.dataset is not None:
        rows = rows_of_dataset(str(config.dataset), config.subset, config.split, config.revision)
        origin = config.dataset.name if isinstance(config.dataset, Path) else config.dataset
    elif config.self_cognition is not None:
        rows = rows_of_templates(config.self_cognition, _names(config), config.languages)
        origin = "self_cognition"
    else:
        assert config.reasoning_gym is not None
        rows = rows_of_gym(config.reasoning_gym, config.options, config.size, config.seed or 0)
        origin = f"reasoning_gym/{config.reasoning_gym}"
    yield from ((place, row, origin) for place, row in rows)


def _names(config: Config) -> Names:
    assert config.model_name is not None and config.maker is not None
    return {"name": config.model_name, "maker": config.maker}
