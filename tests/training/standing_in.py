"""Stands in for a training module where only the launching is looked at: as `source` says, one fails, or they wait.

Nothing here imports torch, as each process would take seconds for it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from datafactory.errors import StageError
from datafactory.models import Weights
from datafactory.progress import StageProgress
from datafactory.stages import distill
from datafactory.training.launching import launch

HERE = Weights("base", "x", str)


def config(**settings: Any) -> distill.Config:
    values = {"from": "d", "model": "m", "device": "cpu", "gradient_accumulation_steps": 4, **settings}
    return distill.Config.model_validate(values, context={"folder": Path()})


def launched(folder: Path, source: str, said: StageProgress) -> None:
    folder.mkdir()
    launch("tests.training.standing_in", config(processes=2), source, HERE, folder, said)


def train(config: Any, source: str, weights: Any, folder: Path, progress: Any) -> None:
    rank = os.environ["RANK"]
    progress.expect(8, "steps")
    progress.advance(rows=2, tokens=5)
    # after it has told its progress
    (folder / f"pid-{rank}").write_text(str(os.getpid()))
    if source == "fails" and rank == "1":
        while not (folder / "pid-0").exists():
            time.sleep(0.01)
        raise StageError("no gold answer is readable")
    time.sleep(600)
