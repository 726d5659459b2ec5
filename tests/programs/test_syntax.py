"""Whether a text is Python is decided by the text, and not by who ends the process that looks at it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from datafactory import boundary
from datafactory.programs import syntax
from datafactory.sandbox import Broken
from datafactory.types import Completion, Problem
from datafactory.verifiers import code

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the processes to end")


def children() -> list[int]:
    """The boundary's processes."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        try:
            pids = (task / "children").read_text().split()
            found += [int(pid) for pid in pids if b"datafactory.boundary" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        except OSError:
            continue
    return found


@contextmanager
def ended_by(number: signal.Signals) -> Iterator[None]:
    """Every process of the boundary is ended by this signal as soon as it is there."""
    boundary.close()
    over = threading.Event()

    def end() -> None:
        while not over.is_set():
            for pid in children():
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            time.sleep(0.001)

    killer = threading.Thread(target=end)
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_an_end_from_outside_says_nothing_of_the_text_and_is_not_remembered(number: signal.Signals):
    text = f"from_outside = {int(number)}"
    with ended_by(number), pytest.raises(Broken, match=f"exit status -{int(number)}"):
        syntax.of(text)
    assert syntax.of(text) == syntax.Syntax(True, True)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGPROF])
def test_a_parser_that_a_text_crashes_has_read_no_program(number: signal.Signals):
    text = f"crashes = {int(number)}"
    with ended_by(number):
        assert not syntax.of(text).compiles
    assert syntax.of(text).compiles


def test_a_row_whose_program_or_tests_could_not_be_looked_at_is_an_error_until_it_can():
    stdio = Problem("q", tests=json.dumps({"cases": [{"input": "1", "output": "2"}]}))
    fenced, bare = Completion("```python\nprint(int(input()) + 1)\n```"), Completion("print(int(input())+1)")
    function = Problem("q", tests="assert one_more(1) == 2")
    defined = Completion("```python\ndef one_more(x): return x + 1\n```")
    pairs = [(stdio, fenced), (stdio, bare), (function, defined)]
    with ended_by(signal.SIGKILL):
        verdicts = code.verify_all(pairs, code.Config())
        golds = [code.gold(function, code.Config()), code.gold(Problem("q", "print(2)", stdio.tests), code.Config())]
    assert [(verdict.reward, verdict.status) for verdict in [*verdicts, *golds]] == [(None, "error")] * 5
    assert [verdict.status for verdict in code.verify_all(pairs, code.Config())] == ["correct"] * 3


def test_what_crashes_the_parser_is_wrong_as_a_program_and_undecidable_as_tests():
    stdio = Problem("q", tests=json.dumps({"cases": [{"input": "1", "output": "2"}]}))
    with ended_by(signal.SIGSEGV):
        verdict = code.verify(stdio, Completion("```python\nprint(1 + 2 + 3)\n```"), code.Config())
        assert (verdict.reward, verdict.status) == (0.0, "incorrect")
        tests = Problem("q", tests="assert two_more(1) == 3")
        verdict = code.verify(tests, Completion("```python\ndef two_more(x): return x + 2\n```"), code.Config())
        assert (verdict.reward, verdict.status) == (None, "undecidable_gold")


def test_a_parser_that_computes_too_long_is_ended_by_cpu_time():
    slow = "from datafactory.programs import syntax; syntax.CPU = 0.001; syntax.look('x = 1\\n' * 100_000)"
    assert subprocess.run([sys.executable, "-c", slow], timeout=60).returncode == -signal.SIGPROF


def test_no_text_is_held_for_what_is_remembered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(syntax, "KEPT", 3)
    for number in range(5):
        assert syntax.of(f"held = {number}").compiles
    assert len(syntax._seen) <= 3 and all(len(key) == 32 for key in syntax._seen)
