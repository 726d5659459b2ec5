"""Programs that define a function: the tests call it from another process, and neither sees into the other.

In   the tests, the program, what each test may use
Out  how many asserts hold, and what the first failing one expected and got; Broken where the machinery failed

Two sandboxes: the program's own, which gets arguments and never what is expected, and the tests', which gets values as
plain data. Between them this process passes messages on without reading them. The tests ask for a new process of
the program before every assert.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from datafactory.programs import function_tests, names, running
from datafactory.programs.running import Allowed, Program, Ran
from datafactory.programs.tests import FunctionTests, Unreadable
from datafactory.sandbox import Broken, Conversation, Limits, Mode, Outcome, Sandbox
from datafactory.sandbox.box import FROM_OUTSIDE, TRIES

VALUE = 16 << 20  # bytes that a value may have as text
MOST_CALLS = 100_000  # of one run of the tests
# The tests wait for the program: their wall time is its, as often as they ask for a process. Their CPU time is this and
# the program's limit: what a program returns may keep them busy, and costs no more than a slow program does.
GRADING = Limits(wall=4 * 3600.0, cpu=10.0, memory=2 << 30, processes=8, output=1 << 16)
BUSY = 5  # so much wall time for a second of CPU time, where the machine is busy
CHEAP = 0.1  # of the limit: a process that took less may serve another test, where there are very many
GRACE = 60.0  # seconds beyond the wall limit until the sandbox has ended what met it
INSIDE = ("channel", "values")


class _Interrupted(Exception):
    """A process was ended by a signal that an operator, too, may have sent: the run is tried again."""


class Desk:
    """Where tests are graded: a sandbox per thread, which holds nothing of a program and therefore serves many."""

    def __init__(self, mode: Mode):
        self.mode = mode
        self._all: list[Sandbox] = []
        self._own = threading.local()

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *error: object) -> None:
        for sandbox in self._all:
            sandbox.close()

    def sandbox(self) -> Sandbox:
        if not hasattr(self._own, "sandbox"):
            self._own.sandbox = Sandbox(
                {"grade.py": _source("grade")} | _package((*INSIDE, "formula", "remote", "trees")), mode=self.mode
            )
            self._all.append(self._own.sandbox)
        return self._own.sandbox


def run(tests: FunctionTests, program: Program, allowed: Allowed, desk: Desk) -> Ran:
    for attempt in range(TRIES):
        try:
            return _run(tests, program, allowed, desk, last=attempt == TRIES - 1)
        except (_Interrupted, Broken) as error:
            reason = str(error)
    raise Broken(f"the tests failed {TRIES} times: {reason}")


def _run(tests: FunctionTests, program: Program, allowed: Allowed, desk: Desk, last: bool) -> Ran:
    with Sandbox(_program_files(program), mode=desk.mode) as theirs:
        asked = Asked(theirs, allowed, last)
        limits = replace(GRADING, cpu=GRADING.cpu + allowed.seconds)
        with asked, desk.sandbox().talk(["python3", "grade.py"], limits) as grader:
            grader.send(_told(tests, allowed))
            records, total = _heard(grader, asked, GRACE + BUSY * limits.cpu)
        if total is None:
            records.append(_stopped(grader.close(), asked, limits, last))
        return _ran(records, max(len(records), total or 0), asked)


def _heard(grader: Conversation, asked: Asked, patience: float) -> tuple[list[Mapping[str, Any]], int | None]:
    """The records of the tests, and how many there should be; None where their process stopped before it said so."""
    records: list[Mapping[str, Any]] = []
    while message := grader.receive(patience, 2 * VALUE):
        kind, text = message[:1], message[1:]
        if kind == b"O":
            grader.send(asked.reply(text))
        elif kind == b"F":
            asked.end()
        elif kind == b"A":
            records.append(json.loads(text))
        elif kind == b"X":
            raise Unreadable(f"the tests fail by themselves: {text.decode()}")
        else:
            return records, json.loads(text)["total"]
    return records, None


def _stopped(outcome: Outcome, asked: Asked, limits: Limits, last: bool) -> Mapping[str, Any]:
    """The process of the tests is gone before it was done: a record of it."""
    if outcome.signal in FROM_OUTSIDE:  # never by the program, which cannot reach it: its limits have statuses
        raise (Broken if last else _Interrupted)("the tests' process was ended from outside")
    why = running.why_ended(outcome, Allowed(limits.cpu, limits.memory)) or "it ended"
    if not asked.calls:
        raise Unreadable(f"the tests fail by themselves: {why}")
    return {
        "passed": False,
        "test": "the tests themselves",
        "expected": "",
        "got": f"what it returned takes the tests too long or too much: {why}",
    }


def _ran(records: list[Mapping[str, Any]], total: int, asked: Asked) -> Ran:
    if not asked.calls:
        raise Unreadable("the tests ask nothing of the program")
    if not records:
        return Ran(0, 1, "the tests asserted nothing of what it returned", seconds=asked.seconds, memory=asked.memory)
    failed = next((record for record in records if not record["passed"]), None)
    said = ""
    if failed is not None:
        expected = f"expected {failed['expected']}, " if failed["expected"] else ""
        said = f"{failed['test']}: {expected}got {failed['got']}"
    passed = sum(record["passed"] for record in records)
    return Ran(passed, total, said, seconds=asked.seconds, memory=asked.memory)


class Asked:
    """The program, a process at a time."""

    def __init__(self, sandbox: Sandbox, allowed: Allowed, last: bool):
        self.sandbox, self.allowed, self.last = sandbox, allowed, last
        self.calls, self.slow = 0, 0.0
        self.seconds: float | None = None
        self.memory: int | None = None
        self._process: Conversation | None = None
        self._over = ""

    def __enter__(self) -> Asked:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.end()

    def reply(self, message: bytes) -> bytes:
        """The program's answer to a message of the tests, or why there is none."""
        self.calls += 1
        if self.slow >= running.PATIENCE and self._process is None and not self._over:
            return b"Enot run: tests before it met the time limit"
        if self.calls > MOST_CALLS:
            return b"Ethe tests called it too often"
        if self._over:
            return b"E" + self._over.encode()
        if self._process is None:
            self._process = self.sandbox.talk(["python3", "serve.py"], self.allowed.limits())
        self._process.send(message)
        reply = self._process.receive(self.allowed.limits().wall + GRACE, VALUE)
        if reply is not None:
            return b"R" + reply
        self._over = self._end() or "it ended without an answer"
        return b"E" + self._over.encode()

    def end(self) -> None:
        """The next message is for a new process."""
        self._end()
        self._over = ""

    def _end(self) -> str:
        if self._process is None:
            return ""
        process, self._process = self._process, None
        outcome = process.close()
        if outcome.signal in FROM_OUTSIDE and not self.last:
            raise _Interrupted("the program's process was ended from outside")
        self.slow += running.cost(outcome)
        self.seconds = max(self.seconds or 0.0, outcome.cpu_seconds)
        self.memory = max(self.memory or 0, outcome.memory or 0)
        return running.why_ended(outcome, self.allowed) or f"it ended, with exit status {outcome.exit_code}"


def _program_files(program: Program) -> dict[str, bytes]:
    texts = {"preamble.py": program.preamble, "program.py": program.text}
    files = {name: text.encode("utf-8", "surrogatepass") for name, text in texts.items()}
    files |= {"serve.py": _source("serve"), "prelude.py": _source("prelude") if program.prelude else b""}
    return files | _package(INSIDE)


def _told(tests: FunctionTests, allowed: Allowed) -> bytes:
    tree = function_tests.parsed(tests.code)
    bound = function_tests.bound_names(function_tests.parsed(tests.preamble))
    free = names.free(tests.code) - bound
    free |= {tests.entry} - {""} - names.defined(tests.code)  # one that is called as a builtin is
    told = {
        "code": tests.code,
        "preamble": tests.preamble,
        "free": sorted(free),
        "prelude": tests.prelude,
        "entry": tests.entry,
        "plain": names.methods(tree, "Solution") < 2,
        "cheap": CHEAP * allowed.seconds,
    }
    return json.dumps(told).encode()


def _package(names: tuple[str, ...]) -> dict[str, bytes]:
    """Modules under the names that they import each other by."""
    folder = "datafactory/programs/inside"
    packages = ("datafactory", "datafactory/programs", folder)
    return {f"{place}/__init__.py": b"" for place in packages} | {
        f"{folder}/{name}.py": _source(name) for name in names
    }


@cache
def _source(name: str) -> bytes:
    return (Path(__file__).parent / "inside" / f"{name}.py").read_bytes()
