"""The forked child: its limits, its files, and then it is the program.

In   its ends of the pipes, a channel, limits, the words of the command
Out  a Python script runs in this very interpreter, which is warm; any other program takes its place
"""

from __future__ import annotations

import _signal as signal
import builtins
import errno
import os
import resource
import sys

from datafactory.sandbox.inside.enclosure import traceable

TYPE_CHECKING = False  # importing typing takes longer than starting the interpreter
if TYPE_CHECKING:
    from typing import Any

WORK = "/box/work"
SPARE = 1 << 30  # bytes above the memory limit where the kernel itself refuses, should a look come late
STACK = 64 << 20
CHANNEL = 3
FRAMES = 3  # of ours, below a script's own


def confine(ends: tuple[int, ...], channel: int | None, limits: dict[str, Any], apart: bool, confining: int) -> None:
    """Its own three streams, a channel if it has one, and no other file; its limits. Says so once that is done."""
    os.setsid()
    for number, end in enumerate(ends):
        os.dup2(end, number)
    os.chdir(WORK)
    os.environ.pop("PWD", None)  # bubblewrap's
    cpu = int(limits["cpu"]) + 2  # the supervisor is exact; this is should it come late
    most = {
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_CPU: (cpu, cpu + 1),
        resource.RLIMIT_DATA: (limits["memory"] + SPARE,) * 2,
        resource.RLIMIT_FSIZE: (limits["file_size"],) * 2,
        resource.RLIMIT_MEMLOCK: (0, 0),
        resource.RLIMIT_MSGQUEUE: (0, 0),
        resource.RLIMIT_NOFILE: (limits["open_files"],) * 2,
        resource.RLIMIT_STACK: (STACK, STACK),
    }
    if apart:
        most[resource.RLIMIT_NPROC] = (limits["processes"] + 1,) * 2  # pid 1 is one
    for kind, values in most.items():
        hard = resource.getrlimit(kind)[1]
        allowed = [value if hard == resource.RLIM_INFINITY else min(value, hard) for value in values]
        resource.setrlimit(kind, (allowed[0], allowed[1]))
    traceable()
    with open("/proc/self/oom_score_adj", "w") as stream:
        stream.write("1000")  # the machine out of memory: this one goes first
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.write(confining, b"!")
    kept = {0, 1, 2}
    if channel is not None:
        os.dup2(channel, CHANNEL)
        os.set_inheritable(CHANNEL, True)
        os.environ["SANDBOX_CHANNEL"] = str(CHANNEL)
        kept.add(CHANNEL)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:
                pass  # the listing's own


def replaced(argv: list[str]) -> list[str]:
    """Become another program, unless this is a Python script."""
    names = {"python", "python3", os.path.basename(sys.executable)}
    if argv[0] in names and len(argv) > 1 and not argv[1].startswith("-"):
        return argv
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # ignored by the interpreter, and that would be inherited
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(sys.executable if argv[0] in names else argv[0], argv)
    except (OSError, ValueError) as error:
        os.write(2, f"{argv[0]}: {getattr(error, 'strerror', error)}\n".encode())
        os._exit(126 if getattr(error, "errno", 0) in (errno.EACCES, errno.ENOEXEC) else 127)


def become(argv: list[str]) -> None:
    """Run a script as `python3 script` does, in this interpreter; what it raises shows no frame of ours."""
    path = os.path.abspath(argv[1])
    sys.argv = argv[1:]
    sys.orig_argv = argv
    sys.path.insert(0, os.path.dirname(path))
    main = type(sys)("__main__")
    if "__annotations__" in vars(sys.modules["__main__"]):  # up to Python 3.13
        main.__annotations__ = {}
    main.__dict__.update(__builtins__=builtins, __file__=path, __cached__=None)
    try:
        with open(path, "rb") as stream:
            text = stream.read()
    except OSError as error:
        print(f"{argv[0]}: can't open file {path!r}: [Errno {error.errno}] {error.strerror}", file=sys.stderr)
        sys.exit(2)
    sys.modules["__main__"] = main
    sys.setrecursionlimit(sys.getrecursionlimit() + FRAMES)
    try:
        code = compile(text, path, "exec", dont_inherit=True)
        exec(code, main.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        error = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)
