"""Whoever kills a sandbox from outside, at any time, changes no verdict."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from datafactory.types import Completion, Problem
from datafactory.verifiers import code

WORK = "import time\nstart = time.process_time()\nwhile time.process_time() < start + 0.4: pass\n"
FUNCTION = (
    f"{WORK}def f(x):\n    return sum(x)",
    {"function": "f", "cases": [{"args": [[1, n]], "expected": 1 + n} for n in range(4)]},
)
STDIO = (
    f"{WORK}print(sum(map(int, input().split())))",
    {"cases": [{"input": f"1 {n}", "output": str(1 + n)} for n in range(4)]},
)


def inside() -> list[int]:
    """The processes of sandboxes that this process has started, and those below them."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    boots = [pid for pid, parent in parents.items() if parent == os.getpid() and b"SANDBOX" in _command(pid).upper()]
    found: list[int] = []
    level = boots
    while level:
        found += level
        level = [pid for pid, parent in parents.items() if parent in level]
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize(("program", "tests"), [FUNCTION, STDIO], ids=["function", "stdio"])
@pytest.mark.parametrize("which", ["first", "last", "all"])
def test_a_sandbox_killed_from_outside_changes_no_verdict(program: str, tests: object, which: str):
    problem, completion = Problem("q", tests=json.dumps(tests)), Completion(f"```python\n{program}\n```")
    verdicts = []
    run = threading.Thread(target=lambda: verdicts.append(code.verify(problem, completion, code.Config())))
    run.start()
    time.sleep(0.8)
    victims = sorted(inside())
    assert victims, "no sandbox was running"
    for victim in {"first": victims[:1], "last": victims[-1:], "all": victims}[which]:
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            pass
    run.join(60)
    assert [(verdict.status, verdict.detail) for verdict in verdicts] == [("correct", "4 tests pass")]
