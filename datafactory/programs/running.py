"""Running: a program with the limits of its tests, and how they went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from datafactory.programs.tests import Language, Stated
from datafactory.sandbox import Limits, Outcome
from datafactory.sandbox.box import FROM_OUTSIDE

# A test that met the time limit costs all of it: after so many the others do not run, and count as failed.
PATIENCE = 2.0
WAITING = 60.0  # seconds of waiting that cost as much
SHORT = 400  # characters of an input or output that are shown


@dataclass(frozen=True)
class Program:
    """What runs. preamble: Python before it, in the same names; prelude: LeetCode's names. given: its first lines that
    are the problem's and not the model's."""

    text: str
    language: Language
    preamble: str = ""
    prelude: bool = False
    given: int = 0


@dataclass(frozen=True)
class Allowed:
    """What each test may use: seconds of CPU time, bytes of memory."""

    seconds: float
    memory: int

    @classmethod
    def where(cls, stated: Stated, time_limit: float, time_factor: float, memory_limit: int) -> Self:
        """What a problem states, its time so many times over; these seconds and MiB where it states nothing."""
        seconds = time_limit if stated.seconds is None else stated.seconds * time_factor
        return cls(seconds, max(memory_limit << 20, stated.memory or 0))

    def limits(self, output: int = 1 << 20) -> Limits:
        # CPU time decides. Wall time is for what sleeps: on a busy machine a program waits without being slow.
        wall = 5 + 5 * self.seconds
        return Limits(wall=wall, cpu=self.seconds, memory=self.memory, processes=64, output=output)


@dataclass(frozen=True)
class Ran:
    """How the tests went; total is None where that only running them would tell. failed: the first failing test."""

    passed: int
    total: int | None
    failed: str = ""
    compiled: bool = True
    seconds: float | None = None  # CPU time of the slowest test
    memory: int | None = None  # bytes at the peak of the hungriest


def why_ended(outcome: Outcome, allowed: Allowed) -> str:
    """Why a program that should have gone on did not; empty where it ended well."""
    if outcome.status in ("cpu", "wall"):
        return f"time limit: more than {allowed.seconds:g} s" + (" of waiting" if outcome.status == "wall" else "")
    if outcome.status == "memory":
        return f"memory limit: more than {allowed.memory >> 20} MiB"
    if outcome.status == "output":
        return "output limit: it wrote far more than is expected"
    if outcome.status == "processes":
        return "process limit: it started too many"
    if outcome.status == "killed":
        return f"ended by signal {outcome.signal}{_last_line(outcome.stderr)}"
    return f"exit status {outcome.exit_code}{_last_line(outcome.stderr)}" if outcome.exit_code else ""


def cost(outcome: Outcome) -> float:
    """What a test takes of the patience: one that slept through the wall limit, all of it."""
    if outcome.status == "wall":
        return PATIENCE
    met = outcome.status == "cpu" or outcome.signal in FROM_OUTSIDE  # it ran three times before it was its own doing
    # On a busy machine a program waits without sleeping, to start and as long as it computes.
    waited = max(0.0, outcome.seconds - 1 - 4 * outcome.cpu_seconds)
    return met + waited / WAITING


def _last_line(stderr: bytes) -> str:
    lines = stderr[-4096:].decode("utf-8", "replace").strip().splitlines()
    return f": {lines[-1][:300]}" if lines else ""


def short(text: str | bytes) -> str:
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return repr(text if len(text) <= SHORT else f"{text[:SHORT]}...")
