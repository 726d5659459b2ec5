"""Inputs: what a model's generator programs print, each an input that may become a test.

In   the response that holds a generator, limits
Out  inputs, and what came to nothing with the reason: no program, a failure, no text, too long
Use  a generator is a Python program that is called as `generator.py SEED SIZE` and prints one input
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from datafactory.programs import extract
from datafactory.sandbox import Limits, Mode, Outcome, Sandbox

Size = Literal["small", "large", "edge"]
SIZES: tuple[Size, ...] = ("small", "large", "edge")
LIMITS = Limits(wall=30.0, cpu=10.0, memory=1 << 30)
HANGS = 2  # a generator that takes too long so often is not asked again
SHOWN = 300  # characters of what a generator says when it fails


@dataclass(frozen=True)
class Call:
    """One call of a generator: what it printed, or why that is no input."""

    generator: int
    seed: int | None = None
    size: Size | None = None
    input: str | None = None
    reason: str | None = None
    evidence: str | None = None


def generator(response: str) -> str | None:
    """The Python program in a response; None where there is none."""
    found = extract.program(response, ("python",))
    return found.text if found and found.language == "python" else None


def calls(text: str, number: int, count: int, longest: int, mode: Mode) -> Iterator[Call]:
    """What one generator gives: the sizes take turns, and the seeds count from 0."""
    limits = replace(LIMITS, output=longest)
    slow = 0
    with Sandbox({"generator.py": text.encode("utf-8", "replace")}, limits, mode) as sandbox:
        for seed in range(count):
            size = SIZES[seed % len(SIZES)]
            if slow == HANGS:
                yield Call(
                    number, seed, size, None, "the generator takes too long", f"{HANGS} times before: not called"
                )
                continue
            outcome = sandbox.run(["python3", "generator.py", str(seed), size])
            slow += outcome.status in ("wall", "cpu")
            yield _call(number, seed, size, outcome, longest)


def _call(number: int, seed: int, size: Size, outcome: Outcome, longest: int) -> Call:
    call = Call(number, seed, size)
    if outcome.status == "output":
        return replace(call, reason="the input is too long", evidence=f"more than {longest:,} bytes")
    if outcome.status in ("wall", "cpu"):
        return replace(call, reason="the generator takes too long", evidence=f"more than {LIMITS.cpu:g} s")
    if not outcome.succeeded:
        return replace(call, reason="the generator fails", evidence=_failure(outcome))
    try:
        text = outcome.stdout.decode("utf-8")
    except UnicodeDecodeError as error:
        return replace(call, reason="the input is no text", evidence=f"{error.reason} at byte {error.start}")
    if not text.strip():
        return replace(call, reason="the input is empty", evidence=_last_line(outcome.stderr))
    return replace(call, input=text)


def _failure(outcome: Outcome) -> str:
    if outcome.status == "killed":
        return f"ended by signal {outcome.signal}"
    if outcome.status != "exited":
        return f"uses more {outcome.status} than it may"
    return f"exit code {outcome.exit_code}: {_last_line(outcome.stderr) or 'it says nothing'}"


def _last_line(stderr: bytes) -> str | None:
    """What an error ends on: in Python, its name and text."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:SHOWN] if lines else None
