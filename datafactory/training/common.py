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
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from transformers.utils import logging as transformers_logging

from datafactory.errors import StageError
from datafactory.fingerprint import sha256_of
from datafactory.models import Weights
from datafactory.progress import StageProgress
from datafactory.tables import cannot_write, write_bytes
from datafactory.types import Message

Precision = Literal["float32", "mixed", "bfloat16"]
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


def load(weights: Weights, precision: Precision) -> Learner:
    """The base model as it trains in that precision, and its tokenizer."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    place = weights.fetch()
    try:
        saved_as = AutoConfig.from_pretrained(place).dtype or torch.float32
        tokenizer = AutoTokenizer.from_pretrained(place)
        model = AutoModelForCausalLM.from_pretrained(place, dtype=dtype)
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


def settings(config: Any, scratch: Path, longest: int) -> dict[str, Any]:
    """The trainer's settings that every stage has; `longest` is the tokens of the longest row."""
    return {
        "output_dir": str(scratch / "trainer"),
        "learning_rate": config.learning_rate,
        "num_train_epochs": config.epochs,
        "max_steps": config.max_steps,
        "per_device_train_batch_size": config.per_device_train_batch_size,
        "gradient_accumulation_steps": config.gradient_accumulation_steps,
        "seed": config.seed or 0,
        "data_seed": config.seed or 0,
        "use_cpu": on_cpu(config),
        "bf16": precision(config) == "mixed",
        "gradient_checkpointing": longest * config.per_device_train_batch_size > RECOMPUTED,
        "report_to": "none",
        "save_strategy": "no",
        "logging_strategy": "steps",
        "logging_steps": 1,
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }


class Watch(TrainerCallback):
    """Hands the trainer's steps on to the stage's progress, and keeps what it logs."""

    def __init__(self, progress: StageProgress):
        self.progress = progress
        self.log: list[dict[str, float]] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.progress.expect(state.max_steps, "steps")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.progress.advance(rows=1)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        numbers = {name: value for name, value in (logs or {}).items() if isinstance(value, int | float)}
        self.progress.advance(tokens=int(numbers.get("num_tokens", self.progress.tokens)) - self.progress.tokens)
        self.log.append({"step": state.global_step, **numbers})

    def by_step(self, name: str) -> list[list[float]]:
        """`[[step, value], ...]` of what the trainer logs under that name."""
        return [[entry["step"], entry[name]] for entry in self.log if name in entry]


def run(trainer: Any, watch: Watch) -> int:
    """Train to the end under that watch alone; how many steps it took."""
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(watch)
    trainer.train()
    return int(trainer.state.global_step)


def save(learner: Learner, folder: Path, scratch: Path, about: dict[str, Any]) -> None:
    """The model folder, whole or not at all, with its files' checksums in `training.json`."""
    beside, place = scratch / "model", folder / "model"
    try:
        learner.model.to(learner.saved_as).save_pretrained(beside)
        learner.tokenizer.save_pretrained(beside)
        paths = sorted(beside.iterdir())
        for path in paths:
            path.chmod(0o644)
        files = {path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in paths}
        shutil.rmtree(place, ignore_errors=True)  # of an attempt that ended between this and the manifest
        beside.replace(place)
    except OSError as error:
        raise cannot_write(place, error) from error
    write_bytes(folder / "training.json", json.dumps({**about, "files": files}, indent=1).encode())
