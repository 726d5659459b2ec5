"""Showing: the first prompt of a stage that generates, as its model sees it; no token is spent.

What stands between the problems' sources and the stage is built where it is not there yet, which a build would do too.
An engine's file may have `renderer(config, weights)`, which gives what renders prompts without starting the model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.build import Plan, Step, build, plan
from datafactory.errors import StageError, UserError, did_you_mean
from datafactory.job import Job
from datafactory.models import Model
from datafactory.progress import Progress
from datafactory.recipe import read_recipe
from datafactory.store import Draft, is_finished


@dataclass(frozen=True)
class Shown:
    """A stage's first prompt; `about` says whose it is."""

    about: str
    text: str


def shown(
    recipe: Path,
    outputs: Path,
    stage: str | None,
    progress: Progress,
    assignments: tuple[str, ...] = (),
    limit: int | None = None,
) -> Iterator[Shown]:
    """The first prompt of each `generate` stage, or of the stage that is named, for each of its models."""
    planned = plan(read_recipe(recipe, assignments, limit), outputs)
    asking = {name: step for name, step in planned.steps.items() if hasattr(step.stage.config, "put")}
    if stage is not None and stage not in asking:
        why = "has no prompt of its own" if stage in planned.steps else "there is no stage of that name"
        raise UserError(f"--show-prompt {stage}: {why}.{did_you_mean(stage, asking)}")
    wanted = [asking[stage]] if stage else [step for step in asking.values() if step.stage.kind == "generate"]
    if not wanted:
        raise UserError(f"{recipe} has no stage that generates")
    for step in wanted:
        row = _first(planned, step, progress)
        for name in step.stage.models:
            trained = planned.steps.get(name)
            if trained and not is_finished(trained.folder):
                raise StageError(f"{step.stage.name}: its model {name} is not trained yet; build --until {name} first")
            text = _rendered(step.stage.config, planned.models[name], row)
            yield Shown(f"{step.stage.name}, {name}, problem {row['problem_id']}", text)


def _first(planned: Plan, step: Step, progress: Progress) -> dict[str, Any]:
    """The first problem of a stage."""
    needed = _needed(planned, step)
    asks = [name for name, before in needed.items() if before.stage.models and not is_finished(before.folder)]
    if asks:
        raise StageError(
            f"{step.stage.name}: its first prompt depends on {asks[0]}, which is not finished and asks a model; "
            f"build --until {asks[-1]} first"
        )
    build(replace(planned, steps=needed), progress)
    inputs = {name: planned.steps[name].dataset for name in step.stage.datasets}
    job = Job(Draft(step.folder), planned.store, progress.stage(step.stage.name), inputs)
    config: Any = step.stage.config
    source = job.input(config.source)
    for k, shard in enumerate(source.shards):
        row = _row(config, source.read(k)) if shard["rows"] else None
        if row is not None:
            return row
    raise StageError(f"{step.stage.name}: there is no problem to show a prompt of")


def _row(config: Any, rows: pl.DataFrame) -> dict[str, Any] | None:
    """The first row that the stage asks about; one that asks about some only has `first(rows)`, which tells."""
    row: dict[str, Any] | None = config.first(rows) if hasattr(config, "first") else rows.row(0, named=True)
    return row


def _needed(planned: Plan, step: Step) -> dict[str, Step]:
    """The stages that this one reads, and those that they read, in page order."""
    found: set[str] = set()
    left = list(step.stage.datasets)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            if not is_finished(planned.steps[name].folder):
                left += planned.steps[name].stage.datasets
    return {name: before for name, before in planned.steps.items() if name in found}


def _rendered(config: Any, model: Model, row: dict[str, Any]) -> str:
    engine = _renderer(model)
    try:
        messages, text = config.put(row, engine.render)
        if messages and not getattr(engine, "rendered", True):
            began = [{"role": "assistant", "content": config.prefill}] if config.prefill else []
            return json.dumps([*messages, *began], ensure_ascii=False, indent=2)
        return str(text)
    finally:
        if hasattr(engine, "close"):
            engine.close()


def _renderer(model: Model) -> Any:
    cheap = getattr(model.engine.module, "renderer", None)
    if cheap is None:
        return model.start()
    return cheap(model.engine.config, model.weights.fetch() if model.weights else None)
