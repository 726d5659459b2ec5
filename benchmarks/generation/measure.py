"""Measure: one contender's process against the server, timed by the server, its answers checked one by one."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environments import HERE, Failed
from server import answer

QUIET = {  # nothing is told to anyone, and nothing is fetched
    "TELEMETRY_ENABLED": "false",
    "NEMO_TELEMETRY_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "CURATOR_VIEWER": "0",
    "OPENAI_API_KEY": "none",
    "NO_PROXY": "*",
}
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


class Loopback:
    """The server in a process of its own."""

    def __init__(self, latency: float, folder: Path):
        command = [sys.executable, str(HERE / "server.py"), "--latency", str(latency)]
        with (folder / "server.txt").open("w") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/v1"

    def __enter__(self) -> Loopback:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def told(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=30) as response:
            told: dict[str, Any] = json.load(response)
        return told


@dataclass(frozen=True)
class Run:
    name: str
    interpreter: Path
    problems: Path
    requests: int
    in_flight: int
    timeout: float
    server: Loopback


@dataclass(frozen=True)
class Measured:
    requests: int
    seconds: float
    wall: float
    cpu: float
    memory: int
    server: float
    most_in_flight: int
    connections: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


@dataclass(frozen=True)
class Ended:
    """How a process ended; memory is the largest of its processes, in bytes."""

    code: int
    wall: float
    cpu: float
    memory: int


def measured(run: Run, folder: Path) -> Measured:
    """One run from nothing; Failed where it does not end well, or an answer is missing."""
    run.server.told("reset")
    ended = waited(run, started(run, folder))
    seen = run.server.told("stats")
    if ended is None:
        raise Failed(f"it ran past {run.timeout:g} s, with {seen['answered']:,} of {run.requests:,} answered")
    if ended.code:
        raise Failed(f"exit {ended.code}: {last_words(folder)}")
    if wrong := unlike(run, folder):
        raise Failed(wrong)
    return Measured(
        run.requests,
        seen["seconds"],
        ended.wall,
        ended.cpu,
        ended.memory,
        seen["server_cpu"],
        seen["most_in_flight"],
        seen["connections"] - 1,  # this process asks for the figures
    )


def started(run: Run, folder: Path) -> subprocess.Popen[bytes]:
    """The contender's process, in a folder and a session of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    given = {
        "base_url": run.server.url,
        "in_flight": run.in_flight,
        "problems": str(run.problems),
        "folder": str(folder),
        "answers": str(folder / "answers.jsonl"),
    }
    kept = {name: value for name, value in os.environ.items() if name.lower() not in PROXIES}
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(
            # -P: a contender is called like what it imports
            [run.interpreter, "-P", HERE / f"contenders/{run.name}.py", json.dumps(given)],
            cwd=folder,
            env={**kept, **QUIET, "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def waited(run: Run, process: subprocess.Popen[bytes]) -> Ended | None:
    """How it ended; None where its time was up. Nothing that it started is left."""
    began = time.monotonic()
    try:
        while time.monotonic() - began < run.timeout:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                unit = 1 if sys.platform == "darwin" else 1024
                wall = time.monotonic() - began
                return Ended(process.returncode, wall, used.ru_utime + used.ru_stime, used.ru_maxrss * unit)
            time.sleep(0.02)
        return None
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to it and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.returncode is None:
        process.wait()


def unlike(run: Run, folder: Path) -> str | None:
    """What is wrong with the answers it gave: every problem's own, once."""
    path = folder / "answers.jsonl"
    if not path.exists():
        return f"it gave no answers: {last_words(folder)}"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    found = {row["number"]: row["answer"] for row in rows}
    missing = sum(number not in found for number in range(run.requests))
    wrong = sum(text != answer(number) for number, text in found.items())
    if missing or wrong or len(rows) != run.requests:
        return (
            f"of {run.requests:,} answers {missing:,} are missing, {wrong:,} wrong, {len(rows) - len(found):,} doubled"
        )
    return None


def last_words(folder: Path) -> str:
    lines = (folder / "log.txt").read_text(errors="replace").split("\n")
    spoken = [line.strip() for line in lines if any(letter.isalnum() for letter in line)]
    return " / ".join(spoken[-2:]) or "without a word"


def raise_limits() -> None:
    """As many sockets as there may be requests in flight, and some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else max(soft, 65536), hard))
