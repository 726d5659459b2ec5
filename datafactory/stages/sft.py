"""SFT: a model trained on a merged dataset, loss on the answers only, with TRL's SFTTrainer.

In   a merge's rows; the weights to start from
Out  a model folder that plain transformers loads, and the loss by step

The cold start and R1's third stage: `model` names what it starts from, which in the paper is the base both times.
Defaults are the paper's (arXiv:2501.12948, B.4): 2 epochs, 5e-5 by a cosine to 5e-6, context 32,768, batch 128. Of a
row with turns before its question the last answer alone carries the loss.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field

from datafactory.check import Check
from datafactory.job import Job
from datafactory.store import Draft
from datafactory.supervised import Supervised

VERSION = 1
MAKES = "model"


class Config(Supervised):
    learning_rate: float = Field(5e-5, gt=0)
    gradient_accumulation_steps: int = Field(128, ge=1)


def columns(config: Config, check: Check) -> list[str]:
    config.check(check)
    return []


def run(config: Config, job: Job) -> None:
    from datafactory.training.sft import carried_out  # torch and trl, seconds to import, only when something is trained

    carried_out(config, job)


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    counts: dict[str, Any] = json.loads((draft.folder / "training.json").read_text())
    return counts
