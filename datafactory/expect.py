"""Expect: what a recipe states of numbers that nothing has measured yet, so that `plan` can reckon with them.

    traces: {do: generate, ..., expect: {rollouts: 6, completion_tokens: 7500}}
    teacher: {engine: openai, ..., expect: {tokens_per_second: 2400, gpus: 8}}

It is no part of any identity, and a build does not look at it. What a pilot or a finished stage measured counts
instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field, model_validator

from datafactory.config import Base

TRAINED = ("tokens_per_second", "gpus", "disk")
ASKED = ("rollouts", "asked", "completion_tokens", "prompt_tokens")


class Expect(Base):
    """Of a stage; every number is a mean, and may be a fraction."""

    rows: int | None = Field(None, ge=0)
    """Rows that come out."""
    keep: float | None = Field(None, gt=0, le=1)
    """Of the rows that go in, the share that comes out."""
    tokens: float | None = Field(None, ge=0)
    """Of a row that comes out: its thinking and response."""
    prompt_tokens: float | None = Field(None, ge=0)
    """Of a prompt; of a load stage, of a question."""
    completion_tokens: float | None = Field(None, gt=0)
    """Of what a model writes at a time."""
    rollouts: float | None = Field(None, gt=0)
    """Completions of a problem where `until` leaves that open; of `rewrite`, of a row that is put to the model."""
    asked: float | None = Field(None, ge=0, le=1)
    """Of the rows of a rewrite, the share that its `where` puts to the model."""
    tokens_per_second: float | None = Field(None, gt=0)
    """Of a stage that trains: tokens trained on, on all its GPUs together."""
    gpus: int | None = Field(None, ge=1)
    """Of a stage that trains: the GPUs it runs on."""
    disk: float | None = Field(None, ge=0)
    """Of a stage that trains: the bytes of the model."""

    @model_validator(mode="after")
    def _one_of(self) -> Expect:
        if self.rows is not None and self.keep is not None:
            raise ValueError("has both `rows` and `keep`; one of them says how many come out")
        return self


class Pace(Base):
    """Of a model."""

    tokens_per_second: float | None = Field(None, gt=0)
    """Tokens that it generates, on all its GPUs together, with as many requests under way as the recipe has."""
    gpus: int | None = Field(None, ge=1)
    """GPUs that it runs on; those of its `price` by default."""


def misfits(expect: Expect, kind: str, makes: str, config: Any, asks: bool) -> Iterator[tuple[str, str]]:
    """(key, what is wrong) for each number that the stage cannot have, as its settings tell."""
    given = expect.model_fields_set
    for key in TRAINED if makes != "model" else ():
        if key in given:
            yield key, f"is for a stage that trains; `{kind}` does not" + _of_model(key, asks)
    for key in ASKED if not asks else ("asked",) if kind != "rewrite" else ():
        if key in given and not (kind == "load" and key == "prompt_tokens"):
            yield key, f"is for a stage that asks a model{' of some rows' if asks else ''}; `{kind}` does not"
    if makes == "model":
        for key in ("rows", "keep", "tokens"):
            if key in given:
                yield key, f"is for a stage that makes rows; `{kind}` makes a model"
    yield from _contradictions(expect, kind, config)


def _of_model(key: str, asks: bool) -> str:
    return "; the `expect` of the model says how fast it is" if asks and key != "disk" else ""


def _contradictions(expect: Expect, kind: str, config: Any) -> Iterator[tuple[str, str]]:
    until = getattr(config, "until", None)
    if expect.rollouts is not None and kind == "generate":
        if until is None:
            yield "rollouts", f"is told by `group_size: {config.group_size}`"
        elif not 1 <= expect.rollouts <= until.max_rollouts:
            yield "rollouts", f"should be from 1 to the {until.max_rollouts} of max_rollouts, not {expect.rollouts:g}"
    if expect.rollouts is not None and kind in ("judge", "evaluate"):
        yield "rollouts", "is told by `votes`" if kind == "judge" else "is told by `group_size`"
    most = getattr(getattr(config, "sampling", None), "max_tokens", None)
    if expect.completion_tokens is not None and most is not None and expect.completion_tokens > most:
        yield "completion_tokens", f"is more than a completion can have: sampling.max_tokens is {most:,}"
    if expect.keep is not None and kind in ("load", "merge"):
        yield "keep", "write `rows`: nothing goes in" if kind == "load" else "is told by `mixture`"
    if expect.rows is not None:
        if kind == "generate":
            yield "rows", "follow from the problems and their rollouts"
        if kind == "merge" and config.mixture is not None and config.rows is None:
            told = [part.rows for part in config.mixture.values()]
            if all(rows is not None for rows in told) and sum(told) != expect.rows:
                yield "rows", f"is not what `mixture` comes to: {sum(told):,}"
        if getattr(config, "reasoning_gym", None) and expect.rows > config.size:
            yield "rows", f"is more than its `size`: {config.size:,}"
