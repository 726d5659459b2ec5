"""Sharing: what a training asks about the processes that share it. In one process each answers for that one."""

from __future__ import annotations

import os
from typing import Any

from datafactory.errors import StageError
from datafactory.trainable import Trainable, cannot_share

SHARDED = ("FSDP", "DEEPSPEED")


def processes() -> int:
    """How many processes train together, before a trainer is there to say so."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "LOCAL_RANK" in os.environ else 1


def rank() -> int:
    """Which of them this one is; the first writes, and asks judges."""
    return int(os.environ.get("RANK", "0")) if "LOCAL_RANK" in os.environ else 0


def share(config: Trainable) -> dict[str, int]:
    """A process's part of what makes a step: accumulation, and what TRL counts in it."""
    count = processes()
    wanted = {"gradient_accumulation_steps": config.gradient_accumulation_steps}
    if "steps_per_generation" in config.trl:
        wanted["steps_per_generation"] = config.trl["steps_per_generation"]
    for steps in wanted.values():
        if steps % count:
            raise StageError(cannot_share(steps, count))
    return {name: steps // count for name, steps in wanted.items()}


def is_main(trainer: Any) -> bool:
    return bool(trainer.accelerator.is_main_process)


def is_sharded(trainer: Any) -> bool:
    """Whether no process holds the whole model."""
    return trainer.accelerator.distributed_type.value in SHARDED


def gathered(trainer: Any, value: Any) -> list[Any]:
    """The value of every process, in all of them; a list, so that each may have several."""
    from accelerate.utils import gather_object

    return list(gather_object([value])) if trainer.accelerator.num_processes > 1 else [value]
