"""No sandbox, where a recipe says `sandbox: none`: a program is a process of the user's own.

In   as Sandbox
Out  as Sandbox

Covered: wall time, CPU time and memory of each process, file and output size, open files, an environment without the
user's variables, a folder of its own that is removed. Not covered: a program reads and writes whatever the user may,
opens connections, signals the user's processes, and what it starts in a session of its own lives on. The memory it is
said to have taken is never less than this process held when it began: Linux counts on from there.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from datafactory.sandbox.conversation import Conversation
from datafactory.sandbox.outcome import Limits, Outcome, Status
from datafactory.sandbox.start import Files

TICK = 0.005  # seconds
LIMITED = """
import json, os, resource, sys
for name, values in json.loads(sys.argv[1]).items():
    kind = getattr(resource, name)
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, [value if hard == resource.RLIM_INFINITY else min(value, hard) for value in values])
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    print(f"{sys.argv[2]}: {error.strerror}", file=sys.stderr)
    sys.exit(127)
"""


def run(argv: Sequence[str], stdin: bytes, limits: Limits, files: Files, keep: bool) -> tuple[Outcome, Files]:
    program = _Program(argv, stdin, limits, files)
    try:
        outcome = program.outcome()
        if keep and outcome.succeeded:
            files = program.kept()
        return outcome, files
    finally:
        program.close()


def talk(argv: Sequence[str], limits: Limits, files: Files, ours: socket.socket, theirs: socket.socket) -> Conversation:
    program = _Program(argv, b"", limits, files, theirs.fileno())
    watching = ThreadPoolExecutor(1)
    outcome = watching.submit(program.outcome)
    watching.shutdown(wait=False)  # its thread ends with the program

    def ended_within(patience: float) -> Outcome:
        try:
            wait([outcome], patience)
            program.stopped = True
            return outcome.result()
        finally:
            program.close()

    return Conversation(ours, ended_within)


class _Program:
    """One process group, in a folder that goes with it."""

    def __init__(self, argv: Sequence[str], stdin: bytes, limits: Limits, files: Files, channel: int | None = None):
        self.limits, self.began, self.stopped = limits, time.monotonic(), False
        self.folder = Path(tempfile.mkdtemp(prefix="datafactory-program-"))
        work = self.folder / "work"
        work.mkdir()
        for name, (mode, text) in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(text)
            (work / name).chmod(mode)
        (self.folder / "stdin").write_bytes(stdin)
        words = [sys.executable if argv[0] in ("python", "python3") else argv[0], *argv[1:]]
        self.outputs = (self.folder / "stdout", self.folder / "stderr")
        with (
            (self.folder / "stdin").open("rb") as given,
            self.outputs[0].open("wb") as out,
            self.outputs[1].open("wb") as err,
        ):
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", LIMITED, json.dumps(_rlimits(limits)), *words],
                cwd=work,
                stdin=given,
                stdout=out,
                stderr=err,
                pass_fds=[] if channel is None else [channel],
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(work), "TMPDIR": str(self.folder)}
                | {"LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
                | ({} if channel is None else {"SANDBOX_CHANNEL": str(channel)}),
                start_new_session=True,
            )

    def outcome(self) -> Outcome:
        """How it ended: by itself, at a limit, or because whoever talked to it had heard enough."""
        status: Status | None = None
        waited = self._waited(os.WNOHANG)
        while waited is None and status is None:
            if max(path.stat().st_size for path in self.outputs) > self.limits.output:
                status = "output"
            elif time.monotonic() - self.began >= self.limits.wall:
                status = "wall"
            elif self.stopped:
                status = "killed"
            else:
                time.sleep(TICK)
                waited = self._waited(os.WNOHANG)
        seconds = time.monotonic() - self.began
        self._kill()
        code, used = waited or self._waited(0) or (0, resource.getrusage(resource.RUSAGE_CHILDREN))
        written = [path.open("rb").read(self.limits.output + 1) for path in self.outputs]
        if status is None:
            status = "cpu" if code == -signal.SIGXCPU else "exited" if code >= 0 else "killed"
            if max(map(len, written)) > self.limits.output:
                status = "output"
        return Outcome(
            status=status,
            exit_code=code if status == "exited" else None,
            signal=-code if status == "killed" and waited else None,
            stdout=written[0][: self.limits.output],
            stderr=written[1][: self.limits.output],
            seconds=seconds,
            cpu_seconds=used.ru_utime + used.ru_stime,
            memory=used.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        )

    def _waited(self, how: int) -> tuple[int, resource.struct_rusage] | None:
        process, status, used = os.wait4(self.process.pid, how)
        if not process:
            return None
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return self.process.returncode, used

    def kept(self) -> Files:
        work = self.folder / "work"
        found = [path for path in sorted(work.rglob("*")) if path.is_file() and not path.is_symlink()]
        return {str(path.relative_to(work)): (path.stat().st_mode & 0o755, path.read_bytes()) for path in found}

    def close(self) -> None:
        if self.process.returncode is None:
            self._kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _kill(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # nothing of the group is left


def _rlimits(limits: Limits) -> dict[str, tuple[int, int]]:
    cpu = max(1, round(limits.cpu))
    return {
        "RLIMIT_CORE": (0, 0),
        "RLIMIT_CPU": (cpu, cpu + 1),
        "RLIMIT_DATA": (limits.memory, limits.memory),
        "RLIMIT_FSIZE": (limits.file_size, limits.file_size),
        "RLIMIT_NOFILE": (limits.open_files, limits.open_files),
    }
