"""Programs that read stdin and write stdout: each test a process of its own, its whole output compared outside of it.

In   the tests, the program, what each test may use
Out  how many passed, and what the first failing one wanted and got; Broken where the machinery failed
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datafactory.programs import compare, running
from datafactory.programs.languages import TOOLS
from datafactory.programs.running import Allowed, Program, Ran
from datafactory.programs.tests import Case, Checker, Language, StdioTests, Unreadable
from datafactory.sandbox import Limits, Mode, Outcome, Sandbox

COMPILING = Limits(
    wall=180.0, cpu=60.0, memory=2 << 30, processes=64, file_size=256 << 20, output=1 << 20, open_files=256
)
JUDGING = Allowed(30.0, 1 << 30)


@dataclass(frozen=True)
class Result:
    """One test that ran: what it wrote, and why it failed already, empty where its output decides."""

    case: Case
    outcome: Outcome | None
    failed: str

    @property
    def output(self) -> bytes:
        return self.outcome.stdout if self.outcome else b""


def run(
    tests: StdioTests, program: Program, allowed: Allowed, how: compare.How, tolerance: float | None, mode: Mode
) -> Ran:
    with Sandbox({TOOLS[program.language].file: program.text.encode("utf-8", "replace")}, mode=mode) as sandbox:
        wrong = compiled(sandbox, program.language)
        if wrong:
            return Ran(0, len(tests.cases), f"it does not compile: {wrong}", compiled=False)
        results = _results(sandbox, tests.cases, TOOLS[program.language].run, allowed)
    if tests.checker is None:
        judged = [result.failed or _difference(result, how, tests.tolerance or tolerance) for result in results]
    else:
        judged = checked(tests.checker, results, mode)
    failed = next(
        (f"input {running.short(r.case.input)}: {why}" for r, why in zip(results, judged, strict=True) if why), ""
    )
    outcomes = [result.outcome for result in results if result.outcome]
    return Ran(
        passed=sum(not why for why in judged),
        total=len(judged),
        failed=failed,
        seconds=max((outcome.cpu_seconds for outcome in outcomes), default=None),
        memory=max((outcome.memory for outcome in outcomes if outcome.memory), default=None),
    )


def compiled(sandbox: Sandbox, language: Language) -> str:
    """Compile where the language wants it; what is wrong, empty where nothing is."""
    if not TOOLS[language].compile:
        return ""
    outcome = sandbox.run(TOOLS[language].compile, limits=COMPILING, keep=True)
    if b"Killed signal" in outcome.stderr:  # somebody ended a part of the compiler, which says nothing of the program
        outcome = sandbox.run(TOOLS[language].compile, limits=COMPILING, keep=True)
    if outcome.succeeded:
        return ""
    lines = outcome.stderr.decode("utf-8", "replace").splitlines()
    first = next((line for line in lines if "error" in line), "")
    return first[:300] or running.why_ended(outcome, Allowed(COMPILING.cpu, COMPILING.memory))


def _results(sandbox: Sandbox, cases: Sequence[Case], argv: Sequence[str], allowed: Allowed) -> list[Result]:
    results, slow = [], 0
    for case in cases:
        if slow >= running.PATIENCE:
            results.append(Result(case, None, "not run: tests before it met the time limit"))
            continue
        limits = allowed.limits(output=(1 << 20) + 4 * len(case.output))
        outcome = sandbox.run(argv, case.input.encode("utf-8", "surrogatepass"), limits)
        slow += running.cost(outcome)
        results.append(Result(case, outcome, running.why_ended(outcome, allowed)))
    return results


def _difference(result: Result, how: compare.How, tolerance: float | None) -> str:
    wanted = result.case.output.encode("utf-8", "surrogatepass")
    if compare.same(wanted, result.output, how, tolerance):
        return ""
    return f"expected {running.short(wanted)}, got {running.short(result.output)}"


def checked(checker: Checker, results: Sequence[Result], mode: Mode) -> list[str]:
    """What a checker says of each output: exit status 0 accepts, 1 and 2 reject, as with testlib."""
    tool = TOOLS[checker.language]
    files = {tool.file: checker.source.encode()}
    for number, result in enumerate(results):
        files[f"input{number}"] = result.case.input.encode("utf-8", "surrogatepass")
        files[f"output{number}"] = result.output
        files[f"answer{number}"] = result.case.output.encode("utf-8", "surrogatepass")
    judged = []
    with Sandbox(files, mode=mode) as sandbox:
        if wrong := compiled(sandbox, checker.language):
            raise Unreadable(f"the checker does not compile: {wrong}")
        for number, result in enumerate(results):
            if result.failed:
                judged.append(result.failed)
                continue
            argv = [*tool.run, *(f"{name}{number}" for name in ("input", "output", "answer"))]
            outcome = sandbox.run(argv, limits=JUDGING.limits())
            if outcome.exit_code not in (0, 1, 2):
                raise Unreadable(f"the checker did not decide: {running.why_ended(outcome, JUDGING)}")
            said = (outcome.stdout or outcome.stderr).decode("utf-8", "replace").strip()
            got = running.short(result.output)
            judged.append(f"the checker rejects {got}: {said[:200]}" if outcome.exit_code else "")
    return judged
