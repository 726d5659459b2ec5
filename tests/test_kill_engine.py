"""kill -9 in the middle of a model's work: its batches are the same at the next attempt, and so are the bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl

from .conftest import REPOSITORY, command, write_rows
from .tiny import tiny_model

RECIPE = """name: traces
models:
  tiny: {model: ./tiny, batch_size: 6, dtype: float32}
stages:
  problems: {do: load, path: problems.jsonl, rows_per_shard: 12}
  traces: {do: generate, from: problems, model: tiny, group_size: 4, sampling: {temperature: 1, top_p: 1, max_tokens: 192}}
"""
KILLS = 4


def test_a_model_that_is_killed_at_work_ends_in_the_same_bytes(tmp_path: Path):
    folder = tmp_path / "killed"
    folder.mkdir()
    tiny_model(folder / "tiny", "llama")
    write_rows(folder / "problems.jsonl", [{"question": f"What is {n} + {n}?" + " why" * (n % 7)} for n in range(24)])
    (folder / "recipe.yaml").write_text(RECIPE)
    whole = tmp_path / "whole"
    subprocess.run(["cp", "-r", folder, whole], check=True)
    assert command("build", "recipe.yaml", cwd=whole).returncode == 0

    stream = random.Random(7)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    hits = 0
    for _ in range(KILLS):
        before = journaled(folder)
        words = [sys.executable, "-m", "datafactory", "build", "recipe.yaml"]
        running = subprocess.Popen(
            words, cwd=folder, env=environment, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while running.poll() is None and journaled(folder) == before:
            time.sleep(0.005)
        time.sleep(stream.uniform(0, 0.3))
        hits += running.poll() is None
        os.killpg(running.pid, signal.SIGKILL) if running.poll() is None else None
        running.wait()
    assert hits >= 2  # the kills met a model at work
    assert command("build", "recipe.yaml", cwd=folder).returncode == 0
    one, other = (pl.read_parquet(place / "outputs/traces/traces/shard-*.parquet") for place in (folder, whole))
    assert one.height == 96 and one.equals(other)
    for path in (whole / "outputs").rglob("shard-*.parquet"):
        if not path.is_symlink():
            assert (folder / path.relative_to(whole)).read_bytes() == path.read_bytes()


def journaled(folder: Path) -> int:
    """Bytes in the journal."""
    return sum(path.stat().st_size for path in (folder / "outputs/store/journal").rglob("*.jsonl"))
