"""The process boundary: runs a named function in a warm child process that can be killed.

In   "module:function" and its arguments, anything JSON holds; a timeout in seconds
Out  what the function returned; TimedOut when it ran longer, Failed when it raised, ran out of memory or died
Use  sympy and other people's scorers, which hang or eat memory on some inputs and cannot be stopped from within

The function computes and answers: it reads files, and is refused when it would write one, start a program or open a
connection. That stops the text of a model that a scorer evaluates, not an attacker: whole programs go to the sandbox.

Callable from any thread: a child serves one call at a time and there are as many as there were calls at once. The
module is imported in the child only, before the clock of the timeout starts.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from importlib import import_module
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

MEMORY = 2 << 30  # bytes of address space
STARTUP = 120.0  # seconds for a new child to start and import, on a machine that is busy with other things
ATTEMPTS = 3
READY = "ready"  # the child has imported the function and begins
# docs.python.org/3/library/audit_events.html
EFFECTS = re.compile(
    r"os\.(chmod|chown|exec|fork|kill|link|mkdir|posix_spawn|remove|rename|rmdir|spawn|symlink|system|truncate)"
    r"|(subprocess|socket|shutil|pty)\."
)

# One thread per child. The linear algebra libraries reserve address space for one per core, and the order of a hash
# must not decide what sympy makes of an expression.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}


class TimedOut(Exception):
    """The function ran longer than its timeout; its process is gone."""


class Failed(Exception):
    """The function raised or its process died: the message says which.

    exit_status: how the process ended, minus the signal that ended it; None where it did not.
    """

    exit_status: int | None = None


class _Died(Failed):
    """The process is gone: ended from outside, or by what it ran."""

    def __init__(self, message: str, exit_status: int | None = None):
        super().__init__(message)
        self.exit_status = exit_status


class _Full(Failed):
    """The process has no memory left, and is not fit for another call."""


def call(function: str, *arguments: Any, timeout: float) -> Any:
    """What the function returned. A child that is killed under it is replaced, and asked `ATTEMPTS` times in all."""
    request = json.dumps([function, arguments, timeout]).encode()
    child = _idle_child()
    try:
        if child is not None:
            return child.ask(request, timeout)
    except (_Died, _Full):
        pass  # memory that earlier calls left behind may be why: a fresh child decides
    for _ in range(ATTEMPTS - 2):
        try:
            return _Child().ask(request, timeout)
        except _Died:
            pass
    return _Child().ask(request, timeout)


def close() -> None:
    """End every child that waits for work."""
    while (child := _idle_child()) is not None:
        child.kill()


_idle: list[_Child] = []  # pop and append are atomic: no lock, which a fork could leave held for ever


def _idle_child() -> _Child | None:
    try:
        child = _idle.pop()
    except IndexError:
        return None
    # After a fork the children still are the first process's, and two processes must not share one.
    return child if child.owner == os.getpid() else _idle_child()


@cache
def _close_at_exit() -> None:
    atexit.register(close)


class _Child:
    """The parent's end of one child process."""

    def __init__(self) -> None:
        _close_at_exit()
        self.owner = os.getpid()
        self.preparing = False
        self.pipe, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "datafactory.boundary", str(theirs.fileno()), str(self.owner)],
                pass_fds=[theirs.fileno()],
                env={
                    **os.environ,
                    **ENVIRONMENT,
                    "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
                },
                # what the function prints goes nowhere: neither into the pipe nor over a progress display
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is the parent's to handle
            )

    def prepared(self, request: bytes) -> _Child:
        """The child, told to import what that request calls."""
        function, _, timeout = json.loads(request)
        with suppress(OSError):  # one that died at once is found out by who asks it
            self.pipe.send_bytes(json.dumps([function, None, timeout]).encode())
        self.preparing = True
        return self

    def ask(self, request: bytes, timeout: float) -> Any:
        try:
            outcome = self._exchange(request, timeout)
        except TimedOut:
            self.kill()
            _idle.append(_Child().prepared(request))  # imports while the caller goes on: the next call need not wait
            raise
        except BaseException:
            self.kill()
            raise
        _idle.append(self)
        if "raised" in outcome:
            raise Failed(outcome["raised"])
        return outcome["returned"]

    def _exchange(self, request: bytes, timeout: float) -> dict[str, Any]:
        try:
            self.pipe.send_bytes(request)
            if self.preparing:
                self._first_word()
                self.preparing = False
            outcome = self._first_word()
            if outcome == READY:
                if not self.pipe.poll(timeout):
                    raise TimedOut(f"not finished after {timeout:g} s")
                outcome = json.loads(self.pipe.recv_bytes())
        except (EOFError, OSError):
            self.kill()
            status = self.process.returncode
            raise _Died(f"the child process ended with exit status {status}", status) from None
        if "out_of_memory" in outcome:
            raise _Full(f"out of memory: more than {MEMORY >> 20} MiB")
        return outcome

    def _first_word(self) -> Any:
        if not self.pipe.poll(STARTUP):
            raise _Died(f"the child process was not ready after {STARTUP:g} s")
        return json.loads(self.pipe.recv_bytes())

    def kill(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # a session of its own: what it started goes with it
        except ProcessLookupError:
            pass
        self.process.wait()
        self.pipe.close()


def _serve(pipe: Connection) -> None:
    """The child: answer requests until the parent hangs up."""
    while True:
        try:
            function, arguments, timeout = json.loads(pipe.recv_bytes())
        except (EOFError, OSError):
            return
        try:
            module, _, name = function.partition(":")
            run = getattr(import_module(module), name)
            _refuse_effects()
            pipe.send_bytes(json.dumps(READY).encode())
            if arguments is None:
                continue  # only to be ready for the next
            # Should the parent be gone and C code hold the interpreter, the kernel ends the child without its help.
            signal.setitimer(signal.ITIMER_REAL, timeout + 5)
            outcome = json.dumps({"returned": run(*arguments)})
        except MemoryError:
            outcome = json.dumps({"out_of_memory": True})
        except (Exception, SystemExit) as error:
            outcome = json.dumps({"raised": _described(error)})
        signal.setitimer(signal.ITIMER_REAL, 0)
        pipe.send_bytes(outcome.encode())


def _described(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:500]
    except Exception:  # an error whose text cannot be made, such as one that holds a number of a million digits
        return type(error).__name__


@cache
def _refuse_effects() -> None:
    def refuse(event: str, details: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(details[2], int) and details[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes or EFFECTS.match(event):
            raise PermissionError(f"{event} is refused behind the process boundary")

    sys.addaudithook(refuse)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    allowed = MEMORY if most == resource.RLIM_INFINITY else min(MEMORY, most)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, most))


def _end_with(parent: int) -> None:
    # Not PR_SET_PDEATHSIG: that is sent when the thread that started the child ends.
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with, args=(int(sys.argv[2]),), daemon=True).start()
    _limit_memory()
    _serve(Connection(int(sys.argv[1])))
