"""A sandbox's processes: started, asked, ended.

In   the way (bubblewrap, or user namespaces made by ourselves), the files, requests
Out  answers, each read with a bound and a deadline; Gone when it is not there to answer

A start is one process: bubblewrap or our own enclosure around a warm interpreter, which is sent the text of the
supervisor and serves a socket. It ends when its socket closes, or when the thread does that started it: one thread
starts them all, and lives as long as this process.
"""

from __future__ import annotations

import marshal
import os
import platform
import select
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from datafactory.sandbox import room, syscalls
from datafactory.sandbox.outcome import STATUSES, Limits, Outcome

Wall = Literal["bubblewrap", "namespaces"]
Files = dict[str, tuple[int, bytes]]  # path: mode and text
NOBODY = 65534  # who programs are where we are root: nobody's files, nobody's privileges
PATIENCE = 5.0  # seconds for a sandbox to end by itself
GRACE = 30.0  # seconds for a sandbox to start, and beyond the wall time for it to answer, on a machine that is busy
ANSWER = struct.Struct(">BiiddqIII?")  # the supervisor's
STOP = bytes(4)
ENTRY = struct.Struct(">IIQ")
INSIDE = ("enclosure", "folder", "run", "program", "supervisor")  # what they import of each other comes first
KEPT = 300 << 20  # bytes of files that are kept, with their names

BOOT = """
import _socket, marshal, sys
control = _socket.socket(fileno=int(sys.argv[1]))
control.settimeout(None)
def read(size):
    text, there = bytearray(size), 0
    while there < size:
        part = control.recv_into(memoryview(text)[there:])
        if not part:
            sys.exit()
        there += part
    return text
setup = marshal.loads(read(int.from_bytes(read(4), "big")))
package, made = "datafactory.sandbox.inside.", {}
for name, code in setup.pop("modules").items():
    made[name] = sys.modules[package + name] = type(sys)(package + name)
    exec(code, made[name].__dict__)
for name in made:
    del sys.modules[package + name]
made["program"].become(made["supervisor"].begin(control, setup))
"""


class Gone(Exception):
    """The sandbox is not there to answer: the message is what it said last."""


@dataclass(frozen=True)
class Answer:
    outcome: Outcome
    kept: Files  # what the work folder held, where that was asked for
    used_up: bool  # the sandbox has ended itself: what the run left could not be cleared away, or not soon


@dataclass
class Started:
    """Our side of a sandbox that runs."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    said: FileIO  # what went wrong at the start is told here

    def ask(self, request: Mapping[str, Any], channel: int | None = None) -> None:
        try:
            self.control.settimeout(GRACE)
            _send(self.control, request, channel)
        except OSError:
            raise Gone(self.end() or "it does not listen") from None

    def answer(self, limits: Limits) -> Answer:
        """How the run ended; nothing is believed to be shorter, or to come sooner, than it may be."""
        deadline = time.monotonic() + limits.wall + GRACE
        head = ANSWER.unpack(self._exactly(ANSWER.size, deadline))
        status, code, number, seconds, cpu, memory, out, err, kept, used_up = head
        if status >= len(STATUSES) or max(out, err) > limits.output or kept > KEPT:
            raise Gone(f"{self.end()} it answered {head}")
        stdout, stderr, packed = (self._exactly(size, deadline) for size in (out, err, kept))
        name = STATUSES[status]
        outcome = Outcome(
            status=name,
            exit_code=code if name == "exited" else None,
            signal=number or None,
            stdout=stdout,
            stderr=stderr,
            seconds=seconds,
            cpu_seconds=cpu,
            memory=memory,
        )
        return Answer(outcome, _unpacked(packed), used_up)

    def stop(self, patience: float) -> None:
        """End the run that is going on, unless it ends by itself in time; its answer comes either way."""
        if self.control.fileno() < 0:
            raise Gone("it was ended")
        waiting = select.poll()  # select() knows no file above 1023
        waiting.register(self.control, select.POLLIN)
        if not waiting.poll(patience * 1000):
            try:
                self.control.send(STOP)
            except OSError:
                pass  # the answer will say that it is gone

    def end(self) -> str:
        """Nothing of it is left; what it said."""
        self.control.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            # bubblewrap as root may not signal the supervisor, which is nobody: it would end alone
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            for pid in (*map(int, children), self.process.pid):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
        os.set_blocking(self.said.fileno(), False)
        with self.said:
            return (self.said.read(4096) or b"").decode(errors="replace").strip()

    def _exactly(self, size: int, deadline: float) -> bytes:
        text = bytearray()
        while len(text) < size:
            try:
                self.control.settimeout(max(0.001, deadline - time.monotonic()))
                part = self.control.recv(min(size - len(text), 1 << 20))
            except TimeoutError:
                raise Gone(f"{self.end()} it did not answer in time") from None
            except OSError:
                part = b""
            if not part:
                raise Gone(self.end() or "it was ended from outside")
            text += part
        return bytes(text)


def _unpacked(packed: bytes) -> Files:
    files, at = {}, 0
    while at < len(packed):
        length, mode, size = ENTRY.unpack_from(packed, at)
        at += ENTRY.size
        name = os.fsdecode(packed[at : at + length])
        files[name] = (mode, packed[at + length : at + length + size])
        at += length + size
    return files


def start(way: Wall, files: Files, size: int) -> Started:
    ours, theirs = socket.socketpair()
    said, saying = os.pipe()
    nothing, unused = os.pipe()
    os.close(unused)
    try:
        process = _starter(os.getpid()).submit(_popen, way, size, theirs.fileno(), nothing, saying).result()
    except BaseException:
        ours.close()
        os.close(said)
        raise
    finally:
        theirs.close()
        os.close(saying)
        os.close(nothing)
    started = Started(process, ours, FileIO(said))
    try:
        ours.settimeout(GRACE)
        _send(ours, {**_setup(way), "files": files, "size": size})
    except OSError:
        pass  # it is gone already: the first request finds that out, and reads why
    return started


def _send(control: socket.socket, message: Mapping[str, Any], channel: int | None = None) -> None:
    text = marshal.dumps(dict(message))
    head = len(text).to_bytes(4, "big")
    if channel is None:
        control.sendall(head)
    else:
        socket.send_fds(control, [head], [channel])
    control.sendall(text)


@cache
def _starter(process: int) -> ThreadPoolExecutor:
    """The thread that starts sandboxes in this process; one that was forked has a thread of its own."""
    return ThreadPoolExecutor(1, thread_name_prefix=f"sandboxes of {process}")


def _popen(way: Wall, size: int, control: int, nothing: int, saying: int) -> subprocess.Popen[bytes]:
    run_python = [room.python(), "-s", "-S", "-P", "-B", "-c", BOOT, str(control)]
    return subprocess.Popen(
        [*_bubblewrap(size), "--", *run_python] if way == "bubblewrap" else run_python,
        stdin=nothing,
        stdout=saying,
        stderr=saying,
        pass_fds=[control],
        cwd="/",
        # One order of a set for all runs: a verdict must not depend on a hash.
        env={
            "PATH": room.search_path(),
            "HOME": f"{room.BOX}/work",
            "TMPDIR": f"{room.BOX}/tmp",
            "LANG": "C.UTF-8",
            "PYTHONHASHSEED": "0",
        },
        start_new_session=True,
    )


@cache
def _setup(way: Wall) -> dict[str, Any]:
    here = Path(__file__).parent / "inside"
    modules = {
        name: compile((here / f"{name}.py").read_text(encoding="utf-8"), f"<sandbox {name}>", "exec", dont_inherit=True)
        for name in INSIDE
    }
    return {
        "modules": modules,
        "steps": [tuple(step) for step in room.steps()] if way == "namespaces" else [],
        "user": NOBODY if os.geteuid() == 0 else None,
        "filter": syscalls.instructions(platform.machine()),
    }


def _bubblewrap(size: int) -> list[str]:
    words = ["bwrap", "--die-with-parent", "--as-pid-1", "--new-session", "--hostname", "sandbox"]
    words += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() == 0:
        # the supervisor becomes nobody, and then makes a user namespace: mapped to root, a program would be root
        words += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        words += ["--unshare-user", "--uid", "1000", "--gid", "1000"]
    made = {"/"}
    for do, place, source in room.steps():
        for folder in reversed(PurePosixPath(place).parents):
            if str(folder) not in made:
                made.add(str(folder))
                words += ["--perms", "0755", "--dir", str(folder)]  # by itself it makes them for root alone
        match do:
            case "bind":
                words += ["--ro-bind", source, place]
            case "device":
                words += ["--dev-bind", source, place]
            case "link":
                words += ["--symlink", source, place]
            case "hide":
                words += ["--tmpfs", place, "--remount-ro", place]
            case "proc":
                words += ["--proc", place]
            case "box":
                words += ["--perms", "0777", "--size", str(size), "--tmpfs", place]
    return [*words, "--remount-ro", "/"]
