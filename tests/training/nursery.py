"""Nursery: processes that train, forked from one that has imported all of it: a training that may be killed.

`born(folder, kind, settings)` starts one. What it said on its way is in `said.txt`, why it failed in `error.txt`.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable
from contextlib import nullcontext
from io import StringIO
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from datafactory.job import Job
from datafactory.models import weights_at
from datafactory.plugins import find
from datafactory.progress import Progress
from datafactory.store import Dataset, Draft, locked

PATIENCE = 600.0  # seconds, on a machine that does much else
PRELOADED = [
    "datafactory.training.sft",
    "datafactory.training.grpo",
    "datafactory.training.launching",
    "transformers.models.qwen2.modeling_qwen2",
    "tests.tiny",
]


def born(folder: Path, kind: str, settings: dict[str, Any], environment: dict[str, str] | None = None) -> Any:
    """A process in which the stage of that kind runs on folder/source and folder/base, into folder/made."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    child = context.Process(target=_run, args=(folder, kind, settings, environment or {}))
    child.start()
    return child


def ran(folder: Path, kind: str, settings: dict[str, Any]) -> str:
    """What the stage said on its way, run to its end in a process of its own."""
    child = born(folder, kind, settings)
    child.join(PATIENCE)
    assert child.exitcode == 0, (folder / "error.txt").read_text()
    return (folder / "said.txt").read_text()


def killed_after(child: ForkServerProcess, reached: Callable[[], bool], pause: float) -> bool:
    """Kills the process that long after it has reached something; False where it ended before."""
    until = time.monotonic() + PATIENCE
    while child.is_alive() and not reached():
        assert time.monotonic() < until
        time.sleep(0.002)
    time.sleep(pause)
    alive = child.is_alive()
    if alive:
        assert child.pid
        os.kill(child.pid, signal.SIGKILL)
    child.join()
    return alive and child.exitcode == -signal.SIGKILL


def _run(folder: Path, kind: str, settings: dict[str, Any], environment: dict[str, str]) -> None:
    os.environ.update(environment)
    torch.set_num_threads(1)
    if "LARGEST" in environment:  # bytes that a file may have: a disk that is full
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(environment["LARGEST"]),) * 2)
    said = StringIO()
    try:
        stage = find("stage", kind, folder).module
        values = {"from": "source", "model": "base", "seed": 3, "device": "cpu", "dtype": "float32", **settings}
        config = stage.Config.model_validate(values, context={"folder": folder})
        made = folder / "made"
        made.mkdir(exist_ok=True)
        watch = Progress(Console(file=said)).stage(kind)
        inputs, weights = {"source": Dataset(folder / "source")}, {"base": weights_at(str(folder / "base"), Path())}
        with nullcontext() if "RANK" in environment else locked(made):
            stage.run(config, Job(Draft(made), folder, watch, inputs=inputs, weights=weights))
    except BaseException as error:
        (folder / "error.txt").write_text(f"{type(error).__name__}: {error}")
        raise
    finally:
        if environment.get("RANK", "0") == "0":
            (folder / "said.txt").write_text(said.getvalue())
