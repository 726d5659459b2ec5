"""A small recipe with a scripted teacher, for the tests that build."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datafactory.build import Plan
from datafactory.engines import Output
from datafactory.factory import make
from datafactory.progress import Progress
from datafactory.segments import outputs_of

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command sets it, before torch is imported
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests under nohup ignore it, and so would all that they start
REPOSITORY = Path(__file__).resolve().parents[1]

TEACHER = """
import os

def answer(question, rollout, seed):
    a, b = (int(word) for word in question.rstrip("?").split(" + "))
    log = os.environ.get("TEACHER_LOG")
    if log:
        with open(log, "a") as stream:
            stream.write(f"{question} {rollout} {seed}\\n")
    said = a + b + (seed % 2)
    return f"<think>\\nTry {rollout}: I add {a} and {b} and get {said}.\\n</think>\\n\\nThe answer is \\\\boxed{{{said}}}."
"""

RECIPE = """name: small
seed: 1
models:
  teacher: {engine: scripted, function: ./teacher.py, batch_size: 8}
stages:
  problems: {do: load, path: problems.jsonl, question: ask, answer: gold, domain: math, with: [math], rows_per_shard: 10}
  traces:
    do: generate
    from: problems
    model: teacher
    group_size: 4
    system: Be brief.
    sampling: {temperature: 0.7}
  checked: {do: verify, from: traces, with: [math, format]}
  clean: {do: filter, from: checked, keep: {repetition: {max: 0.5}, pass_rate: {min: 0.1, max: 0.9, of: math}}}
  accepted: {do: select, from: clean, where: math = 1 and format = 1, per_problem: 2, prefer: completion_tokens}
  chat: {do: load, path: chat.jsonl, question: ask, response: say, domain: general, license: Apache-2.0}
  dataset: {do: merge, from: [accepted, chat], shard_bytes: 4000}
"""

# the text of an engine in a file of the user's own; what a test adds to it goes on in the class
ENGINE = """
import re
from datafactory.config import Base as Config
from datafactory.engines import Output

VERSION = 1
WEIGHTS = False


def start(config, weights):
    return Engine()


class Engine:
    room, batches, rendered = 4, False, True

    def render(self, messages, prefill):
        return messages[-1]["content"] + "|" + prefill

    def close(self):
        pass
"""


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder"):  # xdist would begin with the files of most tests
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that load a real model first, so that no core waits for them in the end."""
    long = {item.path for item in items if "model" in item.keywords}
    items.sort(key=lambda item: item.path not in long)


def write_rows(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The path of a recipe over 40 sums and 5 chat rows, in a folder of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "teacher.py").write_text(TEACHER)
    write_rows(folder / "problems.jsonl", [{"ask": f"{n} + {2 * n}?", "gold": 3 * n, "n": n} for n in range(40)])
    write_rows(folder / "chat.jsonl", [{"ask": f"Say {n}.", "say": f"Here you are: {n}."} for n in range(5)])
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE)
    return recipe


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the scripted teacher writes each answer it gives."""
    path = tmp_path / "teacher.log"
    path.touch()
    monkeypatch.setenv("TEACHER_LOG", str(path))
    return path


def built(recipe: Path, *assignments: str, outputs: str = "outputs", **options: Any) -> Plan:
    with Progress() as progress:
        return make(recipe, recipe.parent / outputs, progress, assignments, **options)


def journaled(folder: Path) -> Iterator[Output]:
    """Every output on a sound line of the journals in a folder, as often as it is there; the index is not asked."""
    for path in (folder / "outputs/store/journal").rglob("*.jsonl"):
        for line in path.read_bytes().splitlines(keepends=True):
            yield from (outputs_of(line) or {}).values()


def command(
    *words: object, cwd: Path | None = None, timeout: float = 600, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`datafactory ...` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "datafactory", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        timeout=timeout,
    )
