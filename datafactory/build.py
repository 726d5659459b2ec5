"""Plan and build: run the stages whose output is not finished, in page order."""

from __future__ import annotations

import importlib.metadata
import os
import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from datafactory.errors import StageError, UserError, did_you_mean
from datafactory.executors import Executor, opened
from datafactory.fingerprint import digest
from datafactory.identity import identity, used
from datafactory.job import Job
from datafactory.models import Model, Weights, weights_named, weights_of_stage
from datafactory.owned import files_in
from datafactory.plugins import Use
from datafactory.progress import Progress
from datafactory.recipe import Recipe, Stage
from datafactory.spending import about, account_of, demand_room, journaled
from datafactory.store import Dataset, Draft, is_finished, locked
from datafactory.tables import cannot_write

PACKAGES = ("datafactory", "polars", "pyarrow", "torch", "transformers", "trl", "math-verify", "sympy", "vllm")
State = Literal["finished", "started", "new"]


@dataclass(frozen=True)
class Step:
    """A stage with the identity of what it makes and the folder where that is, or will be."""

    stage: Stage
    identity: dict[str, Any]
    fingerprint: str
    folder: Path
    inputs: dict[str, str]  # names above -> fingerprints

    @property
    def state(self) -> State:
        if is_finished(self.folder):
            return "finished"
        return "started" if any(self.folder.glob("shard-*.parquet")) else "new"

    @property
    def dataset(self) -> Dataset:
        return Dataset(self.folder)


@dataclass(frozen=True)
class Plan:
    """The steps of a recipe in page order, and what their models are."""

    recipe: Recipe
    outputs: Path
    steps: dict[str, Step]
    models: dict[str, Model] = field(default_factory=dict)
    weights: dict[str, Weights] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        return self.outputs / "store"

    @cached_property
    def published(self) -> Path:
        """Where a person looks: a link per stage, a folder per merge."""
        return self.outputs / self.recipe.name

    def until(self, name: str | None) -> list[Step]:
        """The steps up to that stage; all of them without one."""
        names = list(self.steps)
        if name is None:
            return list(self.steps.values())
        if name not in self.steps:
            raise UserError(f"--until {name}: no stage named '{name}'.{did_you_mean(name, names)}")
        return [self.steps[each] for each in names[: names.index(name) + 1]]


def plan(recipe: Recipe, outputs: Path) -> Plan:
    """What each stage of the recipe would make; nothing is run and no model is loaded."""
    found = Plan(recipe, outputs, {})
    engines: dict[str, Use] = {}
    for name, entry in recipe.models.items():
        engines[name] = entry.engine
        if entry.weights:
            found.weights[name] = entry.weights
        found.models[name] = _model(name, entry.engine, entry.weights)
    for name, stage in recipe.stages.items():

        def resolve(role: str, target: str, stage: Stage = stage) -> str:
            if role == "dataset":
                return found.steps[target].fingerprint
            if role == "tokenizer" and target not in found.models:
                return weights_named(target, recipe.path.parent).identity
            if role in ("weights", "tokenizer"):
                if target not in found.weights:
                    lacks = "weights to train on" if role == "weights" else "tokenizer that is known here"
                    raise UserError(f"{recipe.path}: stages.{stage.name}: '{target}' has no {lacks}")
                return found.weights[target].identity
            return found.models[target].fingerprint

        if hasattr(stage.use.module, "settled"):
            # what depends on the model's name is part of what is made
            stage = replace(stage, config=stage.use.module.settled(stage.config, _reference(found, stage.models[0])))
        decided = {"stage": stage.kind, "version": stage.version, "config": identity(stage.config, resolve)}
        fingerprint = digest(decided)
        folder = found.store / f"{stage.kind}-{fingerprint[:16]}"
        inputs = {target: found.steps[target].fingerprint for target in stage.datasets}
        inputs |= {target: found.models[target].fingerprint for target in stage.models}
        found.steps[name] = Step(stage, decided, fingerprint, folder, inputs)
        if stage.makes == "model":
            weights = weights_of_stage(name, stage.kind, fingerprint, folder)
            engines[name] = engines[stage.models[0]]  # a student runs where its base does
            found.weights[name] = weights
            above = {target: found.steps[target].folder for target in stage.datasets}
            before = found.models[stage.models[0]].trained_on
            found.models[name] = replace(
                _model(name, engines[name], weights), trained_on=tuple((dict(before) | above).items())
            )
    return found


def _reference(plan: Plan, name: str) -> str:
    """What a model's name in the recipe refers to; a stage has no other name."""
    return plan.weights[name].reference if name in plan.weights else name


def _model(name: str, engine: Use, weights: Weights | None) -> Model:
    decided = {"engine": used(engine, _no_reference), "weights": weights.identity if weights else None}
    return Model(name, engine, weights, digest(decided))


def _no_reference(role: str, target: str) -> str:
    raise TypeError(f"an engine's settings refer to no {role}")


def build(
    plan: Plan, progress: Progress, until: str | None = None, workers: int = 1, executor: str = "local"
) -> list[Step]:
    """Run what is not finished; the steps that ran. Raises StageError with what was finished kept.

    workers is how many at once, 0 as many as the executor has.
    """
    ran: list[Step] = []
    steps = plan.until(until)
    demand_room(plan, steps)
    _demand_weights(plan, steps)
    with opened(executor, plan.store, _owned(plan, steps)) as where:
        for step in steps:
            if not is_finished(step.folder):
                _run(plan, step, progress, workers, where)
                ran.append(step)
            if step.stage.kind != "merge":
                _link(plan.published / step.stage.name, step.folder)
    return ran


def _demand_weights(plan: Plan, steps: list[Step]) -> None:
    """UserError for models of stages that are to run whose weights cannot be had."""
    problems = {}
    for name in (name for step in steps if not is_finished(step.folder) for name in step.stage.models):
        try:
            if name in plan.weights:
                plan.weights[name].demand()
        except UserError as error:
            problems[name] = f"{plan.recipe.where('models', name, 'model')}: {error}"
    if problems:
        raise UserError(*problems.values())


def _owned(plan: Plan, steps: list[Step]) -> dict[Path, str]:
    """The files of the user's own that may run where an executor has its workers."""
    engines = [model.engine for model in plan.models.values()]
    return dict(files_in([*(step.stage.config for step in steps), *engines]))


def _run(plan: Plan, step: Step, progress: Progress, workers: int, executor: Executor) -> None:
    stage = step.stage
    with locked(step.folder, lambda: progress.say(f"{stage.name}: another build is at work on it; waiting")):
        if is_finished(step.folder):
            return
        # a file of the user's own has no name to import it by
        workers = 1 if stage.use.file else workers or executor.cores()
        watch = progress.stage(stage.name)
        module = stage.use.module
        account = account_of(plan, step)
        job = Job(
            draft=Draft(step.folder),
            store=plan.store,
            inputs={name: plan.steps[name].dataset for name in stage.datasets},
            models={name: plan.models[name] for name in stage.models if name in plan.models},
            weights={name: plan.weights[name] for name in stage.models if name in plan.weights},
            workers=workers,
            executor=executor,
            progress=watch,
            account=account,
        )
        started, before = time.time(), journaled(job)
        try:
            module.run(stage.config, job)
            count = _shards(step.folder)
            made = {**_about(plan, step, started), **about(job, before)}
            draft = Draft(step.folder)
            summary = module.summary(stage.config, draft) if hasattr(module, "summary") else {}
            splits = {"splits": module.splits(stage.config, draft)} if hasattr(module, "splits") else {}
            dataset = draft.finish(count, {**made, **splits, "counts": summary})
            account.ledger.remove()
        except StageError as error:
            raise type(error)(f"{stage.name}: {error}") from error
        except (Exception, SystemExit) as error:
            own = [use.file for use in (stage.use, *(plan.models[name].engine for name in stage.models)) if use.file]
            if own and not isinstance(error, OSError):  # a file of the user's own raises what it will
                what = f"{type(error).__name__}: {error}"
                raise StageError(f"{stage.name}: {', '.join(own)} failed: {what}") from error
            if not isinstance(error, OSError):
                raise
            if error.filename and Path(str(error.filename)).is_relative_to(plan.outputs):
                raise StageError(f"{stage.name}: {cannot_write(Path(error.filename), error)}") from error
            raise
        progress.finished(watch, closing_line(stage.name, stage.makes, dataset, time.time() - started, watch.figures()))


def closing_line(name: str, makes: str, dataset: Dataset, seconds: float, figures: str) -> str:
    """`checked: 256 rows, 3 dropped, in 4.1 s (62 rows/s)`."""
    made = f"{dataset.rows:,} rows" if makes == "dataset" else "a model"
    dropped = f", {dataset.dropped:,} dropped" if dataset.dropped else ""
    return f"{name}: {made}{dropped}, in {seconds:.1f} s" + (f" ({figures})" if figures else "")


def _shards(folder: Path) -> int:
    return sum(1 for _ in folder.glob("shard-*.parquet"))


def _about(plan: Plan, step: Step, started: float) -> dict[str, Any]:
    return {
        "stage": step.stage.kind,
        "fingerprint": step.fingerprint,
        "identity": step.identity,
        "inputs": sorted(step.inputs.values()),
        "settings": plan.recipe.settings["stages"][step.stage.name],
        "packages": packages(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 3),
    }


def packages() -> dict[str, str]:
    """The versions of the packages that can matter, those that are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _link(place: Path, target: Path) -> None:
    """A link for people, replaced whole."""
    wanted = os.path.relpath(target, place.parent)
    if place.is_symlink() and os.readlink(place) == wanted:  # noqa: PTH115  pathlib's resolves less exactly
        return
    if place.exists() and not place.is_symlink():
        raise StageError(f"{place} is in the way of a link to {target}; move it away")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = place.with_name(f".{place.name}.{os.getpid()}.tmp")
        beside.unlink(missing_ok=True)
        beside.symlink_to(wanted)
        beside.replace(place)
    except OSError as error:
        raise cannot_write(place, error) from error
