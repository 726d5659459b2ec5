"""Programs that read stdin and write stdout: each test a process of its own, its whole output compared outside of it.

In   the tests, the program, what each test may use
Out  how many passed, and what the first failing one wanted and got; Broken where the machinery failed
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from datafactory.programs import compare, running
from datafactory.programs.languages import TOOLS
from datafactory.programs.running import Allowed, Program, Ran
from datafactory.programs.tests import Case, Checker, Language, StdioTests, Unreadable
from datafactory.sandbox import Limits, Mode, Outcome, Sandbox

COMPILING = Limits(
    wall=180.0, cpu=60.0, memory=2 << 30, processes=64, file_size=64 << 20, output=1 << 20, open_files=256
)
JUDGING = Allowed(30.0, 1 << 30)
Judge = Callable[[Case, bytes], str]  # why an output is wrong, empty where it is right
SPARE = 1 << 20  # bytes that a test may write beyond four times what is expected
ALL_SPARE = 32 << 20  # and all tests together, where a checker has to see their outputs
NOT_RUN = "not run: tests before it met the time limit"
DECIDED = (0, 1, 2, 4, 8)  # testlib's: accepted, wrong, badly formed, more than was asked, less than was asked


@dataclass(frozen=True)
class Result:
    """One test: what the program wrote, where a checker is to see it, and why it failed already, empty where not."""

    case: Case
    failed: str
    output: bytes = b""
    outcome: Outcome | None = None


def run(
    tests: StdioTests, program: Program, allowed: Allowed, how: compare.How, tolerance: float | None, mode: Mode
) -> Ran:
    with Sandbox({TOOLS[program.language].file: program.text.encode("utf-8", "replace")}, mode=mode) as sandbox:
        wrong = compiled(sandbox, program.language)
        if wrong:
            return Ran(0, len(tests.cases), f"it does not compile: {wrong}", compiled=False)
        argv = TOOLS[program.language].run
        if tests.checker is None:
            near = tests.tolerance or tolerance
            results = _results(sandbox, tests.cases, argv, allowed, lambda case, got: _difference(case, got, how, near))
            judged = [result.failed for result in results]
        else:
            results = _results(sandbox, tests.cases, argv, allowed, None)
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
    first = ""
    for command in TOOLS[language].compile:
        outcome = sandbox.run(command, limits=COMPILING, keep=True)
        if b"Killed signal" in outcome.stderr:  # somebody ended a part of the compiler: nothing of the program's
            outcome = sandbox.run(command, limits=COMPILING, keep=True)
        if outcome.succeeded:
            return ""
        first = first or _wrong(outcome)
        if outcome.status != "exited":
            break
    return first


def _wrong(outcome: Outcome) -> str:
    lines = outcome.stderr.decode("utf-8", "replace").splitlines()
    said = next((line for line in lines if "error" in line), "")
    return said[:300] or running.why_ended(outcome, Allowed(COMPILING.cpu, COMPILING.memory))


def _results(
    sandbox: Sandbox, cases: Sequence[Case], argv: Sequence[str], allowed: Allowed, judge: Judge | None
) -> list[Result]:
    """Every output is judged as it comes, or kept where there is no judge yet."""
    results: list[Result] = []
    slow, spare = 0.0, ALL_SPARE
    for case in cases:
        if slow >= running.PATIENCE:
            results.append(Result(case, NOT_RUN))
            continue
        expected = 4 * len(case.output)
        limits = allowed.limits(output=expected + (SPARE if judge else min(SPARE, spare)))
        outcome = sandbox.run(argv, case.input.encode("utf-8", "surrogatepass"), limits)
        slow += running.cost(outcome)
        failed, output = running.why_ended(outcome, allowed), outcome.stdout
        outcome = replace(outcome, stdout=b"", stderr=b"")  # of a hundred tests, a megabyte each
        if failed or judge:
            results.append(Result(case, failed or judge(case, output), outcome=outcome))  # type: ignore[misc]
        else:
            spare -= max(0, len(output) - expected)
            results.append(Result(case, "", output, outcome))
    return results


def _difference(case: Case, got: bytes, how: compare.How, tolerance: float | None) -> str:
    wanted = case.output.encode("utf-8", "surrogatepass")
    if compare.same(wanted, got, how, tolerance):
        return ""
    return f"expected {running.short(wanted)}, got {running.short(got)}"


def checked(checker: Checker, results: Sequence[Result], mode: Mode) -> list[str]:
    """What a checker says of each output: exit status 0 accepts, 1, 2, 4 and 8 reject, as with testlib.

    A checker that does not decide on an output is given the answer of the tests instead: where it decides on that, the
    output is at fault, else the checker is.
    """
    tool = TOOLS[checker.language]
    files = {tool.file: checker.source.encode("utf-8", "surrogatepass")}
    for number, result in enumerate(results):
        files[f"input{number}"] = result.case.input.encode("utf-8", "surrogatepass")
        files[f"output{number}"] = result.output
        files[f"answer{number}"] = result.case.output.encode("utf-8", "surrogatepass")
    judged: list[str] = []
    slow = 0.0
    with Sandbox(files, mode=mode) as sandbox:
        if wrong := compiled(sandbox, checker.language):
            raise Unreadable(f"the checker does not compile: {wrong}")

        def judge(number: int, output: str) -> Outcome:
            argv = [*tool.run, f"input{number}", f"{output}{number}", f"answer{number}"]
            return sandbox.run(argv, limits=JUDGING.limits())

        for number, result in enumerate(results):
            if result.failed or slow >= running.PATIENCE:
                judged.append(result.failed or "not judged: the checker met its time limit on outputs before it")
                continue
            outcome = judge(number, "output")
            if outcome.exit_code not in DECIDED and judge(number, "answer").exit_code not in DECIDED:
                raise Unreadable(f"the checker did not decide: {running.why_ended(outcome, JUDGING)}")
            slow += running.cost(outcome)
            judged.append(_said(outcome, result.output))
    return judged


def _said(outcome: Outcome, output: bytes) -> str:
    """Why a checker does not accept; empty where it does."""
    if outcome.exit_code == 0:
        return ""
    if outcome.exit_code not in DECIDED:
        why = running.why_ended(outcome, JUDGING)
        return f"the checker cannot stand {running.short(output)}, and can the answer: {why[:200]}"
    said = (outcome.stdout or outcome.stderr)[:1000].decode("utf-8", "replace").strip()
    return f"the checker rejects {running.short(output)}: {said[:200]}"
