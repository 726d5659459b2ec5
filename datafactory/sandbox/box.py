"""Sandbox: one untrusted program, run as often as there are tests for it.

In   its files, limits, a mode; then what to run, and its stdin
Out  an Outcome a run
Use  with Sandbox({"main.py": text}) as sandbox: sandbox.run(["python3", "main.py"], stdin=b"1 2").stdout

Every run is a process of its own in a fresh work folder that holds the files. A sandbox that is ended from outside (an
operator's kill, a machine out of memory) is replaced and its run tried again, so no verdict hangs on that.
"""

from __future__ import annotations

import mmap
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any, Self

from datafactory.sandbox import plain
from datafactory.sandbox.conversation import Conversation
from datafactory.sandbox.outcome import Broken, Limits, Mode, Outcome
from datafactory.sandbox.start import Answer, Files, Gone, Started, start
from datafactory.sandbox.walls import wall

TRIES = 3
SMALLEST = 64 << 20  # bytes that all files together may have, at the least
UNLESS_TOLD = Limits()
# An operator's kill looks like a program's own. One that ends itself so does it every time: what has happened TRIES
# times in a row is believed from then on, or all its tests would take that much longer.
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)


class Sandbox:
    """One program's. Starts at the first run; one thread at a time."""

    def __init__(self, files: Mapping[str, bytes] | None = None, limits: Limits = UNLESS_TOLD, mode: Mode = "auto"):
        self.limits = limits
        self.mode = mode
        self.files: Files = {_inside(name): (0o644, bytes(text)) for name, text in (files or {}).items()}
        self._started: Started | None = None
        self._ends_itself = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, argv: Sequence[str], stdin: bytes = b"", limits: Limits | None = None, keep: bool = False) -> Outcome:
        """Run to the end. `keep`: if it succeeds, the work folder's plain files are there for the runs that follow."""
        limits = limits or self.limits
        if self.mode == "none":
            outcome, self.files = plain.run(argv, stdin, limits, self.files, keep)
            return outcome
        request = {"argv": list(argv), "stdin": bytes(stdin), "keep": keep, "limits": asdict(limits)}
        deaths = 0
        for attempt in range(TRIES):
            try:
                outcome = self._ended(self._asked(request).answer(limits), keep)
            except Gone as error:
                self._started, reason = None, str(error)
                continue
            except BaseException:
                self.close()  # Ctrl-C leaves an answer on its way that the next run must not take for its own
                raise
            if outcome.signal not in FROM_OUTSIDE or self._ends_itself:
                return outcome
            deaths += 1
            if attempt == TRIES - 1:
                self._ends_itself = deaths == TRIES
                return outcome
            reason = f"its program was ended by signal {outcome.signal}"
        raise Broken(f"a sandbox failed {TRIES} times: {reason}")

    def talk(self, argv: Sequence[str], limits: Limits | None = None) -> Conversation:
        """Start a program that takes and gives messages; see Conversation."""
        limits = limits or self.limits
        ours, theirs = socket.socketpair()
        with theirs:
            if self.mode == "none":
                return plain.talk(argv, limits, self.files, ours, theirs)
            request = {"argv": list(argv), "stdin": b"", "keep": False, "limits": asdict(limits)}
            for _ in range(TRIES):
                try:
                    started = self._asked(request, theirs.fileno())
                except Gone as error:
                    self._started, reason = None, str(error)
                    continue
                return Conversation(ours, partial(self._last_answer, started, limits))
        ours.close()
        raise Broken(f"a sandbox failed {TRIES} times: {reason}")

    def close(self) -> None:
        if self._started is not None:
            self._started.end()
            self._started = None

    def _asked(self, request: Mapping[str, Any], channel: int | None = None) -> Started:
        if self._started is None:
            given = sum(len(text) + mmap.PAGESIZE for _, text in self.files.values())  # a file takes whole pages
            size = max(SMALLEST, self.limits.file_size) + given
            self._started = start(wall(self.mode), self.files, size)
        self._started.ask(request, channel)
        return self._started

    def _ended(self, answer: Answer, keep: bool) -> Outcome:
        if keep and answer.outcome.succeeded:
            self.files = answer.kept
        if answer.used_up:
            self.close()
        return answer.outcome

    def _last_answer(self, started: Started, limits: Limits, patience: float) -> Outcome:
        try:
            started.stop(patience)
            return self._ended(started.answer(limits), keep=False)
        except Gone as error:
            if self._started is started:
                self._started = None
            raise Broken(f"the sandbox was ended in the middle of a conversation: {error}") from None
        except BaseException:
            self.close()  # as in run()
            raise


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError(f"{name!r} is no path inside the sandbox's work folder")
    return str(path)
