"""One problem's synthesis: what it needs, made ready before a model is asked; then its generators and programs run.

In   the problem's row, its submissions, how the verifier `code` runs programs; the rollouts that hold its generators
Out  a Result; SetAside where nothing can be decided, Broken where the sandbox failed
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from datafactory.programs import assemble, formats
from datafactory.programs.running import Allowed, Program
from datafactory.programs.tests import Stated, StdioTests, Unreadable
from datafactory.sandbox import Mode
from datafactory.synthesis import inputs, trial
from datafactory.synthesis.candidates import Result, Rules, SetAside, synthesized
from datafactory.synthesis.inputs import Call
from datafactory.synthesis.submissions import Submission
from datafactory.synthesis.trial import Claim, Printed
from datafactory.types import problem_of
from datafactory.verifiers.code import Config as Running

NO_TESTS = '{"cases": [{"input": "", "output": ""}]}'


@dataclass(frozen=True)
class Task:
    """A problem that tests can be made for: what it came with, what a run may use, its submissions' programs."""

    given: StdioTests
    allowed: Allowed
    programs: Mapping[Submission, Program | str]


def task_of(row: Mapping[str, Any], submissions: Sequence[Submission], rules: Rules, running: Running) -> Task:
    """What the problem needs; SetAside before anything is paid for where it cannot have tests."""
    own = tests_of(row)
    programs = {submission: _program(submission, own.what, running) for submission in submissions}
    right = sum(submission.right and isinstance(program, Program) for submission, program in programs.items())
    if right < rules.min_right:
        known = f"{right} of {rules.min_right}, among {len(submissions)} submissions"
        lost = "".join(f"; submission {s.number}: {why}" for s, why in programs.items() if isinstance(why, str))
        raise SetAside("too few right submissions", known + lost)
    allowed = Allowed.where(own.stated, running.time_limit, running.time_factor, running.memory_limit)
    return Task(own.what, allowed, programs)


@dataclass(frozen=True)
class Own:
    """What a problem itself says of tests: its cases, a checker, a tolerance; the limits it states."""

    what: StdioTests
    stated: Stated


def tests_of(row: Mapping[str, Any]) -> Own:
    """No cases where the problem came with none; SetAside where it wants something else than stdin and stdout."""
    problem = problem_of(row)
    try:
        tests = formats.read(problem)
        what = tests.what
    except Unreadable as error:
        if problem.tests is not None:
            raise SetAside("its tests cannot be read", str(error)) from error
        tests = formats.read(replace(problem, tests=NO_TESTS))
        what = replace(tests.what, cases=()) if isinstance(tests.what, StdioTests) else tests.what
    if not isinstance(what, StdioTests):
        raise SetAside("its tests call a function", "only programs that read stdin and write stdout get tests")
    return Own(what, tests.stated)


def _program(submission: Submission, tests: StdioTests, running: Running) -> Program | str:
    """The program, or why there is none that runs."""
    found = assemble.program(submission.response, tests, running.languages)
    if isinstance(found, Program):
        return found
    return f"it is in {found[:40]}, not in {', '.join(running.languages)}" if found else "it holds no program"


def result_of(
    task: Task,
    rollouts: Sequence[Mapping[str, Any]],
    count: int,
    longest: int,
    rules: Rules,
    running: Running,
    stopped: Event,
) -> Result:
    """The tests that the generators in these rollouts give. CancelledError between two programs after `stopped`."""
    asked = (rollout for rollout in rollouts if not stopped.is_set())
    calls = [call for rollout in asked for call in _calls(rollout, count, longest, running.sandbox)]

    def run(program: Program, texts: Sequence[str], patience: int | None) -> list[Printed] | str:
        if stopped.is_set():
            raise CancelledError
        return trial.printed(program, texts, task.allowed, running.sandbox, patience)

    def hold(claims: Sequence[Claim]) -> list[bool | None]:
        return trial.hold(claims, task.given, running.compare, running.tolerance, running.sandbox)

    return synthesized(task.given, calls, task.programs, rules, run, hold)


def _calls(rollout: Mapping[str, Any], count: int, longest: int, mode: Mode) -> Iterator[Call]:
    text = inputs.generator(rollout["response"] or "")
    if rollout["finish_reason"] == "error":
        yield Call(rollout["rollout"], reason="there is no generator", evidence="the model gave no completion")
    elif text is None:
        yield Call(rollout["rollout"], reason="there is no generator", evidence="the response holds no Python program")
    else:
        yield from inputs.calls(text, rollout["rollout"], count, longest, mode)
