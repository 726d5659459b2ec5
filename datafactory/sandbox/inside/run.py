"""One run: what the program wrote, what it uses, why it ended; after it nothing of it lives.

In   the process, our ends of its pipes, what it is to read, its limits
Out  status, code, signal, out, err, cpu, memory
"""

from __future__ import annotations

import _signal as signal
import os
import resource
import select
import time

from datafactory.sandbox.inside.folder import used

TYPE_CHECKING = False  # importing typing takes longer than starting the interpreter
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

EXITED, KILLED, WALL, CPU, MEMORY, OUTPUT, PROCESSES = range(7)
TICK = 0.02  # seconds between two looks at what the processes use
NODE = 1024  # bytes that an empty file takes


class Run:
    """One program that runs: what it wrote, what it uses, why it ended."""

    def __init__(self, child: int, ends: tuple[int, ...], text: bytes, limits: dict[str, Any], before: float):
        self.child, self.limits, self.before = child, limits, before
        self.stdin, out, err = ends
        self.text = memoryview(text)
        self.written = {out: bytearray(), err: bytearray()}
        self.out, self.err = self.written[out], self.written[err]
        self.status, self.code, self.signal = -1, -1, 0
        self.stopped = False
        self.cpu, self.memory = 0.0, 0
        self.wait: int | None = None
        for end in ends:
            os.set_blocking(end, False)

    def watch(self, control: Any, ended: int, began: float, usage: Callable[[], tuple[float, int, int]]) -> None:
        poll = select.poll()
        for end in (*self.written, ended, control.fileno()):
            poll.register(end, select.POLLIN)
        self.feed(poll)
        now, tick = began, began + TICK
        while self.status < 0 and self.wait is None:
            until = min(tick, began + self.limits["wall"])
            for end, event in poll.poll(max(0.0, (until - now) * 1000 + 0.5)):
                if end == ended:
                    self.reap()
                elif end == control.fileno():
                    if not control.recv(4):
                        os._exit(0)  # whoever asked is gone
                    self.status, self.stopped = KILLED, True  # they have heard enough
                elif end == self.stdin:
                    self.feed(poll)
                else:
                    self.read(end, poll, event)
            now = time.monotonic()
            if now >= tick:
                tick = now + TICK
                self.reap()
                self.judge(*usage())
            if now - began >= self.limits["wall"] and self.status < 0 and self.wait is None:
                self.status = WALL
        os.close(ended)

    def feed(self, poll: Any) -> None:
        """Write what the pipe takes of stdin; close it after the last byte."""
        try:
            while self.text:
                self.text = self.text[os.write(self.stdin, self.text[:65536]) :]
        except BlockingIOError:
            poll.register(self.stdin, select.POLLOUT)
            return
        except BrokenPipeError:
            pass
        try:
            poll.unregister(self.stdin)
        except KeyError:
            pass
        os.close(self.stdin)
        self.stdin = -1

    def read(self, end: int, poll: Any = None, event: int = 0) -> bool:
        """Take what a pipe holds, up to the limit; whether there may be more."""
        taken, most = self.written[end], self.limits["output"]
        try:
            more = os.read(end, 65536)
        except BlockingIOError:
            return False
        if not more:
            if poll is not None:
                poll.unregister(end)
            return False
        taken += more
        if len(taken) > most:
            del taken[most:]
            if self.status < 0:
                self.status = OUTPUT
            return False
        return True

    def reap(self) -> None:
        """Take in every process that ended; orphans come here as to any pid 1."""
        try:
            while True:
                child, status, used = os.wait4(-1, os.WNOHANG)
                if not child:
                    return
                if child == self.child:
                    self.wait = status
                    self.memory = max(self.memory, used.ru_maxrss << 10)
        except ChildProcessError:
            pass

    def judge(self, cpu: float, memory: int, tasks: int) -> None:
        self.cpu = cpu + cpu_of_children() - self.before
        self.memory = max(self.memory, memory)
        if self.status < 0 and self.wait is None:
            if memory > self.limits["memory"]:
                self.status = MEMORY
            elif self.cpu > self.limits["cpu"]:
                self.status = CPU
            elif tasks > self.limits["processes"]:
                self.status = PROCESSES

    def end(self) -> None:
        """Nothing of the run lives on; then what its pipes still hold, and how its first process ended."""
        try:
            os.kill(-1, signal.SIGKILL)  # from pid 1: all that lives in this namespace, at once
        except ProcessLookupError:
            pass
        try:
            while True:
                child, status, used = os.wait4(-1, 0)
                if child == self.child:
                    self.wait = status
                    self.memory = max(self.memory, used.ru_maxrss << 10)
        except ChildProcessError:
            pass
        self.cpu = cpu_of_children() - self.before
        for end in self.written:
            while self.read(end):
                pass
            os.close(end)
        if self.stdin >= 0:
            os.close(self.stdin)
        code = os.waitstatus_to_exitcode(self.wait or 0)
        if self.status < 0 and code == -signal.SIGXCPU:
            self.status = CPU
        elif self.status < 0:
            self.status = EXITED if code >= 0 else KILLED
        if self.status == EXITED:
            self.code = code
        elif self.status == KILLED:
            self.signal = 0 if self.stopped else -code


def look(box: int) -> tuple[float, int, int]:
    """Seconds of CPU, bytes and threads of all processes but this one, and the bytes of what they wrote."""
    ticks = tasks = 0
    written, nodes = used(box)
    memory = written + nodes * NODE
    for name in os.listdir("/proc"):
        if not name.isdigit() or name == "1":
            continue
        try:
            fields = _text(f"/proc/{name}/stat").rpartition(b")")[2].split()
            status = _text(f"/proc/{name}/status")
        except OSError:
            continue  # it ended meanwhile
        ticks += sum(map(int, fields[11:15]))
        tasks += int(fields[17])
        for line in status.split(b"\n"):
            if line.startswith((b"RssAnon:", b"RssShmem:", b"VmPTE:", b"VmSwap:")):
                memory += int(line.split()[1]) << 10
    return ticks / os.sysconf("SC_CLK_TCK"), memory, tasks


def _text(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 8192)
    finally:
        os.close(file)


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
