"""Trial: a submission run on inputs, and outputs held against what they should be.

In   a program, inputs, what a run may use
Out  what it printed for each, or why it failed; whether an output is right where another one is known to be
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from datafactory.programs import compare, running, stdio, syntax
from datafactory.programs.languages import TOOLS
from datafactory.programs.running import Allowed, Program
from datafactory.programs.tests import Case, StdioTests, Unreadable
from datafactory.sandbox import Mode, Outcome, Sandbox

OUTPUT = 4 << 20  # bytes that a submission may print
BATCH, BATCH_BYTES = 200, 8 << 20  # of what one sandbox of a checker holds


@dataclass(frozen=True)
class Printed:
    """What a submission printed for an input; None where it failed, and why. `run` is false where it was not tried."""

    output: str | None
    failed: str = ""
    run: bool = True


@dataclass(frozen=True)
class Claim:
    """That a submission's output is right, where another output is known to be."""

    input: str
    expected: str
    got: str


def printed(
    program: Program, inputs: Sequence[str], allowed: Allowed, mode: Mode, patience: int | None = None
) -> list[Printed] | str:
    """A result for each input; a text where the program does not compile. Each input gets a process of its own.

    After `patience` inputs that took too long the others are not tried: one run costs the whole time limit.
    """
    tool = TOOLS[program.language]
    if program.language == "python" and not (seen := syntax.of(program.text)).compiles:
        return f"it does not compile: {seen.error}"
    results: list[Printed] = []
    slow = 0
    with Sandbox({tool.file: program.text.encode("utf-8", "replace")}, mode=mode) as sandbox:
        if wrong := stdio.compiled(sandbox, program.language):
            return f"it does not compile: {wrong}"
        for text in inputs:
            if slow == patience:
                results.append(Printed(None, f"not tried: too slow on {slow} inputs before", run=False))
                continue
            outcome = sandbox.run(tool.run, text.encode("utf-8"), allowed.limits(output=OUTPUT))
            slow += outcome.status in ("cpu", "wall")
            results.append(_printed(outcome, allowed))
    return results


def _printed(outcome: Outcome, allowed: Allowed) -> Printed:
    if failed := running.why_ended(outcome, allowed):
        return Printed(None, failed)
    try:
        return Printed(outcome.stdout.decode("utf-8"))
    except UnicodeDecodeError:
        return Printed(None, "its output is no text")


def hold(
    claims: Sequence[Claim], tests: StdioTests, how: compare.How, tolerance: float | None, mode: Mode
) -> list[bool | None]:
    """Whether each claim holds; None where the problem's checker does not decide."""
    if tests.checker is None:
        allowed = tests.tolerance or tolerance
        return [compare.same(claim.expected.encode(), claim.got.encode(), how, allowed) for claim in claims]
    return [answer for batch in _batches(claims) for answer in _checked(batch, tests, mode)]


def _checked(claims: Sequence[Claim], tests: StdioTests, mode: Mode) -> list[bool | None]:
    assert tests.checker is not None
    results = [stdio.Result(Case(claim.input, claim.expected), "", claim.got.encode()) for claim in claims]
    try:
        return [not why for why in stdio.checked(tests.checker, results, mode)]
    except Unreadable:
        if len(claims) == 1:
            return [None]
        # a checker may well fail on an input that keeps no limit of the problem; the others are decided without it
        return [answer for claim in claims for answer in _checked([claim], tests, mode)]


def _batches(claims: Sequence[Claim]) -> Iterator[list[Claim]]:
    batch: list[Claim] = []
    size = 0
    for claim in claims:
        more = len(claim.input) + len(claim.expected) + len(claim.got)
        if batch and (len(batch) == BATCH or size + more > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(claim)
        size += more
    if batch:
        yield batch
