"""kill -9 at any moment of a build: started again, it ends in the same bytes and pays for no completion twice."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from .conftest import RECIPE, REPOSITORY, command, journaled

KILLS = 12
BATCH = 8


def start(folder: Path, log: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TEACHER_LOG": str(log)}
    words = [sys.executable, "-m", "datafactory", "build", "recipe.yaml"]
    return subprocess.Popen(
        words, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def kept(folder: Path) -> set[tuple[str, int]]:
    """(question, rollout) of every completion that is in the journal."""
    found = set()
    for output in journaled(folder):
        rollout, a, b = re.search(r"Try (\d+): I add (\d+) and (\d+)", output.text).groups()  # type: ignore[union-attr]
        found.add((f"{a} + {b}?", int(rollout)))
    return found


def asked(log: Path) -> list[tuple[str, int]]:
    """(question, rollout) of every answer the teacher gave, in order."""
    lines = [line.rsplit(" ", 2) for line in log.read_text().splitlines()]
    return [(question, int(rollout)) for question, rollout, _ in lines]


def shards(folder: Path) -> dict[str, bytes]:
    """Every Parquet file under its place in the store or the published folder, leftovers included."""
    files = [path for path in (folder / "outputs").rglob("*.parquet") if not path.is_symlink()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_dozen_kills_end_in_the_same_bytes_and_pay_for_nothing_twice(small: Path, tmp_path: Path):
    recipe = RECIPE.replace("batch_size: 8", f"batch_size: {BATCH}, latency: 0.1")
    small.write_text(recipe)
    whole = tmp_path / "whole"
    subprocess.run(["cp", "-r", small.parent, whole], check=True)
    (whole / "recipe.yaml").write_text(RECIPE)
    began = time.monotonic()
    assert command("build", "recipe.yaml", cwd=whole).returncode == 0
    lasts = time.monotonic() - began  # a machine that is busy takes longer to begin

    stream = random.Random(20251121)
    log = tmp_path / "teacher.log"
    log.touch()
    kills, at_work, moments = 0, 0, Counter()
    while kills < KILLS:
        before = len(asked(log))
        journaled = kept(small.parent)
        running = start(small.parent, log)
        time.sleep(stream.uniform(0.2, 1.0) * (lasts + 0.8))
        ended = running.poll() is not None
        if not ended:
            os.killpg(running.pid, signal.SIGKILL)
            kills += 1
        _, said = running.communicate()
        at_work += not ended and len(asked(log)) > before
        moments[len(said.strip().splitlines())] += 1
        assert not journaled & set(asked(log)[before:])  # what is on disk is never asked for again
        if ended:  # it got through: begin again, so that every kill hits a build at work
            assert running.returncode == 0, said
            assert shards(small.parent) == shards(whole)
            subprocess.run(["rm", "-rf", small.parent / "outputs"], check=True)
            log.write_text("")
    final = command("build", "recipe.yaml", cwd=small.parent, TEACHER_LOG=str(log))
    assert final.returncode == 0, final.stderr
    assert shards(small.parent) == shards(whole)
    left = [path.name for path in (small.parent / "outputs").rglob(".*") if path.name != ".lock"]
    assert left == []
    twice = len(asked(log)) - len(set(asked(log)))
    assert twice <= KILLS * BATCH  # a batch in flight at each kill, at the most
    assert at_work >= 3  # while the teacher was answering
    assert len(moments) > 1, moments  # the kills hit more than one moment


def test_ctrl_c_stops_cleanly_keeps_everything_and_says_how_to_go_on(small: Path, tmp_path: Path):
    small.write_text(RECIPE.replace("batch_size: 8", "batch_size: 8, latency: 0.4"))
    log = tmp_path / "teacher.log"
    log.touch()
    running = start(small.parent, log)
    while len(asked(log)) < 16:
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "Stopped. Everything that was finished is kept.\nTo go on: datafactory build recipe.yaml" in said
    assert "Traceback" not in said
    journaled = kept(small.parent)
    assert len(journaled) >= 8
    before = len(asked(log))
    assert command("build", "recipe.yaml", cwd=small.parent, TEACHER_LOG=str(log)).returncode == 0
    assert not journaled & set(asked(log)[before:])


def test_a_polite_kill_is_like_ctrl_c(small: Path, tmp_path: Path):
    small.write_text(RECIPE.replace("batch_size: 8", "batch_size: 8, latency: 0.4"))
    log = tmp_path / "teacher.log"
    log.touch()
    running = start(small.parent, log)
    while not asked(log):
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGTERM)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130 and "To go on: datafactory build recipe.yaml" in said


def test_workers_of_a_parent_that_was_killed_end_by_themselves(tmp_path: Path):
    script = """
import os, sys, time
from functools import partial
from datafactory.executors.local import run
if __name__ == "__main__":
    print(os.getpid(), flush=True)
    list(run([partial(time.sleep, 60) for _ in range(2)], 2))
"""
    (tmp_path / "parent.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"], env=environment, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while len(children(parent.pid)) < 3 and time.monotonic() < deadline:  # two workers and multiprocessing's tracker
        time.sleep(0.1)
    workers = children(parent.pid)
    assert len(workers) >= 3
    time.sleep(1)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [int(word) for word in found.split()]
