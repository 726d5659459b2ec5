"""Order: which row stands where in an epoch, by the seed and the epoch alone.

What the trainers' own samplers draw depends on all that was drawn before, and on how many processes there are; a
training that goes on from a checkpoint would see other rows. In   a trainer's sampler; Out  the same, so seeded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import LengthGroupedSampler


class EpochSeeded(Sampler):  # type: ignore[type-arg]
    """A trainer's sampler whose draws are those of the epoch that the trainer is in."""

    def __init__(self, inner: Any, trainer: Any):
        self.inner, self.trainer = inner, trainer

    def __len__(self) -> int:
        return len(self.inner)

    def __iter__(self) -> Iterator[Any]:
        seed = self.trainer.args.data_seed
        seed = self.trainer.args.seed if seed is None else seed
        generator = torch.Generator()
        generator.manual_seed(seed + int(self.trainer.state.epoch or 0))
        self.inner.generator = generator
        return iter(self.inner)


def seed_by_epoch(trainer: Any) -> None:
    """That the trainer's rows come in an order that a seed and an epoch decide."""
    made = trainer._get_train_sampler

    def sampler(*arguments: Any) -> Any:
        inner = made(*arguments)
        if not hasattr(inner, "generator"):  # in order, or balanced by rank: nothing is drawn
            return inner
        if isinstance(inner, LengthGroupedSampler):
            inner.batch_size *= trainer.args.world_size  # rows of a step are alike, whoever holds them
        return EpochSeeded(inner, trainer)

    trainer._get_train_sampler = sampler
