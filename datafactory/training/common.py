"""What SFT and GRPO share: loading the base, the trainer's settings, watching it, saving what it made."""

from __future__ import annotations

import json
import logging
import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import datasets
import torch
from huggingface_hub import constants
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from transformers.utils import logging as transformers_logging

from datafactory.errors import StageError
from datafactory.fingerprint import sha256_of
from datafactory.models import Weights
from datafactory.progress import StageProgress
from datafactory.tables import cannot_write, write_bytes
from datafactory.trainable import Trainable
from datafactory.training.checkpoints import FOLDER, Keeper, Kept, clear_of_disk
from datafactory.training.order import seed_by_epoch
from datafactory.training.sharing import is_main, is_sharded, share
from datafactory.training.trackers import reported
from datafactory.types import Message

Precision = Literal["float32", "mixed", "bfloat16"]
SAID = ("loss", "reward")  # what a line of progress tells of the last step
RECOMPUTED = 2048  # tokens of a batch from which activations are computed again rather than kept: 2.4 MB each at 135M


@dataclass(frozen=True)
class Learner:
    """A model as it trains, with the dtype that its base was saved in and the tokens that end its turn."""

    reference: str
    model: Any
    tokenizer: Any
    saved_as: torch.dtype

    @property
    def ends(self) -> set[int]:
        ends = self.model.generation_config.eos_token_id
        ends = [ends] if isinstance(ends, int) else list(ends or [])
        return {*ends, self.tokenizer.eos_token_id} - {None}


def precision(config: Any) -> Precision:
    """The precision that a config asks for; `auto` is mixed where the machine multiplies bfloat16, else float32."""
    if config.dtype != "auto":
        return config.dtype  # type: ignore[no-any-return]
    if on_cpu(config):
        able = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    else:
        able = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return "mixed" if able else "float32"


def on_cpu(config: Any) -> bool:
    return bool(config.device == "cpu" or not (torch.cuda.is_available() or torch.backends.mps.is_available()))


def load(weights: Weights, precision: Precision, shape: Any = None) -> Learner:
    """The base model as it trains in that precision, and its tokenizer; `shape` is a config in the place of its own."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    place = weights.fetch()
    try:
        saved_as = AutoConfig.from_pretrained(place).dtype or torch.float32
        tokenizer = AutoTokenizer.from_pretrained(place)
        model = AutoModelForCausalLM.from_pretrained(place, dtype=dtype, **({"config": shape} if shape else {}))
    except (OSError, ValueError) as error:
        raise StageError(f"the model {weights.reference} cannot be loaded: {str(error).splitlines()[0]}") from error
    learner = Learner(weights.reference, model, tokenizer, saved_as)
    if not learner.ends:
        raise StageError(f"the model {weights.reference} names no end-of-text token")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return learner


def plain(messages: Sequence[Message]) -> str:
    """The turns for a model without a chat template, as the `transformers` engine puts them."""
    return "\n\n".join(message["content"] for message in messages) + "\n"


@contextmanager
def workshop(folder: Path) -> Iterator[Path]:
    """A folder that is gone afterwards, in which libraries draw no bars, print no warnings and report to nobody."""
    scratch = folder / f".training.{os.getpid()}.tmp"
    shown = transformers_logging.is_progress_bar_enabled(), datasets.are_progress_bars_disabled()
    levels = {name: logging.getLogger(name).level for name in ("transformers", "trl", "datasets", "accelerate")}
    silent = constants.HF_HUB_DISABLE_TELEMETRY
    try:
        scratch.mkdir(parents=True)
        transformers_logging.disable_progress_bar()
        datasets.disable_progress_bars()
        constants.HF_HUB_DISABLE_TELEMETRY = True  # TRL reports each trainer that is made
        for name in levels:
            logging.getLogger(name).setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if shown[0]:
            transformers_logging.enable_progress_bar()
        if not shown[1]:
            datasets.enable_progress_bars()
        constants.HF_HUB_DISABLE_TELEMETRY = silent
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def settings(config: Trainable, scratch: Path, longest: int, **own: Any) -> dict[str, Any]:
    """The trainer's settings: what every stage has, what the stage adds as `own`, and over these the recipe's.

    longest is the tokens of the longest row.
    """
    if "lr_scheduler_type" in config.trl:
        own.pop("lr_scheduler_kwargs", None)  # they are the default schedule's
    return {
        "output_dir": str(scratch.parent / FOLDER),
        "learning_rate": config.learning_rate,
        "num_train_epochs": config.epochs,
        "max_steps": config.max_steps,
        "per_device_train_batch_size": config.per_device_train_batch_size,
        "seed": config.seed or 0,
        "data_seed": config.seed or 0,
        "use_cpu": on_cpu(config),
        "bf16": precision(config) == "mixed",
        "gradient_checkpointing": longest * config.per_device_train_batch_size > RECOMPUTED,
        "report_to": list(config.report_to) or "none",
        "run_name": scratch.parent.name,
        "save_strategy": "no",
        "logging_strategy": "steps",
        "logging_steps": 1,
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        **own,
        **config.trl,
        **config.trl_runtime,
        **share(config),
    }


class Watch(TrainerCallback):
    """Hands the trainer's steps on to the stage's progress, and tells the curves of what was logged."""

    def __init__(self, progress: StageProgress):
        self.progress = progress
        self.log: list[dict[str, float]] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.log = state.log_history  # a checkpoint's is its first part
        self.progress.expect(state.max_steps, "steps")
        self.progress.advance(rows=state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.progress.advance(rows=1)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        logs = logs or {}
        self.log = state.log_history
        said = [f"{name} {logs[name]:.3g}" for name in SAID if isinstance(logs.get(name), int | float)]
        if said:
            self.progress.latest = ", ".join(said)
        tokens = logs.get("num_tokens")
        if isinstance(tokens, int | float):
            self.progress.advance(tokens=int(tokens) - self.progress.tokens)

    def by_step(self, name: str) -> list[list[float]]:
        """`[[step, value], ...]` of what the trainer logs under that name."""
        return [[entry["step"], entry[name]] for entry in self.log if isinstance(entry.get(name), int | float)]


def run(trainer: Any, watch: Watch, config: Trainable, *kept: Kept) -> int:
    """Train to the end, from the last whole checkpoint if there is one; how many steps it took in all.

    kept is what the stage itself counts meanwhile: it goes into the checkpoints, and is brought back from them.
    """
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(watch)
    keeper = Keeper(trainer, config, watch.progress, kept)
    trainer.add_callback(keeper)
    seed_by_epoch(trainer)
    with clear_of_disk(keeper), reported(config, keeper.folder.parent, trainer.callback_handler.callbacks):
        trainer.train(resume_from_checkpoint=keeper.resume())
    return int(trainer.state.global_step)


def save(trainer: Any, learner: Learner, folder: Path, scratch: Path, about: dict[str, Any]) -> None:
    """The model folder, whole or not at all, with its files' checksums in `training.json`; then no checkpoint is left.

    Every process calls it, as each may hold a part of the model; the main one writes.
    """
    weights = trainer.accelerator.get_state_dict(trainer.model_wrapped) if is_sharded(trainer) else None
    if is_main(trainer):
        _write(learner, weights, folder, scratch, about)
    trainer.accelerator.wait_for_everyone()


def _write(
    learner: Learner, weights: dict[str, Any] | None, folder: Path, scratch: Path, about: dict[str, Any]
) -> None:
    beside, place = scratch / "model", folder / "model"
    try:
        learner.model.config.use_cache = True  # the trainer turned it off, and with it off every token is read again
        if weights is None:
            learner.model.to(learner.saved_as).save_pretrained(beside)
        else:
            _save_gathered(learner, weights, beside)
        learner.tokenizer.save_pretrained(beside)
        paths = sorted(beside.iterdir())
        for path in paths:
            path.chmod(0o644)
        files = {path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in paths}
        shutil.rmtree(place, ignore_errors=True)  # of an attempt that ended between this and the manifest
        beside.replace(place)
    except (OSError, SafetensorError) as error:
        raise cannot_write(place, error if isinstance(error, OSError) else OSError(str(error))) from error
    write_bytes(folder / "training.json", json.dumps({**about, "files": files}, indent=1).encode())
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def _save_gathered(learner: Learner, weights: dict[str, Any], place: Path) -> None:
    """The weights that several processes held, in the dtype of the base."""
    saved = {name: each.to(learner.saved_as) if each.is_floating_point() else each for name, each in weights.items()}
    learner.model.save_pretrained(place, state_dict=saved)
    config = AutoConfig.from_pretrained(place)
    config.dtype = learner.saved_as
    config.save_pretrained(place)
