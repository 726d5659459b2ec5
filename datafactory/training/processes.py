"""Processes: how many train together, on how many machines, and what of the model each of them holds.

In   a stage's `processes`, `accelerate` and `device`; this machine's GPUs
Out  Together, which the plan reckons with and the launcher starts; StageError for what cannot be had here
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from datafactory.errors import StageError
from datafactory.trainable import SHIPPED, Trainable, cannot_share
from datafactory.training.sharing import SHARDED
from datafactory.training_plan import Sharing

SEVERAL = ("MULTI_GPU", *SHARDED)  # with these alone accelerate starts several processes; on a CPU the first does it


@dataclass(frozen=True)
class Together:
    """The processes on all machines, and the accelerate config file that says how they share; none for one process."""

    processes: int = 1
    file: Path | None = None
    machines: int = 1
    holds: Sharing = "none"

    @property
    def here(self) -> int:
        """The processes on this machine."""
        return max(1, self.processes // self.machines)


def together(config: Trainable) -> Together:
    """What `processes` and `accelerate` come to on this machine."""
    if config.accelerate is None and (config.processes or 1) == 1:
        return Together()
    name = config.accelerate or "ddp"
    file, available = SHIPPED.get(name) or Path(name), devices(config)
    told = _told(file)
    machines = _count(told, "num_machines", file) or 1
    own = None if name in SHIPPED else _count(told, "num_processes", file)
    count = config.processes or own or max(available, 1)
    if available and count > available * machines:
        raise StageError(
            f"{count} processes want a GPU each, and there are {available * machines}; lower `processes`, or take "
            "`device: cpu`"
        )
    if config.gradient_accumulation_steps % count:
        raise StageError(cannot_share(config.gradient_accumulation_steps, count))
    kind = str(told.get("distributed_type"))
    _demand(kind, file, count, available)
    holds: Sharing = "none" if count == 1 else "sharded" if kind in SHARDED else "ddp"
    return Together(count, file, machines, holds)


def devices(config: Trainable) -> int:
    """The GPUs that this process sees and may use."""
    if config.device == "cpu":
        return 0
    import torch

    return torch.cuda.device_count()


def _told(file: Path) -> dict[str, Any]:
    """What an accelerate config file says; StageError for one that accelerate cannot read."""
    from accelerate.commands.config.config_args import load_config_from_file

    try:
        load_config_from_file(str(file))
        return dict(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise StageError(f"{file} is no config file of accelerate: {str(error).splitlines()[0]}") from error


def _count(told: dict[str, Any], name: str, file: Path) -> int | None:
    count = told.get(name)
    if count is None or (isinstance(count, int) and count >= 1):
        return count
    raise StageError(f"{file}: {name} should be a whole number from 1 on, not {count!r}")


def _demand(kind: str, file: Path, count: int, available: int) -> None:
    """StageError where what the file asks for is not here."""
    if kind == "DEEPSPEED" and find_spec("deepspeed") is None:
        raise StageError("accelerate with DeepSpeed needs a package that is not installed: pip install deepspeed")
    if kind in SHARDED and not available:  # accelerate would keep the whole model in each process and say nothing
        raise StageError(f"accelerate shares a model out by {kind} over GPUs, and there is none; on a CPU use ddp")
    if kind not in SEVERAL and count > 1:
        raise StageError(
            f"{file}: accelerate starts one process for distributed_type {kind}, not {count}; MULTI_GPU is what starts "
            "several, on a CPU too"
        )
