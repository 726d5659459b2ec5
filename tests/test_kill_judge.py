"""kill -9 while a judge is at work, on rollouts and on pairs: the same bytes in the end, and no opinion paid for twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import conftest
from .conftest import REPOSITORY, command, write_rows
from .judges.scenes import HONEST, RECIPE

KILLS = 6
BATCH = 4
STAGES = """  judged: {do: judge, from: rows, model: referee, with: [correctness], votes: 2, max_errors: 1}
  pairs: {do: pairs, from: judged, model: referee, margin: 0, max_errors: 1}
"""
# one answer in five cannot be read, by the seed alone: rounds of retries are part of what is interrupted
REFEREE = (
    HONEST
    + """
def reply(messages, rollout, seed):
    shown = fields(messages)
    if seed % 5 == 0:
        said = says(messages, unreadable=seed)
    elif "reference" in shown:
        said = says(messages, verdict=["correct", "incorrect"][seed % 2], analysis=str(seed))
    else:
        said = says(messages, preference=["A much better", "B better", "equal"][seed % 3], analysis=str(seed))
    with open(os.environ["SEEDS"], "a") as stream:
        stream.write(f"{seed}\\n")
    return said
"""
)


def prepared(folder: Path, latency: float) -> Path:
    folder.mkdir()
    given = [
        {"ask": f"{n} + {n}?", "gold": str(2 * n), "say": f"It is {2 * n + k}."} for n in range(16) for k in range(3)
    ]
    write_rows(folder / "rows.jsonl", given)
    (folder / "referee.py").write_text(REFEREE.replace('"analysis": "seen", ', ""))
    recipe = (RECIPE + STAGES).replace("batch_size: 4", f"batch_size: {BATCH}, latency: {latency}")
    (folder / "recipe.yaml").write_text(recipe)
    return folder


def asked(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()]


def journaled(folder: Path) -> set[int]:
    """The seeds of the opinions that are on disk; the referee writes its seed into each."""
    said = [json.loads(output.text) for output in conftest.journaled(folder)]
    return {int(each.get("unreadable") or each["analysis"]) for each in said}


def shards(folder: Path) -> dict[str, bytes]:
    files = [path for path in (folder / "outputs/store").rglob("*.parquet") if not path.is_symlink()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_kills_while_judging_end_in_the_same_bytes_and_pay_for_nothing_twice(tmp_path: Path):
    whole, killed = prepared(tmp_path / "whole", 0), prepared(tmp_path / "killed", 0.05)
    whole_log, log = tmp_path / "whole.log", tmp_path / "killed.log"
    assert command("build", "recipe.yaml", cwd=whole, SEEDS=str(whole_log)).returncode == 0
    once = asked(whole_log)
    assert len(once) == len(set(once)) > 300  # votes, judgements and retries, each with a seed of its own

    log.touch()
    stream = random.Random(20251122)
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
