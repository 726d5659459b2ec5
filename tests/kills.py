"""Kills: a build whose model notes each seed it is asked for, killed at work again and again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from .conftest import REPOSITORY, command


def asked(log: Path) -> list[int]:
    """The seeds that the model was asked for; it appends each to the file that $SEEDS names."""
    return [int(line) for line in log.read_text().split()]


def shards(folder: Path) -> dict[str, bytes]:
    files = [path for path in (folder / "outputs/store").rglob("*.parquet") if not path.is_symlink()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def demand_the_same(
    whole: Path, killed: Path, journaled: Callable[[Path], set[int]], least: int, kills: int, batch: int, seed: int
) -> None:
    """That recipe.yaml in `killed`, killed so often, ends in the bytes of the one in `whole`, and asks for nothing again
    that `journaled` finds on disk. More than `least` seeds are asked for, `batch` at a time."""
    whole_log, log = whole.with_suffix(".log"), killed.with_suffix(".log")
    assert command("build", "recipe.yaml", cwd=whole, SEEDS=str(whole_log)).returncode == 0
    once = asked(whole_log)
    assert len(once) == len(set(once)) > least

    log.touch()
    stream = random.Random(seed)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "SEEDS": str(log)}
    words = [sys.executable, "-m", "datafactory", "build", "recipe.yaml"]
    count = at_work = 0
    while count < kills:
        before, kept = len(asked(log)), journaled(killed)
        running = subprocess.Popen(
            words, cwd=killed, env=environment, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while running.poll() is None and len(asked(log)) == before:
            time.sleep(0.01)
        time.sleep(stream.uniform(0, 0.5))
        if running.poll() is not None:
            break
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        count += 1
        at_work += len(asked(log)) > before
        assert not kept & set(asked(log)[before:])  # what is on disk is never asked for again
    ended = command("build", "recipe.yaml", cwd=killed, SEEDS=str(log))
    assert ended.returncode == 0, ended.stderr
    assert shards(killed) == shards(whole)
    assert set(asked(log)) == set(once) and len(asked(log)) - len(once) <= count * batch
    assert at_work >= 2
