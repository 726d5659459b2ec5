"""Checkpoints: what a training that was killed goes on from, to the very state of one that was not.

    <stage>/checkpoints/checkpoint-40/             what transformers' Trainer writes: weights, optimiser, random numbers
    <stage>/checkpoints/checkpoint-40/reference/   GRPO's reference model, once it is another than the base
    <stage>/checkpoints/checkpoint-40/kept.json    what the stage itself counts
    <stage>/checkpoints/checkpoint-40/whole.json   written last: every file with its size, and what made them

A checkpoint without its mark, or with a file that is missing or of another size, is passed over. The one before stays
until the next is whole; there are never more than two.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback

from datafactory.errors import StageError
from datafactory.identity import identity
from datafactory.progress import StageProgress
from datafactory.tables import cannot_write, write_bytes
from datafactory.trainable import Trainable

FOLDER, WHOLE, KEPT, REFERENCE = "checkpoints", "whole.json", "kept.json", "reference/model.safetensors"
MADE_BY = ("torch", "transformers", "trl", "accelerate")
EVERY_SECONDS = 600.0
SHARE = 0.05  # of the time, at most, that goes into checkpoints made by the clock


class Kept(Protocol):
    """What a stage counts while it trains, the same in all processes; the state is JSON."""

    def state(self) -> Any: ...

    def restore(self, state: Any) -> None: ...


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint, with what its mark says of it."""

    folder: Path
    mark: dict[str, Any]

    @property
    def step(self) -> int:
        return int(self.mark["step"])


def last_whole(folder: Path) -> Checkpoint | None:
    """The latest checkpoint whose files are all there, in the sizes that they were written with."""
    for place in sorted(folder.glob("checkpoint-*"), key=_step, reverse=True):
        try:
            mark = json.loads((place / WHOLE).read_text(encoding="utf-8"))
            if all((place / name).stat().st_size == size for name, size in mark["files"].items()):
                return Checkpoint(place, mark)
        except (OSError, ValueError, KeyError):
            continue
    return None


def _step(place: Path) -> int:
    number = place.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1


@dataclass
class Keeper(TrainerCallback):  # type: ignore[misc]
    """Says when a checkpoint is made, completes and marks it, and brings a trainer back to where the last one is."""

    trainer: Any
    config: Trainable
    progress: StageProgress
    kept: tuple[Kept, ...]
    writing: bool = field(default=False, init=False)
    due: bool = field(default=False, init=False)
    began: float = field(default_factory=time.monotonic, init=False)
    took: float = field(default=0.0, init=False)

    @property
    def folder(self) -> Path:
        return Path(self.trainer.args.output_dir)

    def resume(self) -> str | None:
        """The checkpoint to go on from, if there is one, with the stage's own counts brought back from it."""
        found = last_whole(self.folder)
        if found:
            self._compare(found)
        self.trainer.accelerator.wait_for_everyone()
        if self.trainer.is_world_process_zero():
            remove(self.folder, but=found.folder if found else None)
        self.trainer.accelerator.wait_for_everyone()
        if not found:
            return None
        states = json.loads((found.folder / KEPT).read_text(encoding="utf-8"))
        for each, state in zip(self.kept, states, strict=True):
            each.restore(state)
        _restore_reference(self.trainer, found.folder)
        return str(found.folder)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if hasattr(self.trainer, "_total_train_tokens"):  # SFT's count of tokens is not among what transformers keeps
            counted = [entry["num_tokens"] for entry in state.log_history if "num_tokens" in entry]
            self.trainer._total_train_tokens = int(counted[-1]) if counted else 0
        self.began = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.config.save_steps is None:
            waited = time.monotonic() - self.began > max(EVERY_SECONDS, self.took / SHARE)
            self.due = self._agreed(self.due or waited)
        else:
            self.due = self.due or state.global_step % _every(self.config.save_steps, state.max_steps) == 0
        # rollouts that several steps learn from are not in a checkpoint, so it waits until they are used up
        control.should_save = self.due and state.global_step < state.max_steps and self._used_up(state.global_step)
        if control.should_save:
            self.due, self.writing, self.began = False, True, time.monotonic()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        place = self.folder / f"checkpoint-{state.global_step}"
        _keep_reference(self.trainer, state.global_step, place)
        self.trainer.accelerator.wait_for_everyone()
        if self.trainer.is_world_process_zero():
            write_bytes(place / KEPT, json.dumps([each.state() for each in self.kept]).encode())
            mark = {"step": state.global_step, **self._about(), "files": _sealed(place)}
            write_bytes(place / WHOLE, json.dumps(mark, indent=1).encode())
            remove(self.folder, but=place)
        self.trainer.accelerator.wait_for_everyone()
        self.writing = False
        self.took, self.began = time.monotonic() - self.began, time.monotonic()

    def _agreed(self, due: bool) -> bool:
        """What the main process says; clocks differ."""
        if self.trainer.args.world_size == 1:
            return due
        told = torch.tensor([int(due)], device=self.trainer.args.device)
        torch.distributed.broadcast(told, 0)
        return bool(told.item())

    def _used_up(self, step: int) -> bool:
        args = self.trainer.args
        together = getattr(args, "steps_per_generation", None) or args.gradient_accumulation_steps
        reused = together * getattr(args, "num_iterations", 1)
        return step * args.gradient_accumulation_steps % reused == 0

    def _about(self) -> dict[str, Any]:
        """What made a checkpoint: what has to be the same, and what may differ and is told."""
        accelerator = self.trainer.accelerator
        decided = identity(self.config, lambda role, name: "" if isinstance(name, str) else str(name))
        return {
            "decided": {**decided, "rows": len(self.trainer.train_dataset)},
            "sharing": str(accelerator.distributed_type.value) if _is_sharded(accelerator) else "whole",
            "processes": accelerator.num_processes,
            "device": accelerator.device.type,
            "packages": {name: importlib.metadata.version(name) for name in MADE_BY},
        }

    def _compare(self, found: Checkpoint) -> None:
        """StageError for a checkpoint that is none of this training's; a note where rounding will differ."""
        now, then = json.loads(json.dumps(self._about())), found.mark
        remedy = f"remove {self.folder} to begin again"
        for name in sorted({*now["decided"], *then["decided"]}):
            old, new = then["decided"].get(name), now["decided"].get(name)
            if old != new:
                raise StageError(f"{found.folder} was made with {name} {old}, and it is {new} now; {remedy}")
        if then["sharing"] != now["sharing"]:
            how = f"shared out as {then['sharing']}" if then["sharing"] != "whole" else "kept whole by each process"
            raise StageError(
                f"{found.folder} was made with the model {how}; go on with the same `accelerate`, or {remedy}"
            )
        packages = {name: f"{name} {version}" for name, version in then["packages"].items()}
        other = [packages[name] for name in packages if then["packages"][name] != now["packages"].get(name)]
        other += [f"{then['processes']} processes"] if then["processes"] != now["processes"] else []
        other += [f"a {then['device']}"] if then["device"] != now["device"] else []
        with_ = f", made with {', '.join(other)}: it will not end in the very same weights" if other else ""
        self.progress.note(f"goes on from the checkpoint of step {found.step}{with_}")


def remove(folder: Path, but: Path | None = None) -> None:
    """Every checkpoint gone, torn ones too, but that one."""
    for place in folder.glob("checkpoint-*"):
        if place != but:
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def clear_of_disk(keeper: Keeper) -> Iterator[None]:
    """An error while a checkpoint is written as the one line that says where; torch and safetensors raise their own."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if not keeper.writing:
            raise
        cause: BaseException | None = error
        while cause and not isinstance(cause, OSError):
            cause = cause.__cause__ or cause.__context__
        found = cause if isinstance(cause, OSError) else OSError(str(error).splitlines()[0])
        raise cannot_write(keeper.folder, found) from error


def _every(save_steps: float, steps: int) -> int:
    return max(1, math.ceil(save_steps * steps) if save_steps < 1 else int(save_steps))


def _sealed(place: Path) -> dict[str, int]:
    """The files of a checkpoint with their sizes, each of them on the disk for good."""
    sizes = {}
    for path in sorted(place.rglob("*")):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if path.is_file() and path.name != WHOLE:
            sizes[path.relative_to(place).as_posix()] = path.stat().st_size
    return sizes


def _is_sharded(accelerator: Any) -> bool:
    return accelerator.distributed_type.value in ("FSDP", "DEEPSPEED")


def _keep_reference(trainer: Any, step: int, place: Path) -> None:
    """The reference model beside a checkpoint, where it was set to another model than the base."""
    if not getattr(trainer.args, "sync_ref_model", False) or step < trainer.args.ref_model_sync_steps:
        return
    state = trainer.accelerator.get_state_dict(trainer.ref_model)
    if trainer.is_world_process_zero():
        (place / REFERENCE).parent.mkdir(exist_ok=True)
        save_file({name: tensor.contiguous().clone() for name, tensor in state.items()}, place / REFERENCE)


def _restore_reference(trainer: Any, place: Path) -> None:
    if not (place / REFERENCE).exists():
        return
    state = load_file(place / REFERENCE)
    accelerator, model = trainer.accelerator, trainer.ref_model
    if accelerator.distributed_type.value == "DEEPSPEED":
        import deepspeed

        inner = accelerator.unwrap_model(model)
        with deepspeed.zero.GatheredParameters(list(inner.parameters()), modifier_rank=0):
            if accelerator.is_main_process:
                inner.load_state_dict(state, strict=False)
    elif accelerator.distributed_type.value == "FSDP":
        from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

        set_model_state_dict(model, dict(state), options=StateDictOptions(full_state_dict=True))
    else:
        accelerator.unwrap_model(model).load_state_dict(state)
