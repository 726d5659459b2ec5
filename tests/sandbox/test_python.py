"""A script in the warm interpreter does what `python3 script` does: each is run both ways, and compared."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from datafactory.sandbox import Mode, Sandbox, room

from .modes import WALLED

SCRIPTS = {
    "names": "print(__name__, __doc__, __package__, __spec__, __builtins__, sorted(globals()))",
    "docstring": '"""Doc."""\nprint(__doc__)',
    "arguments": "import sys\nprint(sys.argv, sys.path[0] == __file__.rpartition('/')[0])",
    "exit code": "import sys\nprint('x', end='')\nsys.exit(7)",
    "exit by exit": "exit(5)",
    "exit with words": "import sys\nsys.exit('no')",
    "exit with nothing": "raise SystemExit",
    "an error": "def f(x):\n    return 1 / x\nf(0)",
    "an error from another": "try:\n    {}[1]\nexcept KeyError as e:\n    raise ValueError('two') from e",
    "an error in a class": "class A:\n    raise RuntimeError('here')",
    "a group of errors": "raise ExceptionGroup('several', [ValueError(1), TypeError(2)])",
    "not Python": "print(1\nfor",
    "not text": b"print('\xff')",
    "a NUL": b"print(1)\0",
    "an encoding": "# -*- coding: latin-1 -*-\nprint('\u00e9' == chr(233))".encode("latin-1"),
    "lines": "import sys\nfor line in sys.stdin: print(repr(line))",
    "input": "print(input(), input())\ntry: input()\nexcept EOFError as e: print(repr(e))\ninput()",
    "bytes": "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])",
    "whole input": "print(open(0).read().split())",
    "streams": "import sys\nfor s in (sys.stdin, sys.stdout, sys.stderr): print(s.encoding, s.errors, s.line_buffering, s.name, s.mode, s.seekable() if s is not sys.stdin else '', s.isatty())",
    "thread that goes on": "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()\nprint('main')",
    "at exit": "import atexit\natexit.register(print, 'one')\natexit.register(print, 'two')\nprint('main')",
    "unflushed": "import sys\nsys.stdout.write('x' * 10000)",
    "hook": "import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__)\n1 / 0",
    "recursion": "def f(): return f()\nf()",
    "deep recursion": "import sys\nsys.setrecursionlimit(200000)\ndef f(n): return n and f(n - 1) + 1\nprint(f(100000))",
    "a module beside it": "import beside\nprint(beside.value, beside.__file__.rpartition('/')[2])",
    "dataclasses": "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\nimport pickle\nprint(pickle.loads(pickle.dumps(A(3))))",
    "annotations": "def f(x: undefined = 1): pass",
    "processes": "import multiprocessing as m\nif __name__ == '__main__':\n    with m.Pool(2) as p: print(p.map(abs, [-1, -2]))",
    "shared between processes": "import multiprocessing as m\nfrom multiprocessing.shared_memory import SharedMemory\ndef f(v, a, name):\n    s = SharedMemory(name); v.value += 1; a[1] = 5; s.buf[0] = 7; s.close()\nif __name__ == '__main__':\n    v, a, s = m.Value('i', 3), m.Array('d', 4), SharedMemory(create=True, size=9000)\n    p = m.Process(target=f, args=(v, a, s.name)); p.start(); p.join(); print(v.value, list(a), s.buf[0]); s.close(); s.unlink()",
    "spawned": "import multiprocessing as m\ndef f(q): q.put(3)\nif __name__ == '__main__':\n    c = m.get_context('spawn'); q = c.Queue(); p = c.Process(target=f, args=(q,)); p.start(); print(q.get()); p.join()",
    "a program": "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'print(6)'], capture_output=True).stdout)",
    "signals": "import signal\nprint([signal.getsignal(n) for n in (signal.SIGPIPE, signal.SIGINT, signal.SIGXFSZ, signal.SIGTERM, signal.SIGCHLD)])",
    "closed stdout": "import os\nos.close(1)\nprint('x')",
    "time": "import time\nprint(time.tzname, time.localtime(0).tm_hour)",
    "hashes": "print(list({'a', 'b', 'c', 'd', 'e'}))",
    "random": "import random\nrandom.seed(1)\nprint(random.random())",
    "libraries": "import asyncio, bisect, collections, ctypes, decimal, fractions, functools, hashlib, heapq, itertools, json, math, re, sqlite3, ssl, statistics, string, typing, zlib\nprint(asyncio.run(asyncio.sleep(0, 3)))",
}
STDIN = b"one two\nthree \r\nfour"
ENVIRONMENT = {"PATH": room.search_path(), "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


@pytest.mark.parametrize("mode", WALLED)
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_as_by_itself(name: str, mode: Mode, tmp_path: Path):
    text = SCRIPTS[name] if isinstance(SCRIPTS[name], bytes) else SCRIPTS[name].encode()
    files = {"main.py": text, "beside.py": b"value = 6"}
    for file, content in files.items():
        (tmp_path / file).write_bytes(content)
    alone = subprocess.run(
        [room.python(), "-B", "-S", "main.py", "x", "-y"] if name == "streams" else [room.python(), "-B", "main.py", "x", "-y"],
        cwd=tmp_path, input=STDIN, capture_output=True, env=ENVIRONMENT, timeout=60,
    )  # fmt: skip
    with Sandbox(files, mode=mode) as sandbox:
        outcome = sandbox.run(["python3", "main.py", "x", "-y"], stdin=STDIN)
    assert outcome.status == "exited"
    there, here = str(tmp_path).encode(), b"/box/work"
    assert (outcome.exit_code, outcome.stdout) == (alone.returncode, alone.stdout.replace(there, here))
    if name in ("not text", "a NUL"):  # Python itself words these in other ways for a file and for a text
        assert b"SyntaxError" in outcome.stderr and b"SyntaxError" in alone.stderr
    else:
        assert outcome.stderr == alone.stderr.replace(there, here)


@pytest.mark.parametrize("mode", WALLED)
def test_two_programs_differ_where_python_says_they_do(mode: Mode):
    seeds = b"import random; print(random.random())"
    with Sandbox({"main.py": seeds}, mode=mode) as sandbox:
        assert len({sandbox.run(["python3", "main.py"]).stdout for _ in range(3)}) == 3


def test_the_interpreter_is_the_one_that_runs_here():
    version = subprocess.run([room.python(), "--version"], capture_output=True, text=True).stdout
    assert version.split()[1] == ".".join(map(str, __import__("sys").version_info[:3]))
    assert os.access(room.python(), os.X_OK)
