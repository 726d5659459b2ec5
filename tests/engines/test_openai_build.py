"""`datafactory build` through a server: killed and started again in mid-run; nothing lost, doubled, or written down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import polars as pl

from ..conftest import REPOSITORY, command, write_rows
from ._servers import serving

RECIPE = """name: traces
models:
  teacher: {{engine: openai, model: m, base_url: "{url}", concurrency: {concurrency}, api_key_env: SOME_KEY, patience: {patience}, backoff: 0.05}}
stages:
  problems: {{do: load, path: problems.jsonl, rows_per_shard: 100}}
  traces: {{do: generate, from: problems, model: teacher, group_size: 3, sampling: {{max_tokens: 64}}}}
"""


def recipe(folder: Path, url: str, concurrency: int = 8, patience: float = 20, count: int = 200) -> Path:
    write_rows(folder / "problems.jsonl", [{"question": f"What is {n}?"} for n in range(count)])
    path = folder / "recipe.yaml"
    path.write_text(RECIPE.format(url=url, concurrency=concurrency, patience=patience))
    return path


def check(folder: Path, count: int = 200) -> None:
    rows = pl.read_parquet(folder / "outputs/traces/traces/shard-*.parquet").sort("question", "rollout")
    assert rows.height == 3 * count and rows.unique(["problem_id", "rollout"]).height == 3 * count
    said = rows["response"].str.split("/")
    assert (said.list.get(0) == rows["question"].str.extract(r"(\d+)")).all()  # its own answer
    assert said.list.get(1).n_unique() == 3 * count  # to its own seed
    assert rows["model"].unique().to_list() == ["m"] and rows["finish_reason"].unique().to_list() == ["stop"]


def test_a_server_that_is_killed_and_started_again_costs_only_what_was_under_way(tmp_path: Path):
    with serving(tmp_path, latency=0.05) as server:
        recipe(tmp_path, server.url)
        words = [sys.executable, "-m", "datafactory", "build", "recipe.yaml"]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "SOME_KEY": "sk-very-secret"}
        running = subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        for mark in (60, 300):
            while running.poll() is None and len(server.posts) < mark:
                time.sleep(0.02)
            assert running.poll() is None
            server.kill()
            time.sleep(0.7)
            server.start()
        said = running.communicate(timeout=120)[1]
        assert running.returncode == 0, said
        check(tmp_path)
        assert 600 <= len(server.posts) <= 600 + 2 * 8
        seeds = {post["body"]["seed"] for post in server.posts}
        assert len(seeds) == 600
    for path in (tmp_path / "outputs").rglob("*"):
        if path.is_file():
            assert b"sk-very-secret" not in path.read_bytes(), path
    assert "sk-very-secret" not in said


def test_a_server_that_stays_away_ends_the_build_in_one_line_and_the_next_goes_on(tmp_path: Path):
    with serving(tmp_path, latency=0.05) as server:
        recipe(tmp_path, server.url, patience=1)
        words = [sys.executable, "-m", "datafactory", "build", "recipe.yaml"]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "SOME_KEY": "sk-very-secret"}
        running = subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        while running.poll() is None and len(server.posts) < 150:
            time.sleep(0.02)
        server.kill()
        said = running.communicate(timeout=60)[1]
        assert running.returncode == 1 and "Traceback" not in said
        assert "(connection refused)" in " ".join(said.split()) and "start it and build again" in " ".join(said.split())
        server.start()
        again = command("build", "recipe.yaml", cwd=tmp_path, SOME_KEY="other-key")
        assert again.returncode == 0, again.stderr
        check(tmp_path)
        assert len(server.posts) <= 600 + 8


def test_another_address_and_another_key_ask_for_nothing_again(tmp_path: Path):
    with serving(tmp_path) as server, serving(tmp_path, "moved") as moved:
        recipe(tmp_path, server.url, count=10)
        assert command("build", "recipe.yaml", cwd=tmp_path, SOME_KEY="one").returncode == 0
        recipe(tmp_path, moved.url, concurrency=3, count=10)
        assert command("build", "recipe.yaml", cwd=tmp_path).returncode == 0  # no key is needed for what is there
        assert len(server.posts) == 30 and not moved.posts


def test_a_key_that_is_not_set_is_said_in_one_line(tmp_path: Path):
    recipe(tmp_path, "http://127.0.0.1:9/v1", count=2)
    environment = {name: value for name, value in os.environ.items() if name != "SOME_KEY"}
    built = subprocess.run(
        [sys.executable, "-m", "datafactory", "build", "recipe.yaml"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 1 and "Traceback" not in built.stderr
    assert "the environment variable SOME_KEY, which `api_key_env` names, is not set" in " ".join(built.stderr.split())


def test_a_request_that_fails_is_a_row_with_its_error_and_is_asked_again_later(tmp_path: Path):
    with serving(tmp_path, faults={"400": 2}) as server:
        recipe(tmp_path, server.url, count=20)
        built = command("build", "recipe.yaml", cwd=tmp_path, SOME_KEY="one")
        assert built.returncode == 0, built.stderr
        rows = pl.read_parquet(tmp_path / "outputs/traces/traces/shard-*.parquet")
        failed = rows.filter(pl.col("finish_reason") == "error")
        assert failed.height == 2 and failed["response"].unique().to_list() in ([""], [None])
        assert failed["error"].str.contains("HTTP 400: This model's maximum context length").all()
        keys = [
            record["key"]
            for path in (tmp_path / "outputs/store/journal").rglob("*.jsonl")
            for line in path.read_text().splitlines()
            for record in json.loads(line.partition(" ")[2])
        ]
        assert len(keys) == len(set(keys)) == 58
