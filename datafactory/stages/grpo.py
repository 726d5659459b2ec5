"""GRPO: a model trained by reinforcement on the rewards of verifiers, filters and judges, with TRL's GRPOTrainer.

In   problems; the weights to start from; what is rewarded. For RL for all scenarios also general rows, reward models
Out  a model folder that plain transformers loads; curves by step; `rollouts/`, a sample of what was written on the way

A rollout whose reward is null is not counted at all: it moves neither its group's mean nor the weights. Defaults are
those of R1-Zero where the paper tells them (arXiv:2501.12948, 2.1): 16 rollouts of 32 questions a step. `epochs` and
clipping at 0.2 are choices, the latter DeepSeekMath's successors'. docs/grpo.md says what is computed.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import AliasChoices, Field

from datafactory.check import Check
from datafactory.config import Sources, ref, runtime
from datafactory.job import Job
from datafactory.prompting import Prompting
from datafactory.rewarding import Rewarding
from datafactory.store import Draft
from datafactory.trainable import Trainable
from datafactory.training.beside import Beside
from datafactory.training.phases import rounds

VERSION = 2
MAKES = "model"
DECIDES = {
    "scale_rewards": "`loss` decides it",
    "multi_objective_aggregation": "`reward` says how the parts make one number",
    "reward_weights": "`reward` says how the parts make one number",
    "steps_per_generation": "use `generation_batch_size`",
    "shuffle_dataset": "the problems are put in an order by `seed`",
    "sync_ref_model": "use `ref_model_sync_steps`",
    "log_completions": "`keep_rollouts` of them are in the stage's folder, under rollouts/",
}


class Config(Prompting, Rewarding, Trainable):
    TRAINER = "GRPOConfig"
    DECIDES = DECIDES

    source: Sources = ref("dataset", alias="from")
    """The problems; a list is read as one dataset."""
    model: str = ref("weights")
    """What to start from: a name under `models`, or a trained stage above."""
    group_size: int = Field(16, ge=2, validation_alias=AliasChoices("group_size", "num_generations"))
    """Rollouts per problem."""
    loss: Literal["grpo", "dr_grpo", "dapo"] = Field("grpo", validation_alias=AliasChoices("loss", "loss_type"))
    """dr_grpo: a constant instead of each length, no division by the deviation (arXiv:2503.20783). dapo: a mean over
    all tokens, clipped at 0.28 above (arXiv:2503.14476)."""
    dynamic_sampling: int = Field(0, ge=0)
    """Further samplings of a step, at most, in which groups whose rewards are all equal give way to groups of other
    problems (DAPO); what still tells nothing then is kept, with an advantage of 0."""
    learning_rate: float = Field(3e-6, gt=0)
    beta: float = Field(0.001, ge=0)
    """Weight of the KL to the reference model; 0 needs none."""
    ref_model_sync_steps: int = Field(400, ge=0)
    """Steps after which the reference is set to the model as it is then; 0 keeps the first."""
    epsilon: float = Field(0.2, gt=0)
    """Clipping of the ratio; R1's second RL stage takes 10. `epsilon_high` clips otherwise above."""
    temperature: float = Field(1.0, gt=0)
    max_completion_length: int = Field(32768, ge=1)
    """Longest completion, in tokens."""
    per_device_train_batch_size: int = Field(16, ge=1)
    """Rollouts that go through the model together."""
    gradient_accumulation_steps: int = Field(32, ge=1)
    generation_batch_size: int | None = Field(None, ge=1)
    """Rollouts that are sampled at once and shared out at random among steps; those of one step without it. R1: 8,192,
    for 16 steps."""
    keep_rollouts: int = runtime(2000, ge=0)
    """About so many rollouts are kept to be looked at, whole groups at regular steps."""
    max_errors: float = runtime(0.05, ge=0, le=1)
    """The share of rollouts that may end in a timeout or an error before the stage fails."""

    @property
    def step_size(self) -> int:
        """The rollouts that a step learns from."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps

    @property
    def round_size(self) -> int:
        """The rollouts that are sampled at once."""
        return self.generation_batch_size or self.step_size

    @property
    def round_steps(self) -> int:
        """The steps that learn from what is sampled at once, each rollout `num_iterations` times."""
        return self.round_size // self.step_size * int(self.trl.get("num_iterations") or 1)

    def sampled(self, problems: int | None) -> str:
        """How much is sampled, of so many problems where that is known; tokens as if every completion were longest."""
        each = f"steps of {self.step_size:,} rollouts of at most {self.max_completion_length:,} tokens"
        if problems is None and self.max_steps <= 0:
            return each
        divided = rounds(
            problems or 0, self.round_size // self.group_size, self.round_steps, self.epochs, self.max_steps
        )
        taken = self.max_steps if self.max_steps > 0 else divided.all_steps
        count = divided.count * self.round_size
        line = f"{taken:,} {each}: {count:,} rollouts, at most {count * self.max_completion_length:,} tokens"
        again = f", and up to {self.dynamic_sampling} times as many again where groups tell nothing"
        return line + (again if self.dynamic_sampling else "")


def columns(config: Config, check: Check) -> list[str]:
    config.check(check)
    config.check_training(check)
    above = check.of(config.source)
    check.column(above, "question", "from")
    config.check_rewards(check, above, config.max_completion_length)
    if config.round_size % config.group_size:
        told = (
            f"generation_batch_size is {config.round_size} rollouts"
            if config.generation_batch_size
            else "a step takes whole groups: per_device_train_batch_size x gradient_accumulation_steps is "
            f"{config.per_device_train_batch_size} x {config.gradient_accumulation_steps} = {config.step_size} rollouts"
        )
        check.wrong(("group_size",), f"{told}, no multiple of {config.group_size}")
    if config.round_size % config.step_size:
        check.wrong(
            ("generation_batch_size",),
            f"{config.round_size} rollouts are shared out among steps of {config.step_size}, and are no multiple of it",
        )
    return []


def run(config: Config, job: Job) -> None:
    from datafactory.training.launching import launch  # torch and trl, seconds to import, only when it trains

    named = config.general.reward_models if config.general else {}
    beside = Beside(
        store=job.store,
        general=job.inputs[config.general.source] if config.general else None,
        reward_models={name: job.weights[part.model] for name, part in named.items()},
        judge=job.models[config.judges.model] if config.judges else None,
    )
    source, weights = job.input(config.source), job.weights[config.model]
    launch("datafactory.training.grpo", config, source, weights, job.draft.folder, job.progress, beside)


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    counts: dict[str, Any] = json.loads((draft.folder / "training.json").read_text())
    return counts
