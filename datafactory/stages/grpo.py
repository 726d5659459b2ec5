"""GRPO: a model trained by reinforcement on the rewards of verifiers, with TRL's GRPOTrainer.

In   problems; the weights to start from; verifiers, whose rewards are summed
Out  a model folder that plain transformers loads, and reward, loss and completion length by step

A rollout whose reward is null is not counted at all: it moves neither its group's mean nor the weights. Defaults are
those of R1-Zero where the paper tells them (arXiv:2501.12948, 2.1): 16 rollouts of 32 questions a step. `epochs` and
clipping at 0.2 are choices, the latter DeepSeekMath's successors'.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import AliasChoices, Field

from datafactory.check import Check
from datafactory.config import ref, runtime
from datafactory.job import Job
from datafactory.prompting import Prompting
from datafactory.settings import Verifiers
from datafactory.store import Draft

VERSION = 1
MAKES = "model"


class Config(Prompting):
    source: str = ref("dataset", alias="from")
    """The problems."""
    model: str = ref("weights")
    """What to start from: a name under `models`, or a trained stage above."""
    verifiers: Verifiers = Field(alias="with")
    """Verifiers by name, with their settings, as in `verify`; the reward is their sum."""
    group_size: int = Field(16, ge=2, validation_alias=AliasChoices("group_size", "num_generations"))
    """Rollouts per problem."""
    loss: Literal["grpo", "dr_grpo", "dapo"] = "grpo"
    """dr_grpo: a constant instead of each length, no division by the deviation (arXiv:2503.20783). dapo: a mean over
    all tokens, clipped at 0.28 above (arXiv:2503.14476)."""
    learning_rate: float = Field(3e-6, gt=0)
    beta: float = Field(0.001, ge=0)
    """Weight of the KL to the reference model; 0 needs none."""
    ref_model_sync_steps: int = Field(400, ge=0)
    """Steps after which the reference is set to the model as it is then; 0 keeps the first."""
    epsilon: float = Field(0.2, gt=0)
    """Clipping of the ratio; R1's second RL stage takes 10."""
    temperature: float = Field(1.0, gt=0)
    max_completion_length: int = Field(32768, ge=1)
    """Longest completion, in tokens."""
    epochs: float = Field(1, gt=0, validation_alias=AliasChoices("epochs", "num_train_epochs"))
    max_steps: int = -1
    """Optimiser steps; over `epochs` when it is above 0."""
    per_device_train_batch_size: int = Field(16, ge=1)
    """Rollouts that go through the model together."""
    gradient_accumulation_steps: int = Field(32, ge=1)
    dtype: Literal["auto", "float32", "mixed", "bfloat16"] = "auto"
    """While it trains, as in `distill`."""
    seed: int | None = None
    """The recipe's by default."""
    device: Literal["auto", "cpu"] = runtime("auto")
    max_errors: float = runtime(0.05, ge=0, le=1)
    """The share of rollouts that may end in a timeout or an error before the stage fails."""


def columns(config: Config, check: Check) -> list[str]:
    config.check(check)
    check.column(check.of(config.source), "question", "from")
    batch = config.per_device_train_batch_size * config.gradient_accumulation_steps
    if batch % config.group_size:
        check.wrong(
            ("group_size",),
            f"a step takes whole groups: per_device_train_batch_size x gradient_accumulation_steps is "
            f"{config.per_device_train_batch_size} x {config.gradient_accumulation_steps} = {batch} rollouts, "
            f"no multiple of {config.group_size}",
        )
    return []


def run(config: Config, job: Job) -> None:
    from datafactory.training.grpo import train  # torch and trl, seconds to import, only when something is trained

    train(config, job.inputs[config.source], job.weights[config.model], job.draft.folder, job.progress)


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    counts: dict[str, Any] = json.loads((draft.folder / "training.json").read_text())
    return counts
