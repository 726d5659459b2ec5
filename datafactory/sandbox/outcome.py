"""What a run may use, and how it ended.

Limits are of one run: one process and all that it starts. An Outcome says why the run ended and what it left: its
output, its time, its memory. Broken is no outcome: the machinery failed, not the program.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from datafactory.errors import UserError

# auto takes the first that works here; `none` has to be asked for in so many words
Mode = Literal["auto", "bubblewrap", "namespaces", "none"]
Status = Literal["exited", "killed", "wall", "cpu", "memory", "output", "processes"]
STATUSES: tuple[Status, ...] = ("exited", "killed", "wall", "cpu", "memory", "output", "processes")


@dataclass(frozen=True)
class Limits:
    """What one run may use; more ends it."""

    wall: float = 10.0  # seconds
    cpu: float = 10.0  # seconds, of all its processes together
    memory: int = 512 << 20  # bytes, of all its processes and of what it wrote
    processes: int = 32  # and threads
    file_size: int = 64 << 20  # bytes of one file; the sandbox's own limit is also that of all files together
    output: int = 1 << 20  # bytes of stdout, and of stderr
    open_files: int = 64  # of one process


@dataclass(frozen=True)
class Outcome:
    """Why a run ended, and what it left."""

    status: Status  # exited by itself, killed by a signal, or the limit that it met
    exit_code: int | None  # of `exited`
    signal: int | None  # of `killed`; None where whoever talked to it had it ended
    stdout: bytes
    stderr: bytes
    seconds: float  # wall time
    cpu_seconds: float
    memory: int | None  # bytes at the peak

    @property
    def succeeded(self) -> bool:
        return self.status == "exited" and self.exit_code == 0


class Unavailable(UserError):
    """No sandbox can be had on this machine: what to install, or what to write instead."""


class Broken(Exception):
    """The machinery failed, several times over, and not the program: nothing is known about it."""
