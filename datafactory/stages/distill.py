"""Distill: a student trained by SFT on a merged dataset, loss on the answers only, with TRL's SFTTrainer.

In   a merge's rows; the weights of a base model
Out  a model folder that plain transformers loads, and the loss by step

A row that is longer than `max_length` is left out and counted, never cut. Defaults are R1's for distillation
(arXiv:2501.12948, B.4): 2 epochs, cosine to a tenth, context 32,768, batch 64, and by `preset` the learning rate of the
student. Of a row with turns before its question the last answer alone carries the loss.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field

from datafactory.architecture import Architecture
from datafactory.check import Check
from datafactory.errors import StageError
from datafactory.job import Job
from datafactory.presets import named, nearest, of_student
from datafactory.store import Draft
from datafactory.supervised import PAPER, Supervised

VERSION = 2
MAKES = "model"


def _preset(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("should be auto, none, or the name of a student")
    return value if value in ("auto", "none", "nearest") else named(value).name


class Config(Supervised):
    preset: Annotated[str, BeforeValidator(_preset)] = "auto"
    """Whose numbers fill in what is not stated. auto: the paper's for this student, by its hub id or its folder's name;
    for another the learning rate of the one nearest in size (`nearest`), a choice. none: the recipe states it."""
    learning_rate: float | None = Field(None, gt=0)  # type: ignore[assignment]
    """The preset's by default, ending at a tenth of it."""
    gradient_accumulation_steps: int = Field(64, ge=1)

    def filled(self, reference: str, student: Architecture | None) -> tuple[Self, dict[str, str]]:
        config, (same, origins) = settled(self, reference), super().filled(reference, student)
        if config.preset == "none":
            return same, origins
        if config.preset != "nearest":
            preset, whose = named(config.preset), f"{PAPER}, {config.preset}"
        elif student is not None:
            preset = nearest(student.parameters)
            whose = f"a choice: of {preset.name}, the nearest in size of those in {PAPER}"
        elif self.learning_rate is not None:
            return same, origins
        else:
            raise StageError(f"how large {reference} is cannot be told from its config.json; state `learning_rate`")
        found: dict[str, Any] = {"preset": config.preset}
        if self.learning_rate is None:
            found["learning_rate"], origins["learning_rate"] = preset.learning_rate, whose
        positions = preset.max_position_embeddings if config.preset != "nearest" else None
        if positions and self.max_position_embeddings is None and ((student and student.positions) or 0) < positions:
            found["max_position_embeddings"] = positions
            origins["max_position_embeddings"] = "the config.json of the paper's student"
        return self.model_copy(update=found), origins

    def told_preset(self) -> str:
        return {"none": "none", "nearest": "none of the paper's; the nearest in size"}.get(self.preset, self.preset)


def columns(config: Config, check: Check) -> list[str]:
    config.check(check)
    if config.preset == "none" and config.learning_rate is None:
        check.wrong(("preset",), "none states no learning_rate, and neither does the recipe")
    return []


def settled(config: Config, reference: str) -> Config:
    """The config with `auto` replaced by the preset that a student of that name takes."""
    if config.preset != "auto":
        return config
    found = of_student(reference)
    return config.model_copy(update={"preset": found.name if found else "nearest"})


def run(config: Config, job: Job) -> None:
    from datafactory.training.sft import carried_out  # torch and trl, seconds to import, only when something is trained

    carried_out(config, job)


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    counts: dict[str, Any] = json.loads((draft.folder / "training.json").read_text())
    return counts
