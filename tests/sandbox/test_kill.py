"""Ended from outside, at any time: the outcome is the same, and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from datafactory.sandbox import Broken, Limits, Mode, Sandbox
from datafactory.sandbox import start as starting
from datafactory.sandbox.box import TRIES

from ..conftest import REPOSITORY
from .modes import WALLED

SLOW = b"import sys, time\ntime.sleep(0.6)\nprint(sys.stdin.read()[::-1])"


def descendants(pid: int) -> list[int]:
    found = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    for child in map(int, children):
        found += [child, *descendants(child)]
    return found


def of_sandbox(sandbox: Sandbox) -> list[int]:
    """bubblewrap, or our own first process; pid 1 of the sandbox; the program, if one runs."""
    started = sandbox._started
    return [started.process.pid, *descendants(started.process.pid)] if started else []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("mode", WALLED)
def test_a_run_whose_process_is_killed_is_run_again(mode: Mode, which: int, number: int):
    def kill() -> None:
        for _ in range(2):
            until = time.monotonic() + 20
            while time.monotonic() < until and not over:
                pids = of_sandbox(sandbox)
                if len(pids) == 3:
                    seen.update(pids)
                    os.kill(pids[which], number)
                    time.sleep(0.3)
                    break
                time.sleep(0.01)

    seen: set[int] = set()
    over: list[bool] = []
    with Sandbox({"main.py": SLOW}, Limits(wall=60), mode) as sandbox:
        sandbox.run(["true"])
        thread = threading.Thread(target=kill)
        thread.start()
        outcome = sandbox.run(["python3", "main.py"], stdin=b"abc")
        over.append(True)
        thread.join()
        assert (outcome.status, outcome.exit_code, outcome.stdout) == ("exited", 0, b"cba\n")
        assert len(seen) >= 3
        assert sandbox.run(["python3", "main.py"], stdin=b"def").stdout == b"fed\n"
    gone(sorted(seen))


@pytest.mark.parametrize("ends", ["SIGKILL", "SIGTERM", "'SIGKILL', 'SIGTERM', 'SIGHUP'"])
@pytest.mark.parametrize("mode", WALLED)
def test_a_program_that_ends_itself_is_tried_again_at_the_first_test_only(
    mode: Mode, ends: str, monkeypatch: pytest.MonkeyPatch
):
    def counted(self: starting.Started, *words: Any) -> None:
        asked.append(words)
        ask(self, *words)

    asked: list[object] = []
    ask = starting.Started.ask
    monkeypatch.setattr(starting.Started, "ask", counted)
    names = ends if "," in ends else f"{ends!r},"
    text = f"import os, signal\nif input() != '9':\n    names = ({names})\n    os.kill(os.getpid(), getattr(signal, names[os.getpid() % len(names)]))\nprint(1)"
    with Sandbox({"main.py": text.encode()}, mode=mode) as sandbox:
        assert sandbox.run(["python3", "main.py"], stdin=b"9").succeeded
        for n in range(5):
            assert sandbox.run(["python3", "main.py"], stdin=b"%d" % n).status == "killed"
        assert sandbox.run(["python3", "main.py"], stdin=b"9").succeeded
    assert len(asked) == 2 + TRIES + 4


@pytest.mark.parametrize("mode", WALLED)
def test_a_sandbox_that_is_stopped_is_replaced(mode: Mode, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(starting, "GRACE", 1.0)
    monkeypatch.setattr(starting, "PATIENCE", 0.5)
    with Sandbox({"main.py": SLOW}, Limits(wall=1), mode) as sandbox:
        sandbox.run(["true"])
        pids = of_sandbox(sandbox)
        os.kill(pids[1], signal.SIGSTOP)
        assert sandbox.run(["python3", "main.py"], stdin=b"ab").stdout == b"ba\n"
        gone(pids)


@pytest.mark.parametrize("mode", WALLED)
def test_a_sandbox_killed_between_two_runs_is_replaced_with_what_was_kept(mode: Mode):
    with Sandbox({"main.py": SLOW}, mode=mode) as sandbox:
        assert sandbox.run(["sh", "-c", "echo kept > kept; chmod 755 kept"], keep=True).succeeded
        for pid in reversed(of_sandbox(sandbox)):
            os.kill(pid, signal.SIGKILL)
        assert sandbox.run(["sh", "-c", "cat kept; test -x kept"]).stdout == b"kept\n"


@pytest.mark.parametrize("mode", WALLED)
def test_a_conversation_that_is_killed_says_so(mode: Mode):
    with Sandbox({"main.py": SLOW}, mode=mode) as sandbox:
        program = sandbox.talk(["sleep", "60"])
        until = time.monotonic() + 20
        while len(of_sandbox(sandbox)) < 3 and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(of_sandbox(sandbox)[1], signal.SIGKILL)
        assert program.receive(30) is None
        for _ in range(2):
            with pytest.raises(Broken, match="ended in the middle"):
                program.close()
        assert sandbox.run(["python3", "main.py"], stdin=b"ab").stdout == b"ba\n"
        now = sandbox._started
        with pytest.raises(Broken):
            program.close()
        assert sandbox._started is now, "a conversation that is over ends nothing of what came after it"


@pytest.mark.parametrize("mode", WALLED)
def test_nothing_outlives_the_process_that_started_it(mode: Mode, tmp_path: Path):
    text = (
        "import sys, threading, time\nfrom datafactory.sandbox import Limits, Sandbox\n"
        f"sandboxes = [Sandbox({{}}, Limits(wall=600), {mode!r}) for _ in range(2)]\n"
        "threads = [threading.Thread(target=s.run, args=(['sh', '-c', 'setsid sleep 600 & sleep 600'],)) for s in sandboxes]\n"
        "[thread.start() for thread in threads]\n"
        "while not all(s._started for s in sandboxes): time.sleep(0.01)\n"
        "print(*[s._started.process.pid for s in sandboxes], flush=True)\ntime.sleep(600)\n"
    )
    host = subprocess.Popen(
        [sys.executable, "-c", text],
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert host.stdout
    starters = [int(word) for word in host.stdout.readline().split()]
    until = time.monotonic() + 30
    while time.monotonic() < until and sum(len(descendants(pid)) for pid in starters) < 8:
        time.sleep(0.05)
    pids = starters + [pid for starter in starters for pid in descendants(starter)]
    assert len(pids) == 10, "two sandboxes of five processes"
    host.kill()
    host.wait()
    host.stdout.close()
    gone(pids)


@pytest.mark.parametrize("mode", WALLED)
def test_an_interrupted_run_leaves_nothing_and_the_next_is_right(mode: Mode):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background of a script ignore it
    with Sandbox({"main.py": SLOW}, Limits(wall=60), mode) as sandbox:
        sandbox.run(["true"])
        pids = of_sandbox(sandbox)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            sandbox.run(["sleep", "30"])
        gone(pids)
        assert sandbox.run(["python3", "main.py"], stdin=b"ab").stdout == b"ba\n"


@pytest.mark.parametrize("mode", WALLED)
def test_an_interrupted_conversation_leaves_nothing_and_the_next_run_is_right(mode: Mode):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Sandbox({"main.py": SLOW}, Limits(wall=60), mode) as sandbox:
        program = sandbox.talk(["sleep", "30"])
        pids = of_sandbox(sandbox)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            program.close()
        gone(pids)
        assert sandbox.run(["python3", "main.py"], stdin=b"ab").stdout == b"ba\n"


def gone(pids: list[int]) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and any(alive(pid) for pid in pids):
        time.sleep(0.02)
    assert not [pid for pid in pids if alive(pid)]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
