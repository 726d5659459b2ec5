"""A process that runs one copy of a model under vLLM: started, spoken to, listened to, ended; what its log says."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from datafactory.engines._vllm_replica import Failed, Setup
from datafactory.errors import StageError

GRACE = 5.0  # seconds that a copy which said it failed, or hung up, has to end
PREFIX = re.compile(r"^\(\w+ pid=\d+\) (\w+ \S+ \S+ \[\S+\] ?)?")  # of a line in vLLM's log
RAISED = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception)): (\S.*)$")  # the last line of a traceback
PASSED_ON = ("Engine core initialization failed", "EngineCore encountered", "Engine core proc")  # not the cause


class Replica:
    """One copy of the model: a process, and those that vLLM starts below it."""

    def __init__(self, setup: Setup, environment: dict[str, str]):
        self.room = 0  # requests it is to have at once; known once it is ready
        self.under_way: dict[int, str] = {}  # number -> key
        log, name = tempfile.mkstemp(prefix="datafactory-vllm-", suffix=".log")
        self.log = Path(name)
        ours, theirs = socket.socketpair()
        statement = f"from datafactory.engines._vllm_replica import main; main({theirs.fileno()})"
        # a session of its own: Ctrl-C reaches the build alone, and all that it started can be ended at once
        self.process = subprocess.Popen(
            [sys.executable, "-c", statement],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        os.close(log)
        theirs.close()
        self.channel = Connection(ours.detach())
        self.send(setup)

    def send(self, message: Any) -> None:
        try:
            self.channel.send(message)
        except OSError as error:
            raise self.dead() from error

    def received(self) -> Iterator[Any]:
        """What it has said; StageError once it is dead."""
        try:
            while self.channel.poll():
                message = self.channel.recv()
                if isinstance(message, Failed):
                    raise self.dead(message.error)
                yield message
        except (EOFError, OSError) as error:
            raise self.dead() from error

    def check(self) -> None:
        """StageError where it is dead; what it has started may hold its channel open."""
        if self.process.poll() is not None:
            raise self.dead()

    def dead(self, error: str = "") -> StageError:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE)
        status = self.process.poll()
        self._kill()
        cause = _cause(self.log.read_text(errors="replace")) or error or _ended(status)
        return StageError(f"vLLM failed: {cause} (its log is {self.log})")

    def close(self) -> None:
        """Asked first: what vLLM shares between its processes outlives those that are killed."""
        if self.process.poll() is None:
            with suppress(OSError):
                self.channel.send(None)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(GRACE)
            self._kill()
            self.log.unlink(missing_ok=True)
        self.channel.close()

    def _kill(self) -> None:
        # what vLLM started is in its session; it stays behind where only the first of them dies
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def speaking(replicas: Sequence[Replica], timeout: float) -> list[Replica]:
    """Those that have said something, waited for so many seconds."""
    channels: dict[Any, Replica] = {replica.channel: replica for replica in replicas}
    spoke = [channels[channel] for channel in wait(list(channels), timeout)]
    for replica in () if spoke else replicas:
        replica.check()
    return spoke


def _cause(log: str) -> str:
    """What was raised first, by the log; what follows from it is not the cause."""
    said = [PREFIX.sub("", line) for line in log.splitlines()]
    for line, following in zip(said, [*said[1:], ""], strict=True):
        match = RAISED.match(line)
        if match and not match[2].startswith(PASSED_ON):
            what = following.strip() if "validation error" in match[2] else match[2]  # pydantic says it a line later
            return f"{match[1]}: {what}"[:400]
    return ""


def _ended(status: int | None) -> str:
    if status is None:
        return "its process answers no more"
    return f"its process was ended by {signal.Signals(-status).name}" if status < 0 else f"its process ended ({status})"
