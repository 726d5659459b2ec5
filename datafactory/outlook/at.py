"""A stage of a plan with what stands above it, and its numbers: measured, or else as the recipe states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from datafactory.build import Plan, Step
from datafactory.outlook.figure import UNKNOWN, Figure, known, total
from datafactory.outlook.measured import Measured, measured
from datafactory.outlook.rows import Seen


@dataclass(frozen=True)
class At:
    """problems and notes are added to: what cannot be, and what is rough."""

    plan: Plan
    step: Step
    all: Mapping[str, Seen]
    problems: list[str]
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.step.stage.name

    @property
    def kind(self) -> str:
        return self.step.stage.kind

    @property
    def config(self) -> Any:
        return self.step.stage.config

    @cached_property
    def measured(self) -> Measured:
        return measured(self.plan, self.step)

    @cached_property
    def above(self) -> list[Seen]:
        """What it reads rows of: its `from`."""
        given = getattr(self.config, "source", None) or getattr(self.config, "sources", None) or ()
        return [self.all[name] for name in ((given,) if isinstance(given, str) else given)]

    @cached_property
    def given(self) -> Figure:
        """The rows that go in."""
        return total(each.count for each in self.above)

    @property
    def limited(self) -> bool:
        """Whether `--limit` lets fewer rows in than the recipe's numbers are about."""
        given = self.plan.recipe.settings["stages"]
        stages = self.plan.recipe.stages
        return any(
            stage.kind == "load" and getattr(stage.config, "limit", None) != given[name].get("limit")
            for name, stage in stages.items()
        )

    def number(self, key: str) -> Figure:
        """One of the numbers of `expect`: what was measured counts before what is stated."""
        seen = getattr(self.measured, key, None)
        if seen is not None:
            return known(seen, measured=True)
        stated = getattr(self.step.stage.expect, key)
        return UNKNOWN if stated is None else known(stated, stated=True)

    def sum(self, key: str) -> Figure:
        """A sum that a finished stage came to."""
        seen = getattr(self.measured, key)
        return UNKNOWN if seen is None else known(seen, measured=True)

    def wrong(self, key: str, message: str) -> None:
        self.problems.append(f"{self.plan.recipe.where('stages', self.name, 'expect', key)}: {message}")

    def base(self, model: str) -> str:
        """The entry under `models` that a model goes back to: a student runs where its base does."""
        while model in self.plan.steps:
            model = self.plan.steps[model].stage.models[0]
        return model
