"""What SFT and GRPO share: loading the base, the trainer's settings, watching it, saving what it made."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

from datafactory.errors import StageError
from datafactory.fingerprint import sha256_of
from datafactory.models import Weights
from datafactory.progress import StageProgress
from datafactory.tables import cannot_write, write_bytes


def load(weights: Weights, dtype: str) -> tuple[Any, Any]:
    """The base model in that dtype and its tokenizer."""
    place = weights.fetch()
    try:
        tokenizer = AutoTokenizer.from_pretrained(place)
        model = AutoModelForCausalLM.from_pretrained(place, dtype=getattr(torch, dtype))
    except (OSError, ValueError) as error:
        raise StageError(f"the model {weights.reference} cannot be loaded: {str(error).splitlines()[0]}") from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def settings(config: Any, folder: Path) -> dict[str, Any]:
    """The trainer's settings that every stage has: reproducible, silent, nothing sent anywhere."""
    cpu = config.device == "cpu" or not (torch.cuda.is_available() or torch.backends.mps.is_available())
    return {
        "output_dir": str(folder / "checkpoints"),
        "learning_rate": config.learning_rate,
        "num_train_epochs": config.epochs,
        "max_steps": config.max_steps,
        "per_device_train_batch_size": config.per_device_train_batch_size,
        "gradient_accumulation_steps": config.gradient_accumulation_steps,
        "seed": config.seed or 0,
        "data_seed": config.seed or 0,
        "use_cpu": cpu,
        "bf16": not cpu,
        "gradient_checkpointing": not cpu,
        "report_to": "none",
        "save_strategy": "no",
        "logging_strategy": "steps",
        "logging_steps": 1,
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }


class Watch(TrainerCallback):
    """Hands the trainer's steps on to the stage's progress, and keeps what it logs."""

    def __init__(self, progress: StageProgress, tokens_per_step: float = 0):
        self.progress = progress
        self.tokens_per_step = tokens_per_step
        self.log: list[dict[str, float]] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.progress.expect(state.max_steps, "steps")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.progress.advance(rows=1, tokens=int(self.tokens_per_step))

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        numbers = {name: value for name, value in (logs or {}).items() if isinstance(value, int | float)}
        self.log.append({"step": state.global_step, **numbers})


def save(model: Any, tokenizer: Any, folder: Path, dtype: torch.dtype, about: dict[str, Any]) -> None:
    """The model folder, whole or not at all, with its files' checksums in `training.json`."""
    beside = folder / f".model.{os.getpid()}.tmp"
    try:
        model.to(dtype).save_pretrained(beside)
        tokenizer.save_pretrained(beside)
        for path in beside.iterdir():
            path.chmod(0o644)
        files = {path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in sorted(beside.iterdir())}
        beside.replace(folder / "model")
    except OSError as error:
        raise cannot_write(folder / "model", error) from error
    write_bytes(folder / "training.json", json.dumps({**about, "files": files}, indent=1).encode())
