"""Pid 1 of a sandbox: runs one program after another, each a process of its own, and says how it ended.

In   requests on a socket that no program can reach: what to run, its stdin, its limits
Out  on the same socket, the outcome as the kernel tells it, then what the program wrote, up to the limit

Python programs are forks of this process. After a run everything else in the namespace is killed, and what was written
is gone, unless the files are to be kept. Nothing here knows what a program ought to answer.
"""

from __future__ import annotations

import _signal as signal
import _socket
import gc
import importlib
import marshal
import os
import site
import struct
import sys
import time

from datafactory.sandbox.inside.enclosure import ending, enter, settle
from datafactory.sandbox.inside.folder import BOX, Files, clear, collect, lay_out, packed, renewed, used
from datafactory.sandbox.inside.program import confine, replaced
from datafactory.sandbox.inside.run import EXITED, Run, cpu_of_children, look

TYPE_CHECKING = False  # importing typing takes longer than starting the interpreter
if TYPE_CHECKING:
    from typing import Any

ANSWER = struct.Struct(">BiiddqIII?")  # what start.py reads: status .. memory, three lengths, whether it is used up
CONFINED = b"!"
# modules that are the same whoever imports them, and when; scripts that solve problems import these
PRELOADED = set(
    b"bisect collections copy dataclasses datetime decimal enum fractions functools heapq itertools json math operator "
    b"random re statistics string typing".split()
)


def begin(control: Any, setup: dict[str, Any]) -> list[str]:
    """Never returns but in a forked child, with the words of the Python script that it is to become."""
    if setup["steps"]:
        enter(setup["steps"], setup["size"], control.fileno())
    if os.getpid() != 1:
        sys.exit("not in a pid namespace of its own")  # where kill(-1) ends a run, and nothing else
    apart = settle(setup["user"], setup["filter"])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # with a handler, a program's signal would reach pid 1
    warm_up()
    files: Files = setup["files"]
    warm: list[str] = []  # for whose script
    box = os.open(BOX, os.O_RDONLY | os.O_DIRECTORY)
    clear(box)
    empty = used(box)
    lay_out(files)
    while True:
        request, channel = receive(control)
        if request["argv"] != warm:
            warm = request["argv"]
            preload(warm, files)
        began, before = time.monotonic(), cpu_of_children()
        pipes = [os.pipe() for _ in range(3)]
        theirs, ours = (pipes[0][0], pipes[1][1], pipes[2][1]), (pipes[0][1], pipes[1][0], pipes[2][0])
        confined, confining = os.pipe()
        child = os.fork()
        if not child:
            control.detach()  # its file is closed below, and the number will be another's
            confine(theirs, channel, request["limits"], apart, confining)
            return replaced(request["argv"])
        for end in (*theirs, confining, *([] if channel is None else [channel])):
            os.close(end)
        run = Run(child, ours, request["stdin"], request["limits"], before)
        run.watch(control, ending(child), began, lambda: look(box))
        run.end()
        seconds = time.monotonic() - began
        if os.read(confined, 1) != CONFINED:
            sys.exit("a process ended before it was confined")
        os.close(confined)
        kept = b""
        if request["keep"] and run.status == EXITED and run.code == 0:
            files = collect()
            kept = packed(files)
        used_up = not renewed(box, files, empty)  # before the answer: the next request is for one that is ready
        took = seconds, run.cpu, run.memory
        lengths = len(run.out), len(run.err), len(kept)
        send(
            control, ANSWER.pack(run.status, run.code, run.signal, *took, *lengths, used_up) + run.out + run.err + kept
        )
        if used_up:
            os._exit(0)


def warm_up() -> None:
    """What every interpreter has at hand; its objects stay where they are, so that forks share them."""
    site.setquit()
    site.setcopyright()
    site.sethelper()
    compile("", "", "exec")  # the first makes the types of all syntax trees
    gc.collect()
    gc.freeze()


def preload(argv: list[str], files: Files) -> None:
    """Import what the script says it imports: it costs the first run what it would, and the others nothing."""
    _, text = files.get(argv[1] if len(argv) > 1 else "", (0, b""))
    for line in text.splitlines():
        words = line.replace(b",", b" ").split()
        if words and words[0] in (b"import", b"from"):
            for name in PRELOADED.intersection(words):
                importlib.import_module(name.decode())
    gc.collect()
    gc.freeze()


def receive(control: Any) -> tuple[dict[str, Any], int | None]:
    """The next request, and the end of a channel that came along with it."""
    while True:
        head, extra, _, _ = control.recvmsg(4, _socket.CMSG_SPACE(4), _socket.MSG_CMSG_CLOEXEC)
        channel = struct.unpack("i", extra[0][2][:4])[0] if extra else None
        if not head:
            os._exit(0)
        size = int.from_bytes(head + exactly(control, 4 - len(head)), "big")
        if size:  # none: word to stop a run that had ended by then
            return marshal.loads(exactly(control, size)), channel


def exactly(control: Any, size: int) -> bytes:
    parts = []
    while size:
        part = control.recv(min(size, 1 << 20))
        if not part:
            os._exit(0)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def send(control: Any, text: bytes | bytearray) -> None:
    view = memoryview(text)
    try:
        while view:
            view = view[control.send(view) :]
    except BrokenPipeError:
        os._exit(0)
