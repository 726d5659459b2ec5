"""A few traces in a file of a stage's form, and a review server of them in a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import pytest

from datafactory.review.decisions import seen
from datafactory.tables import write_parquet
from datafactory.types import problem_id, trace_id

from ..conftest import REPOSITORY


def trace(number: int, **cells: Any) -> dict[str, Any]:
    question, answer = f"What is {number} + {number}?", str(2 * number)
    problem = problem_id(question, answer)
    reasoning, response = f"I add {number} and {number}.", f"It is \\boxed{{{2 * number}}}."
    row = {"problem_id": problem, "question": question, "answer": answer, "domain": "math", "rollout": 0}
    row |= {"reasoning": reasoning, "response": response, "finish_reason": "stop", "completion_tokens": 10 + number}
    row |= {"math": 1.0, "math_status": "correct", "math_detail": f"{2 * number} = {2 * number}", "length": 5.0}
    row |= cells
    return row | {"trace_id": trace_id(row["problem_id"], 0, row["reasoning"], row["response"]), "seen": seen(row)}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [trace(number) for number in range(12)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> Path:
    return written(tmp_path_factory.mktemp("dataset") / "traces.parquet", rows)


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    write_parquet(pl.DataFrame(rows).drop("seen"), path)
    return path


def said(row: dict[str, Any], decision: str, **more: str) -> dict[str, Any]:
    return {"trace_id": row["trace_id"], "seen": row["seen"], "decision": decision, **more}


class Serving:
    """`datafactory review` in a process of its own, and what can be asked of it."""

    def __init__(self, dataset: Path, *words: object, cwd: Path | None = None):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "datafactory", "review", str(dataset), "--no-browser", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        self.said: list[str] = []
        assert self.process.stdout and self.process.stderr
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            if line.startswith("Ctrl-C"):
                break
        else:
            raise AssertionError(self.process.stderr.read())
        (self.url,) = [line for line in self.said if line.startswith("http")]
        place = urlsplit(self.url)
        self.port, self.token = place.port, place.query.removeprefix("token=")

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers and what the body says; the token and a Host are sent unless `headers` has others."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"X-Token": self.token} | ({"Content-Type": "application/json"} if body is not None else {})
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, path, content, {**sent, **(headers or {})})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        told = json.loads(text) if answer.headers.get_content_type() == "application/json" else text
        return answer.status, dict(answer.headers), told

    def decide(self, body: Any) -> tuple[int, Any]:
        status, _, told = self.ask("POST", "/api/decisions", body)
        return status, told

    def trace(self, at: int, **values: object) -> dict[str, Any]:
        more = "".join(f"&{name}={value}" for name, value in values.items())
        return self.ask("GET", f"/api/trace?at={at}{more}")[2]

    def stop(self, how: int = signal.SIGINT) -> tuple[int, str, str]:
        """Exit status, and the rest of what it said."""
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture(scope="module")
def standing(dataset: Path) -> Iterator[Serving]:
    """A server for the tests that leave nothing behind: its decisions file stays empty."""
    server = Serving(dataset, "--reviewer", "anna", "--decisions", dataset.with_name("standing.jsonl"))
    yield server
    assert server.stop()[0] == 0
    assert not dataset.with_name("standing.jsonl").exists()


@pytest.fixture
def serve() -> Iterator[Callable[..., Serving]]:
    started: list[Serving] = []

    def start(*words: Any, **options: Any) -> Serving:
        started.append(Serving(*words, **options))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.process.communicate()


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
