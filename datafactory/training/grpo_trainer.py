"""TRL's GRPOTrainer with exact advantages, rollouts without a reward left out, and dynamic sampling.

TRL samples, computes log probabilities, the losses and the KL, and shares out the work. What differs here:

advantages     datafactory/advantages.py: (r - mean) / std of the group, to which TRL adds 1e-4 and takes n - 1 for n
null rewards   such a rollout's tokens are masked, so that not even the KL to the reference moves the weights by it, and
               it counts in no mean: each that was decided weighs as if the others had not been sampled. Where none of a
               round was decided, its steps leave weights and optimiser as they are
fresh groups   groups whose rewards are all equal give way to groups of other problems (DAPO, arXiv:2503.14476, 3.2)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import polars as pl
import torch
from accelerate.utils import gather_object
from transformers import TrainerCallback
from trl import GRPOTrainer

from datafactory.advantages import advantages, telling
from datafactory.errors import StageError
from datafactory.training.figures import figures, groups, told_of
from datafactory.training.phases import fresh
from datafactory.training.replacing import replaced
from datafactory.training.rewards import GENERAL, Rewards
from datafactory.training.samples import Samples

ENOUGH = 32  # problems of which no reward was decided, from the first on, until the training is given up


@dataclass(frozen=True)
class Round:
    """Rollouts of this process: TRL's tensors, and the rewards' table, row for row."""

    made: dict[str, Any]
    table: pl.DataFrame


class Grpo(GRPOTrainer):  # type: ignore[misc]
    """prompts are those of all problems; `train_dataset` has the index of a problem in `at`, and in `place` where it
    stands in the schedule."""

    def __init__(
        self,
        model: Any,
        arguments: Any,
        rewards: Rewards,
        prompts: Sequence[Any],
        samples: Samples,
        note: Callable[[str], None],
        **others: Any,
    ):
        self.rewards, self.prompts, self.samples, self.note = rewards, prompts, samples, note
        self.config = rewards.config
        self.table: pl.DataFrame | None = None
        self.idle = False
        super().__init__(model, self._scored, arguments, **others)
        self.add_callback(Unmoved(self))

    def _scored(self, completion_ids: list[list[int]], at: list[int], **_: Any) -> list[float | None]:
        """The reward function that TRL calls."""
        self.table = self.rewards.of(completion_ids, at).with_columns(pl.Series("at", at, dtype=pl.Int64))
        return self.table["reward"].to_list()

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        kept = self._sampled([int(row["at"]) for row in inputs])
        of_all = self._all(kept)
        said, spent = [of_all], 0.0
        group = self.config.group_size
        taken = set(of_all["at"].to_list())
        place = int(min(gather_object([inputs[0]["place"]])))
        for attempt in range(self.config.dynamic_sampling):
            dull = _dull(kept.table, group)
            wanted = max(gather_object([len(dull)]))
            problems = range(self.rewards.problems.filter(~pl.col(GENERAL)).height)
            count = wanted * self.accelerator.num_processes
            others = fresh(problems, taken, count, self.config.seed or 0, place, attempt)
            each = len(others) // self.accelerator.num_processes
            if not each:
                break
            taken |= set(others)
            mine = others[self.accelerator.process_index * each :][:each]
            drawn = self._sampled([problem for problem in mine for _ in range(group)])
            said.append(self._all(drawn))
            kept = self._with(kept, drawn, dull)
        if len(said) > 1:
            of_all, before = self._all(kept), of_all
            spent = _changed(before["at"], of_all["at"], group)
        self._tell(pl.concat(said), spent)
        return self._finished(kept, of_all)

    def _sampled(self, at: list[int]) -> Round:
        made = super()._generate_and_score_completions([{"prompt": self.prompts[one], "at": one} for one in at])
        assert self.table is not None
        return Round(made, self.table)

    def _with(self, kept: Round, drawn: Round, dull: Sequence[int]) -> Round:
        """With the dull groups replaced by the telling ones that were drawn, as far as these go."""
        size = self.config.group_size
        good = [n for n, rewards in enumerate(groups(drawn.table["reward"].to_list(), size)) if telling(rewards)]
        pairs = list(zip(dull, good, strict=False))
        rows = [old * size + n for old, _ in pairs for n in range(size)]
        by = [new * size + n for _, new in pairs for n in range(size)]
        made = replaced(kept.made, drawn.made, rows, by, self._tokenizer.pad_token_id)
        both = pl.concat([kept.table, drawn.table], how="diagonal_relaxed")
        order = list(range(kept.table.height))
        for row, other in zip(rows, by, strict=True):
            order[row] = kept.table.height + other
        return replace(kept, made=made, table=both[order])

    def _all(self, some: Round) -> pl.DataFrame:
        """What is told of the rollouts of all processes, in the order of the processes."""
        return pl.concat(gather_object([told_of(some.table, list(self.config.parts))]), how="diagonal_relaxed")

    def _finished(self, kept: Round, of_all: pl.DataFrame) -> dict[str, Any]:
        """TRL's tensors with our advantages, and the rollouts without a reward masked."""
        divided = self.scale_rewards != "none"
        grouped = groups(of_all["reward"].to_list(), self.config.group_size)
        found = list(chain.from_iterable(advantages(rewards, divided) for rewards in grouped))
        here = kept.table.height
        mine = found[self.accelerator.process_index * here :][:here]
        self.samples.keep(self.state.global_step + 1, kept.table, mine, self.prompts)
        decided = torch.tensor([one is not None for one in mine], device=self.accelerator.device)
        mask = decided.unsqueeze(1) * torch.ones_like(kept.made["completion_mask"])
        tokens = (mask * kept.made["completion_mask"]).sum()
        share = sum(one is not None for one in found) / len(found)
        self._demand_some(share)
        return {
            **kept.made,
            "advantages": torch.tensor([one or 0.0 for one in mine], device=decided.device, dtype=torch.float32),
            "tool_mask": mask,  # what TRL leaves out of the loss, without hiding it from the attention
            "num_items_in_batch": self.accelerator.gather(tokens).sum(),
            "decided": torch.tensor(share, device=decided.device),
        }

    def _demand_some(self, share: float) -> None:
        """StageError where nothing was ever decided, of enough problems to tell."""
        if share:
            return
        step, divided = self.state.global_step + 1, self.samples.rounds
        made = self.state.global_step // divided.steps + 1
        ever = any("reward" in entry for entry in self.state.log_history)
        if not ever and (made == divided.count or made * divided.problems >= ENOUGH):
            raise StageError(
                f"no reward could be decided, of all rollouts of {made * divided.problems:,} problems: gold answers "
                "cannot be read, or a part of the reward is null; `rollouts/` shows some"
            )
        self.note(f"no reward could be decided at step {step}; it moves no weights")

    def _tell(self, rollouts: pl.DataFrame, replaced_share: float) -> None:
        """The figures of all that was sampled at this step go into TRL's log, over TRL's own of the same name."""
        parts = list(self.config.parts)
        found = figures(rollouts, parts, self.config.verifiers[0].name, self.config.group_size)
        if self.config.dynamic_sampling:
            found["replaced_groups"] = replaced_share
        for name in ("reward", "reward_std", "frac_reward_zero_std", "rewards/_scored/mean", "rewards/_scored/std"):
            self._metrics["train"].pop(name, None)
        for name, value in found.items():
            self._metrics["train"][name].append(value)

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        share = float(inputs["decided"])
        self.idle = share == 0
        beta, told = self.beta, {name: len(values) for name, values in self._metrics["train"].items()}
        if self.loss_type in ("grpo", "dr_grpo") and share:
            # these losses are means over the rollouts, masked ones too: what is left counts for as much more
            inputs = {**inputs, "advantages": inputs["advantages"] / share}
            self.beta = beta / share
        try:
            loss = super()._compute_loss(model, inputs)
        finally:
            self.beta = beta
        learned = self.accelerator.gather((inputs["completion_mask"] * inputs["tool_mask"]).sum()).sum()
        if not learned:  # TRL writes a mean over no tokens as 0
            for name, values in self._metrics["train"].items():
                del values[told.get(name, 0) :]
        return loss


class Unmoved(TrainerCallback):  # type: ignore[misc]
    """No step of the optimiser on a round of which nothing was decided: its momentum would move the weights."""

    def __init__(self, trainer: Grpo):
        self.trainer = trainer

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        if self.trainer.idle:
            optimizer.zero_grad(set_to_none=True)


def _dull(table: pl.DataFrame, size: int) -> list[int]:
    """The groups of problems with a gold answer whose rewards tell nothing; a general row's are left as they are."""
    grouped = enumerate(groups(table["reward"].to_list(), size))
    return [n for n, rewards in grouped if not telling(rewards) and not table[GENERAL][n * size]]


def _changed(before: pl.Series, after: pl.Series, size: int) -> float:
    """The share of groups that are of another problem now."""
    return float((before.gather_every(size) != after.gather_every(size)).mean() or 0.0)  # type: ignore[arg-type]
