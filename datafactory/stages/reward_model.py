"""Reward model: a number for an answer, learned from preference pairs or from labelled answers.

In   pairs (prompt, chosen, rejected), as `pairs` makes them and `load` reads them; or with `label` finished answers
     (question, response; history and reasoning where there are some); and the weights of a base model
Out  a model folder that plain transformers loads (a sequence classifier with one number), the loss by step, and how
     often it is right on prompts that were held out

Pairs are learned by Bradley-Terry, -log sigmoid(chosen - rejected), with TRL's RewardTrainer; labels by the binary
cross-entropy of that number with transformers' Trainer, since TRL's knows pairs alone. A row that is longer than
`max_length` is left out and counted, never cut. R1 has one of each kind, helpful from pairs and safe from labels, both
with batch 256, learning rate 6e-6, one epoch and 8,192 tokens (arXiv:2501.12948, 3.1); the schedule is not told, and
TRL's is taken: linear to 0.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field, model_validator

from datafactory.check import Check
from datafactory.config import Sources, ref
from datafactory.job import Job
from datafactory.store import Draft
from datafactory.tables import TYPES
from datafactory.trainable import Trainable

VERSION = 1
MAKES = "model"
PAIR = ("prompt", "chosen", "rejected")


class Config(Trainable):
    TRAINER = "RewardConfig"
    DECIDES: ClassVar[dict[str, str]] = {
        "train_sampling_strategy": "held-out rows are scored in their order",
        "label_smoothing_factor": "a label is 1 or 0",
    }

    source: Sources = ref("dataset", alias="from")
    """The pairs or the labelled answers; several datasets are read one after the other."""
    model: str = ref("weights")
    """The base: a name under `models`, or a trained stage above. A reward model is trained further."""
    label: str | None = None
    """With labelled answers: a condition that is true of a good one, as `label = 'safe'` or `safety >= 4`, or a column
    of true and false or 1 and 0. Rows of which it is null are left out and counted. Without it rows are pairs."""
    of: Literal["response", "completion"] = "response"
    """What is scored: the final response alone, or the thinking too. R1 scores help by the response, and safety by the
    whole, which is the default with `label`."""
    validation: float = Field(0.1, ge=0, lt=1)
    """The share of prompts, drawn by the seed, that are held out and scored in the end."""
    learning_rate: float = Field(6e-6, gt=0)
    per_device_train_batch_size: int = Field(4, ge=1)
    """Pairs or labelled answers that go through the model together."""
    gradient_accumulation_steps: int = Field(64, ge=1)
    """A step learns from per_device_train_batch_size x gradient_accumulation_steps of them, however many `processes`
    share them."""
    max_length: int = Field(8192, ge=8)
    """Longest conversation in tokens, its answer included."""

    @model_validator(mode="before")
    @classmethod
    def _the_whole_of_what_is_labelled(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("label") is not None:
            return {"of": "completion", **given}
        return given

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,) if isinstance(self.source, str) else self.source


def columns(config: Config, check: Check) -> list[str]:
    config.check_training(check)
    for name in config.sources:
        above = check.of(name)
        if above is None:
            continue
        if config.label is None:
            _demand_pairs(name, above, check)
            continue
        for column in ("question", "response"):
            check.column(above, column, "from")
        if TYPES.get(config.label.strip()) == pl.String:
            check.wrong(("label",), f"'{config.label}' is a text: say what it is of a good answer, as label = 'safe'")
        else:
            check.condition(above, config.label, "label")
    if config.label is not None and config.trl.get("center_rewards_coefficient") is not None:
        check.wrong(("center_rewards_coefficient",), "is for pairs: a label says where 0 is")
    return []


def _demand_pairs(name: str, above: list[str], check: Check) -> None:
    missing = next((column for column in PAIR if column not in above), None)
    if missing is None:
        return
    told = f"'{name}' has no column '{missing}'. A reward model learns from pairs ({', '.join(PAIR)}), which `pairs` "
    told += "makes and `load` reads"
    check.wrong(("from",), told + ("; from labelled answers with `label`" if "response" in above else ""))


def run(config: Config, job: Job) -> None:
    from datafactory.training.launching import launch  # torch and trl, seconds to import, only when it is trained

    sources = [job.inputs[name].split("train") for name in config.sources]
    train = "datafactory.training.reward_model"
    launch(train, config, sources, job.weights[config.model], job.draft.folder, job.progress)


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    counts: dict[str, Any] = json.loads((draft.folder / "training.json").read_text())
    return counts
