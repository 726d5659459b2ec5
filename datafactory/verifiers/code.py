"""Code: the program in the response passes the problem's tests, each in a sandboxed process of its own.

In   tests, or the columns that hold them (HumanEval, MBPP, LeetCode, APPS, TACO, code_contests ...); response: its last
     fenced block in a language that counts
Out  1 when every test passes, 0 when not, or the share of them; no_answer without a program, undecidable_gold where the
     tests cannot be read, error when the sandbox failed. A program that is too slow is wrong
Use  Python, C++ and JavaScript that read stdin; Python functions
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from datafactory.config import Base, runtime
from datafactory.programs import assemble, formats, functions, lint, reference, stdio, syntax
from datafactory.programs.compare import How
from datafactory.programs.languages import demand as demand_tools
from datafactory.programs.running import Allowed, Program, Ran
from datafactory.programs.tests import FunctionTests, Language, StdioTests, Tests, Unreadable
from datafactory.sandbox import Broken, Mode, demand
from datafactory.types import Completion, Fact, Problem, Verdict

VERSION = 1
FACTS = {
    "extracted": "Boolean",
    "language": "String",
    "compiled": "Boolean",
    "lint": "Int32",
    "tests_passed": "Int32",
    "tests_total": "Int32",
    "failed": "String",
    "seconds": "Float64",
    "time_limit": "Float64",
    "memory": "Int64",
}


def _there(mode: Mode) -> Mode:
    demand(mode)
    return mode


def _installed(names: tuple[Language, ...]) -> tuple[Language, ...]:
    demand_tools(names)
    return names


class Config(Base):
    languages: Annotated[tuple[Language, ...], Field(min_length=1), AfterValidator(_installed)] = ("python",)
    """The languages that count; a block without a tag is in the first. Tests of a function are for Python."""
    reward: Literal["all", "share"] = "all"
    """all: 1 when every test passes, else 0. share: the share of the tests that pass."""
    compare: How = "lines"
    """lines: outputs may differ in whitespace at the ends of lines and of the output. tokens: in any whitespace."""
    tolerance: float | None = Field(None, gt=0)
    """The error, absolute or relative, that a number of an output may have, where the problem does not say."""
    time_limit: float = Field(10.0, gt=0)
    """Seconds of CPU time for one test, where the problem states no limit."""
    time_factor: float = Field(3.0, gt=0)
    """How often the time limit that a problem states: those are for the judge's machine, and often for C++."""
    memory_limit: int = Field(1024, ge=64)
    """MiB for one test; a problem that states more gets that."""
    sandbox: Annotated[Mode, AfterValidator(_there)] = runtime("auto", validate_default=True)
    """How programs are shut in: the best way this machine has, or `none`, which shuts nothing in."""


def verify(problem: Problem, completion: Completion, config: Config) -> Verdict:
    return verify_all([(problem, completion)], config)[0]


def gold(problem: Problem, config: Config) -> Verdict:
    """A problem whose reference solution passes its tests can be graded, and so can one that has tests and none."""
    try:
        tests = formats.read(problem)
        programs = reference.solutions(problem, tests.what, config.languages)
    except Unreadable as error:
        return _null("undecidable_gold", error)
    except Broken as error:
        return _null("error", error)
    if not programs:
        return Verdict.correct("no reference solution to try the tests with")
    with functions.Desk(config.sandbox) as desk:
        for program in programs:
            verdict = _verdict(program, _outcome(tests, program, config, desk), None, tests, config)
            if verdict.status == "correct":
                return verdict
    if verdict.status in ("incorrect", "no_answer"):
        return Verdict.undecided("undecidable_gold", f"the reference solution fails: {verdict.detail}")
    return verdict


def verify_all(pairs: Sequence[tuple[Problem, Completion]], config: Config) -> list[Verdict]:
    """Each distinct program of a problem runs once; several run at a time."""
    read: dict[bytes, Tests | Verdict] = {}
    jobs: dict[tuple[bytes, Program], Tests] = {}
    decided: list[Verdict | tuple[bytes, Program]] = []
    for problem, completion in pairs:
        key = _key(problem)
        tests = read[key] if key in read else read.setdefault(key, _read(problem))
        if isinstance(tests, Verdict):
            decided.append(tests)
        elif isinstance(found := _program(tests, completion, config), Verdict):
            decided.append(found)
        else:
            decided.append((key, found))
            jobs[key, found] = tests
    threads = ThreadPoolExecutor(min(len(jobs), os.cpu_count() or 1) or 1)
    with functions.Desk(config.sandbox) as desk, threads as pool:
        outcomes = pool.map(lambda job: _outcome(job[1], job[0][1], config, desk), jobs.items())
        ran = dict(zip(jobs, outcomes, strict=True))
    lints = _lints(ran)
    return [
        found
        if isinstance(found, Verdict)
        else _verdict(found[1], ran[found], lints.get(found[1]), jobs[found], config)
        for found in decided
    ]


def _lints(ran: Mapping[tuple[bytes, Program], Ran | Verdict]) -> dict[Program, int | None]:
    compiled = {program for (_, program), how in ran.items() if isinstance(how, Ran) and how.compiled}
    programs = [program for program in compiled if program.language == "python"]
    return dict(zip(programs, lint.findings(programs), strict=True))


def _key(problem: Problem) -> bytes:
    """The hash of what tests are read from, which may have many megabytes."""
    meta = None if problem.tests is not None and len(problem.meta) == 0 else problem.meta
    return sha256(json.dumps([problem.question, problem.tests, meta], default=str).encode()).digest()


def _read(problem: Problem) -> Tests | Verdict:
    try:
        return formats.read(problem)
    except Unreadable as error:
        return _null("undecidable_gold", error)
    except Broken as error:
        return _null("error", error)


def _program(tests: Tests, completion: Completion, config: Config) -> Program | Verdict:
    """What is to run, or the verdict where nothing is."""
    try:
        found = assemble.program(completion.response, tests.what, config.languages)
    except Broken as error:
        return _null("error", error)
    if isinstance(found, Program):
        return found
    facts: dict[str, Fact] = {"extracted": found is not None, "language": found}
    if found is None:
        return Verdict(0.0, "no_answer", "the response holds no program", facts)
    wanted = ("python",) if isinstance(tests.what, FunctionTests) else config.languages
    return Verdict(0.0, "incorrect", f"the program is in {found[:40]}; {', '.join(wanted)} would count", facts)


def _outcome(tests: Tests, program: Program, config: Config, desk: functions.Desk) -> Ran | Verdict:
    allowed = _allowed(tests, config)
    try:
        if program.language == "python" and not (seen := syntax.of(program.text)).compiles:
            total = len(tests.what.cases) if isinstance(tests.what, StdioTests) else None
            return Ran(0, total, f"it does not compile: {seen.error}", compiled=False)
        if isinstance(tests.what, FunctionTests):
            return functions.run(tests.what, program, allowed, desk)
        return stdio.run(tests.what, program, allowed, config.compare, config.tolerance, config.sandbox)
    except Unreadable as error:
        return _null("undecidable_gold", error)
    except Broken as error:
        return _null("error", error)


def _null(status: Literal["undecidable_gold", "error"], error: Exception) -> Verdict:
    return Verdict.undecided(status, str(error)[:500])


def _allowed(tests: Tests, config: Config) -> Allowed:
    return Allowed.where(tests.stated, config.time_limit, config.time_factor, config.memory_limit)


def _verdict(program: Program, ran: Ran | Verdict, lint: int | None, tests: Tests, config: Config) -> Verdict:
    facts: dict[str, Any] = {"extracted": True, "language": program.language, "lint": lint}
    if isinstance(ran, Verdict):
        return Verdict(ran.reward, ran.status, ran.detail, facts)
    facts |= {"compiled": ran.compiled, "tests_passed": ran.passed, "tests_total": ran.total}
    facts |= {"failed": ran.failed[:1000] or None, "seconds": ran.seconds, "memory": ran.memory}
    facts |= {"time_limit": _allowed(tests, config).seconds}
    passes = ran.compiled and ran.total is not None and ran.passed == ran.total
    if passes:
        return Verdict(1.0, "correct", f"{ran.total} tests pass", facts)
    share = ran.passed / ran.total if config.reward == "share" and ran.total else 0.0
    counted = f"{ran.passed} of {ran.total} tests pass; " if ran.total is not None else ""
    return Verdict(share, "incorrect", f"{counted}{ran.failed}"[:500], facts)
