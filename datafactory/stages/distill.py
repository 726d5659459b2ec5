"""Distill: a student trained by SFT on a merged dataset, loss on the completion only, with TRL's SFTTrainer.

In   a merge's rows; the weights of a base model
Out  a model folder that plain transformers loads, and the loss by step

A row that is longer than `max_length` is left out and counted, never cut. Defaults are R1's for distillation (B.4)
where the paper tells them: cosine to a tenth, 2 epochs, context 32,768, batch 64.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import AliasChoices, Field

from datafactory.chat import slips
from datafactory.check import Check
from datafactory.config import Base, ref, runtime
from datafactory.job import Job
from datafactory.settings import Prompt, Text
from datafactory.store import Draft

VERSION = 1
MAKES = "model"


class Config(Base):
    source: str = ref("dataset", alias="from")
    """The merged dataset."""
    model: str = ref("weights")
    """The base: a name under `models`, or a trained stage above."""
    prompt: Prompt = Text("{question}")
    """The user's turn of rows that think, with {question}; the others have their question alone."""
    system: Prompt | None = None
    """The system prompt; the chat template's own without one."""
    epochs: float = Field(2, gt=0, validation_alias=AliasChoices("epochs", "num_train_epochs"))
    max_steps: int = -1
    """Optimiser steps; over `epochs` when it is above 0."""
    learning_rate: float = Field(1e-4, gt=0)
    """R1's for the smallest student; larger ones take less (8e-5 at 7B, 6e-5 at 32B, 2e-5 at 70B)."""
    per_device_train_batch_size: int = Field(1, ge=1)
    gradient_accumulation_steps: int = Field(64, ge=1)
    max_length: int = Field(32768, ge=8)
    """Longest row in tokens, prompt included."""
    dtype: Literal["auto", "float32", "mixed", "bfloat16"] = "auto"
    """While it trains. mixed: float32 weights, multiplied in bfloat16, which `auto` takes where the machine can; on a
    CPU it is 1.4 times as fast and learns as well. bfloat16 weights lose most small steps."""
    seed: int | None = None
    """The recipe's by default."""
    device: Literal["auto", "cpu"] = runtime("auto")


def columns(config: Config, check: Check) -> list[str]:
    check.column(check.of(config.source), "messages", "from")
    if "{question}" not in config.prompt.content:
        check.wrong(("prompt",), "has no {question}: every row would get the same prompt")
    for key, text in (("prompt", config.prompt), ("system", config.system)):
        for slip in slips(text.content if text else ""):
            check.wrong((key,), slip)
    return []


def run(config: Config, job: Job) -> None:
    from datafactory.training.sft import train  # torch and trl, seconds to import, only when something is trained

    train(config, job.inputs[config.source].split("train"), job.weights[config.model], job.draft.folder, job.progress)


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    counts: dict[str, Any] = json.loads((draft.folder / "training.json").read_text())
    return counts
