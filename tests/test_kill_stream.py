"""kill -9, fifty times at random, of builds that stream: nothing that arrived is lost, and the shards come out the same.

A kill comes some time after everything is imported, or after so many more answers were asked for, and takes the whole
process group, the worker that verifies included.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .conftest import REPOSITORY, journaled, write_rows

BUILDS, KILLS = 3, 17  # at once, and of each
UNDER_WAY = 24

STARTER = """
import sys
import datafactory.cli, datafactory.factory, datafactory.engines.scripted, datafactory.stages.generate
print("ready", flush=True)
sys.argv = ["datafactory", "build", "recipe.yaml"]
datafactory.cli.main()
"""
RECIPE = f"""name: stream
seed: 3
models:
  teacher: {{engine: scripted, function: ./teacher.py, batch_size: 6, concurrency: {UNDER_WAY}, latency: [0, 0.06]}}
stages:
  problems: {{do: load, path: problems.jsonl, question: ask, answer: gold, rows_per_shard: 12}}
  traces:
    do: generate
    from: problems
    model: teacher
    with: [exact]
    until: {{accepted: 2, where: exact = 1, max_rollouts: 12}}
  chosen: {{do: select, from: traces, where: exact = 1, per_problem: 2}}
"""
# right once in three; what is asked is on disk before there is an answer
TEACHER = r"""
import os

def answer(question, rollout, seed):
    note = os.open("asked.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(note, f"{question.split()[1]} {rollout}\n".encode())
    os.close(note)
    number = int(question.split()[1])
    said = number * number + seed % 3
    return f"<think>\nFor {number}, at try {rollout}.\n</think>\n\n{said}"
"""


class Builds:
    """Builds of the recipe in a folder, one after another."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        write_rows(folder / "problems.jsonl", [{"ask": f"Square {n} !", "gold": str(n * n)} for n in range(60)])
        (folder / "teacher.py").write_text(TEACHER)
        (folder / "recipe.yaml").write_text(RECIPE)

    def build(self, answers: int | None = None, seconds: float = 0) -> int:
        """Its exit status; it is killed so many seconds after so many answers were asked for, unless it has ended."""
        before = len(self.asked())
        words = [sys.executable, "-c", STARTER]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        with (self.folder / "said.txt").open("w") as said:
            running = subprocess.Popen(
                words, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=said, start_new_session=True
            )
        with running:
            assert running.stdout is not None and running.stdout.readline() == b"ready\n", self.said()
            while answers is not None and running.poll() is None and len(self.asked()) < before + answers:
                time.sleep(0.01)
            try:
                running.wait(None if answers is None else seconds)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
        return running.returncode

    def said(self) -> str:
        return (self.folder / "said.txt").read_text()

    def asked(self) -> list[tuple[int, int]]:
        """(problem, rollout) of every answer that was asked for, in order."""
        path = self.folder / "asked.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(line.split()[0]), int(line.split()[1])) for line in lines]

    def kept(self) -> list[tuple[int, int]]:
        """(problem, rollout) of every answer in the journal."""
        found = [output.text.split("\n")[1] for output in journaled(self.folder)]
        return [(int(said.split()[1].strip(",")), int(said.split()[4].strip("."))) for said in found]

    def made(self) -> dict[str, bytes]:
        files = [path for path in (self.folder / "outputs").rglob("*.parquet") if not path.is_symlink()]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}

    def anew(self) -> None:
        shutil.rmtree(self.folder / "outputs")
        (self.folder / "asked.txt").unlink()


def killed_again_and_again(builds: Builds, whole: dict[str, bytes], seed: int) -> Counter[str]:
    """Kill after kill, each checked; then the build that gets through."""
    stream, seen = random.Random(seed), Counter[str]()
    while seen["kills"] < KILLS:
        before, kept = builds.asked(), builds.kept()
        status = builds.build(stream.choice([0, 1, 1, 8, 20, 40, 80]), stream.choice([0.03, 0.15]) * stream.random())
        asked, there = builds.asked(), builds.kept()
        assert not set(kept) & set(asked[len(before) :]), "what is in the journal was asked for again"
        assert set(kept) <= set(there) and len(there) == len(set(there)), "what was in the journal is not, or is twice"
        if status == -signal.SIGKILL:
            seen["kills"] += 1
            seen["at work"] += len(asked) > len(before)
            seen["resumed"] += bool(kept)
            lost = set(asked[len(before) :]) - set(there)
            assert len(lost) <= UNDER_WAY, "more was lost than can have been under way"
        else:  # it got through: begin again, so that every kill hits a build at work
            assert status == 0, builds.said()
            seen["whole"] += 1
            assert builds.made() == whole
            builds.anew()
        twice = len(builds.asked()) - len(set(builds.asked()))
        assert twice <= UNDER_WAY * seen["kills"]
    assert builds.build() == 0, builds.said()
    assert builds.made() == whole
    return seen


def test_fifty_kills_lose_nothing_that_arrived_and_end_in_the_same_shards(tmp_path: Path):
    undisturbed = Builds(tmp_path / "undisturbed")
    assert undisturbed.build() == 0, undisturbed.said()
    whole = undisturbed.made()
    assert len(whole) >= 10 and len(undisturbed.asked()) == len(set(undisturbed.asked())) > 300
    running = [Builds(tmp_path / str(n)) for n in range(BUILDS)]
    with ThreadPoolExecutor(BUILDS) as pool:
        seen = list(pool.map(lambda n: killed_again_and_again(running[n], whole, 100 + n), range(BUILDS)))
    total = sum(seen, Counter[str]())
    assert total["kills"] >= 50
    assert total["at work"] >= 25 and total["resumed"] >= 10, total  # while answers were asked for; with some there
    assert not list(tmp_path.rglob("*.tmp"))
