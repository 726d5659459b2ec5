"""kill -9 while a model rewrites: the same bytes in the end, and no rewrite that is on disk paid for twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import conftest
from .conftest import REPOSITORY, command, write_rows
from .rewritings.scenes import RECIPE, WRITER, sums

KILLS = 5
BATCH = 4
LIGHT = "checks: [finished, form, numbers, own, answer]"  # without word lists a process begins at once
STAGES = f"""  told: {{do: rewrite, from: rows, model: writer, with: {{conversational: {{{LIGHT}}}}}, verifiers: [math], attempts: 3}}
  done: {{do: rewrite, from: told, model: writer, with: {{summary: {{{LIGHT}}}}}, verifiers: [math], attempts: 3}}
"""
# one text in four fails a check, by the seed alone: attempts are part of what is interrupted
WRITING = """
def reply(messages, rollout, seed):
    shown = fields(messages)
    mark = f"x_{seed}"
    if "response" in shown:
        text = f"So {mark}, and \\\\boxed{{{shown['response']}}}."
    else:
        text = f"First I look, {mark}. {shown['reasoning']}"
    if seed % 4 == 0:
        text += " And 987654321."
    with open(os.environ["SEEDS"], "a") as stream:
        stream.write(f"{seed}\\n")
    return text
"""


def prepared(folder: Path, latency: float) -> Path:
    folder.mkdir()
    write_rows(folder / "rows.jsonl", sums(44))
    (folder / "writer.py").write_text(WRITER + WRITING)
    recipe = (RECIPE + STAGES).replace(f"batch_size: {BATCH}", f"batch_size: {BATCH}, latency: {latency}")
    (folder / "recipe.yaml").write_text(recipe)
    return folder


def asked(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()]


def journaled(folder: Path) -> set[int]:
    """The seeds of the rewrites that are on disk; the writer puts its seed into each."""
    texts = [output.text for output in conftest.journaled(folder)]
    return {int(text.partition("x_")[2].split(",")[0].split(".")[0]) for text in texts}


def shards(folder: Path) -> dict[str, bytes]:
    files = [path for path in (folder / "outputs/store").rglob("*.parquet") if not path.is_symlink()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_kills_while_rewriting_end_in_the_same_bytes_and_pay_for_nothing_twice(tmp_path: Path):
    whole, killed = prepared(tmp_path / "whole", 0), prepared(tmp_path / "killed", 0.1)
    whole_log, log = tmp_path / "whole.log", tmp_path / "killed.log"
    assert command("build", "recipe.yaml", cwd=whole, SEEDS=str(whole_log)).returncode == 0
    once = asked(whole_log)
    assert len(once) == len(set(once)) > 100  # both stages and their attempts, each with a seed of its own

    log.touch()
    stream = random.Random(20261121)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "SEEDS": str(log)}
    words = [sys.executable, "-m", "datafactory", "build", "recipe.yaml"]
    kills = at_work = 0
    while kills < KILLS:
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
        kills += 1
        at_work += len(asked(log)) > before
        assert not kept & set(asked(log)[before:])  # what is on disk is never asked for again
    ended = command("build", "recipe.yaml", cwd=killed, SEEDS=str(log))
    assert ended.returncode == 0, ended.stderr
    assert shards(killed) == shards(whole)
    assert set(asked(log)) == set(once) and len(asked(log)) - len(once) <= kills * BATCH
    assert at_work >= 2
