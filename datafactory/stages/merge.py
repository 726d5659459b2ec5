"""Merge: accepted rollouts and other rows as one shuffled dataset in a stated mixture, published for SFT.

In   one or more datasets of completed rows
Out  messages, and flat beside it problem_id, trace_id, problem, solution (TRL's name for the gold answer),
     solution_from (gold, or majority where a vote stands in), reasoning, response and every further column; with
     `upsample` also copy, with `tokenizer` also tokens; `build` publishes it as a folder that
     `datasets.load_dataset` opens
Drop rows without a word to learn, exact duplicates, and what the mixture leaves no room for

Memory holds some buckets and a few numbers per row, however large the whole is. A group never spans two shards, and no
question of a validation row stands in a training row. docs/merge.md tells all of it.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import Field

from datafactory.check import Check
from datafactory.config import Base, ref
from datafactory.errors import NothingLeft, did_you_mean
from datafactory.job import Job
from datafactory.merging.choose import Other
from datafactory.merging.parts import DATASET, Mixture, copied, wrongs
from datafactory.merging.render import published, published_columns
from datafactory.merging.settled import Shortfall
from datafactory.merging.templates import Template, Tokenizer
from datafactory.merging.validation import Validation
from datafactory.store import Draft
from datafactory.types import COLUMNS

__all__ = ["VERSION", "Config", "columns", "published", "run", "splits", "summary"]
VERSION = 4
NOTE = "merged.json"


class Config(Base):
    sources: tuple[str, ...] = ref("dataset", alias="from", min_length=1)
    """The datasets to merge."""
    mixture: Mixture | None = None
    """How much of each part: {math: 395285, general: 0.22, code: {rows: 211129, upsample: 2}}, a count, a share of the
    whole, or settings. Without it every row is taken."""
    by: str = "domain"
    """What makes a part: a column, or `dataset`, the names in `from`."""
    rows: int | None = Field(None, ge=1)
    """What the whole comes to, where parts have shares; else as much as the counts, or the scarcest part, allow."""
    shortfall: Shortfall = "fail"
    """Where there is too little of a part: fail says so before anything is written; scale makes the whole smaller, so
    that the shares hold; report takes what there is."""
    other: Other = "drop"
    """Rows that no part names: drop, take (all of them, beside the mixture), or fail."""
    prefer: str | None = None
    """Which rows are taken first, among those that are as many-eth of their problem: a column, smallest first, or with
    `desc` largest."""
    validation: Validation | None = None
    """Problems set apart: {problems: 1000} or {share: 0.01}, each domain in proportion."""
    tokenizer: Tokenizer | None = ref("tokenizer", None)
    """Whose tokens are counted: the student's, by its name under `models`, a path or a hub id."""
    chat_template: Template | None = None
    """A template in place of the tokenizer's own: its text, or the path of a .jinja file."""
    template: Literal["fail", "report"] = "fail"
    """Where the template drops the thinking, the answer or a turn: fail, or report it and go on."""
    shuffle: bool = True
    """Rows in an order that the seed draws; else in the order of `from`, the rows of a problem together."""
    apart: int = Field(0, ge=0)
    """Rows of one problem stand at least so many rows from each other, as far as a shard is long enough."""
    shard_bytes: int = Field(400_000_000, ge=1)
    """About how large a file is on disk."""
    seed: int | None = None
    """The recipe's by default."""


def columns(config: Config, check: Check) -> list[str]:
    for place, name in enumerate(config.sources):
        above = check.of(name)
        for column in ("question", "response"):
            if above is not None and column not in above:
                check.wrong(("from", place), f"'{name}' has no column '{column}': there is nothing to train on")
    if len(set(config.sources)) < len(config.sources):
        check.wrong(("from",), "names a dataset twice")
    known = dict.fromkeys(column for name in config.sources for column in check.of(name) or [])
    whole = all(check.of(name) is not None for name in config.sources)
    _check_mixture(config, check, [*COLUMNS, *known] if whole else None)
    if config.prefer:
        _check_prefer(config.prefer, check, [*COLUMNS, *known] if whole else None)
    for key in ("chat_template", "template"):
        if key in config.model_fields_set and not config.tokenizer:
            check.wrong((key,), "is about a `tokenizer`, and there is none")
    if not config.shuffle and config.apart:
        check.wrong(("apart",), "is about a shuffled order, and `shuffle` is false")
    return published_columns([*COLUMNS, *known, *added(config)])


def added(config: Config) -> list[str]:
    """The columns that a merge adds."""
    return [*(["tokens"] if config.tokenizer else []), *(["copy"] if copied(config.mixture or {}) else [])]


def _check_mixture(config: Config, check: Check, known: list[str] | None) -> None:
    if config.mixture is None:
        for key in ("rows", "by", "other", "shortfall"):
            if key in config.model_fields_set:
                check.wrong((key,), "is about a `mixture`, and there is none")
        return
    if not config.mixture:
        check.wrong(("mixture",), "names no part")
    for way, message in wrongs(config.mixture, config.rows):
        check.wrong(way, message)
    if config.by == DATASET:
        for name in config.mixture:
            if name not in config.sources:
                check.wrong(("mixture", name), f"'{name}' is not in `from`.{did_you_mean(name, config.sources)}")
        for name in config.sources:
            if name not in config.mixture and "other" not in config.model_fields_set:
                check.wrong(("mixture",), f"says nothing of '{name}'; `other: drop` or `other: take` would do for it")
    else:
        check.column(known, config.by, "by")
    for name, part in config.mixture.items():
        if part.by and part.by != DATASET:
            check.column(known, part.by, "mixture", name, "by")


def _check_prefer(prefer: str, check: Check, known: list[str] | None) -> None:
    name, _, order = prefer.strip().partition(" ")
    if order.strip().lower() not in ("", "asc", "desc"):
        check.wrong(("prefer",), f"'{prefer}' should be a column, or a column and `desc`")
    else:
        check.column(known, name, "prefer")


def run(config: Config, job: Job) -> None:
    from datafactory.merging.build import merge

    note = job.draft.folder / NOTE
    if note.exists():  # an attempt that was stopped between this and the manifest
        return
    if not sum(job.inputs[name].rows for name in config.sources):
        raise NothingLeft(f"nothing was accepted: {', '.join(config.sources)} came out empty")
    merge(config, job, note)


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    counts: dict[str, Any] = json.loads((draft.folder / NOTE).read_text(encoding="utf-8"))["counts"]
    return counts


def splits(config: Config, draft: Draft) -> dict[str, list[str]]:
    """The files of each split."""
    found: dict[str, list[str]] = json.loads((draft.folder / NOTE).read_text(encoding="utf-8"))["splits"]
    return found
