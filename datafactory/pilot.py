"""Pilot: a recipe built for a few problems drawn at random, to say what the whole of it would come to.

In front of the first stage of every line that asks a model or runs programs stands a sample; what stands above it is
built whole, as a build would. Nothing is trained, evaluated or published. The pilot's stages have folders of their own
and links under outputs/<recipe>.pilot; its completions are in the journal for the build to find.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field
from pathlib import Path

from datafactory.build import Plan, Step, build, plan
from datafactory.errors import UserError
from datafactory.page import Page
from datafactory.progress import Progress
from datafactory.recipe import Reader, read_recipe
from datafactory.reckoning import Pilot

WHOLE = ("load", "filter", "select", "sample")  # kinds that are built whole where only such stand above them
SHARDS = 8  # of a sample: the first tells how long a stage takes to begin, the others how fast it goes


def piloted(
    recipe: Path,
    outputs: Path,
    problems: int,
    progress: Progress,
    assignments: tuple[str, ...] = (),
    limit: int | None = None,
    workers: int = 1,
    executor: str = "local",
) -> Pilot:
    """The pilot, built."""
    started = time.monotonic()
    whole = plan(read_recipe(recipe, assignments, limit), outputs)
    drafted = _Drafted(whole, problems)
    for name in whole.steps:
        drafted.take(name)
    if not drafted.samples:
        raise UserError(f"{recipe}: no stage that asks a model or verifies leads to a merge; there is nothing to pilot")
    values = {**whole.recipe.settings, "name": f"{whole.recipe.name[:90]}.pilot", "stages": drafted.stages}
    small = plan(Reader(Page(recipe, values), limit).recipe(), outputs)
    build(small, progress, workers=workers, executor=executor)
    took = time.monotonic() - started
    return Pilot(whole, small, drafted.samples, drafted.roots, drafted.merges, drafted.left_out, workers, took)


@dataclass
class _Drafted:
    """The stages of the pilot's recipe.

    samples   the stages that each sample draws from
    roots     the samples that a stage's rows come through; none where it is built whole
    merges    the merges, with those of their sources that are estimated
    left_out  what is not estimated, and why
    """

    whole: Plan
    problems: int
    stages: dict[str, dict] = field(default_factory=dict)
    samples: dict[str, tuple[str, ...]] = field(default_factory=dict)
    roots: dict[str, frozenset[str]] = field(default_factory=dict)
    merges: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        merges = [name for name, step in self.whole.steps.items() if step.stage.kind == "merge"]
        self._wanted = self._above(merges) if merges else set(self.whole.steps)

    def take(self, name: str) -> None:
        step = self.whole.steps[name]
        if step.stage.makes != "dataset":
            self.left_out[name] = "trains a model"
        elif step.stage.kind in ("evaluate", "calibrate"):
            self.left_out[name] = "is no part of a published dataset"
        elif name not in self._wanted:
            self.left_out[name] = "leads to no merge"
        elif trained := [model for model in step.stage.models if model in self.whole.steps]:
            self.left_out[name] = f"asks '{trained[0]}', which is trained in the recipe"
        elif step.stage.kind == "merge":
            self._merge(name, step)
        elif missing := [source for source in step.stage.datasets if source in self.left_out]:
            self.left_out[name] = f"reads '{missing[0]}'"
        else:
            self._stage(name, step)

    def _merge(self, name: str, step: Step) -> None:
        known = tuple(source for source in step.stage.datasets if source not in self.left_out)
        if known:
            self.merges[name] = known
        if len(known) < len(step.stage.datasets):
            out = [source for source in step.stage.datasets if source not in known]
            self.left_out[name] = f"takes rows from {', '.join(out)}, which are not counted"

    def _stage(self, name: str, step: Step) -> None:
        settings = copy.deepcopy(self.whole.recipe.settings["stages"][name])
        roots = frozenset[str]().union(*(self.roots[source] for source in step.stage.datasets))
        if roots or step.stage.kind not in WHOLE or step.stage.models:
            settings.pop("target", None)  # it is reckoned with: how many problems it takes depends on the whole
            given = settings.get("from")
            sources = given if isinstance(given, list) else [given] if given else []
            bare = tuple(source for source in sources if not self.roots[source])
            if bare and not (roots and step.stage.kind in WHOLE):
                sample = self._sample(bare)
                kept = [source for source in sources if self.roots[source]]
                settings["from"] = [*kept, sample] if kept else sample
                roots |= {sample}
        self.stages[name] = settings
        self.roots[name] = roots

    def _sample(self, sources: tuple[str, ...]) -> str:
        for name, drawn in self.samples.items():
            if drawn == sources:
                return name
        name = f"{sources[0]}.sample"
        while name in self.whole.steps or name in self.stages:
            name += "s"
        each = max(1, -(-self.problems // SHARDS))
        self.stages[name] = {
            "do": "sample",
            "from": list(sources) if len(sources) > 1 else sources[0],
            "problems": self.problems,
            "problems_per_shard": each,
        }
        self.samples[name] = sources
        self.roots[name] = frozenset({name})
        return name

    def _above(self, names: list[str]) -> set[str]:
        found: set[str] = set()
        left = list(names)
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left.extend(self.whole.steps[name].stage.datasets)
        return found
