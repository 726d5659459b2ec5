"""A program's runs: what goes in, what comes out, what stays between them, and what does not."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from datafactory.sandbox import Broken, Limits, Mode, Sandbox, Unavailable, demand, which
from datafactory.sandbox import start as starting
from datafactory.sandbox.start import ANSWER, Gone, Started

from ..conftest import REPOSITORY
from .modes import ALL, WALLED

SUM = b"import sys\nprint(sum(map(int, sys.stdin.read().split())))"
CPP = b'#include <cstdio>\nint main() { long a, b; while (scanf("%ld %ld", &a, &b) == 2) printf("%ld\\n", a + b); }'


@pytest.mark.parametrize("mode", ALL)
def test_each_run_reads_its_own_input(mode: Mode):
    with Sandbox({"main.py": SUM}, mode=mode) as sandbox:
        for n in range(5):
            outcome = sandbox.run(["python3", "main.py"], stdin=b"%d 1" % n)
            assert (outcome.status, outcome.exit_code, outcome.signal) == ("exited", 0, None)
            assert outcome.stdout == b"%d\n" % (n + 1) and outcome.stderr == b""
            assert outcome.seconds > 0 and outcome.cpu_seconds > 0 and outcome.memory > 1 << 20


@pytest.mark.parametrize("mode", ALL)
def test_input_and_output_larger_than_any_pipe(mode: Mode):
    text = os.urandom(3 << 20)
    with Sandbox({"main.py": b"import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"}, mode=mode) as sandbox:
        assert sandbox.run(["python3", "main.py"], stdin=text, limits=Limits(output=len(text))).stdout == text
        short = sandbox.run(["python3", "main.py"], stdin=text, limits=Limits(output=len(text) - 1))
        assert short.status == "output" and text.startswith(short.stdout)


@pytest.mark.parametrize("mode", ALL)
def test_a_program_need_not_read_its_input(mode: Mode):
    with Sandbox({"main.py": b"print(1)"}, mode=mode) as sandbox:
        assert sandbox.run(["python3", "main.py"], stdin=bytes(10 << 20)).stdout == b"1\n"


@pytest.mark.skipif(not which("g++"), reason="no g++")
@pytest.mark.parametrize("mode", ALL)
def test_what_a_compiler_made_is_kept_and_what_a_run_wrote_is_not(mode: Mode):
    with Sandbox({"main.cpp": CPP}, mode=mode) as sandbox:
        compiled = sandbox.run(["g++", "-O1", "main.cpp", "-o", "main"], limits=Limits(wall=120, cpu=60), keep=True)
        assert compiled.succeeded, compiled
        assert sandbox.run(["./main"], stdin=b"1 2\n3 4\n").stdout == b"3\n7\n"
        assert sandbox.run(["sh", "-c", "echo x > main; echo y > other; rm main.cpp"]).succeeded
        assert sandbox.run(["ls"]).stdout == b"main\nmain.cpp\n"
        assert sandbox.run(["./main"], stdin=b"5 6").stdout == b"11\n"
        failed = sandbox.run(["sh", "-c", "echo x > other; exit 1"], keep=True)
        assert failed.exit_code == 1 and sandbox.run(["ls"]).stdout == b"main\nmain.cpp\n"


@pytest.mark.parametrize("mode", WALLED)
def test_links_and_holes_that_are_kept_are_files_of_their_own_for_whoever_comes_next(mode: Mode):
    """They take more room than they did, and the sandbox that they were made in has no more."""
    large = "truncate -s 20M one; ln one two; ln one three; ln one four; ln one five"
    with Sandbox({"main.py": b""}, Limits(memory=256 << 20), mode) as sandbox:
        assert sandbox.run(["sh", "-c", large], keep=True).succeeded
        with sandbox.talk(["sh", "-c", "stat -c %h%s two five"]) as program:
            assert program.receive(30) is None and program.close().stdout == b"120971520\n" * 2


@pytest.mark.skipif(not which("node"), reason="no node")
@pytest.mark.parametrize("mode", ALL)
def test_node_runs(mode: Mode):
    with Sandbox({"main.js": b"console.log(require('fs').readFileSync(0, 'utf8').length)"}, mode=mode) as sandbox:
        assert sandbox.run(["node", "main.js"], stdin=b"12345", limits=Limits(wall=60)).stdout == b"5\n"


@pytest.mark.parametrize("mode", ALL)
def test_files_in_folders(mode: Mode):
    with Sandbox({"a/b/one.txt": b"1", "main.py": b"print(open('a/b/one.txt').read())"}, mode=mode) as sandbox:
        assert sandbox.run(["python3", "main.py"]).stdout == b"1\n"


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "", "a\0b"])
def test_a_file_outside_the_work_folder_is_refused(name: str):
    with pytest.raises(ValueError, match="no path inside"):
        Sandbox({name: b""})


@pytest.mark.parametrize("mode", ALL)
def test_limits_are_those_of_the_run(mode: Mode):
    with Sandbox(
        {"loop.py": b"while True: pass", "wait.py": b"import time; print('so far', flush=True); time.sleep(60)"},
        mode=mode,
    ) as sandbox:
        assert sandbox.run(["python3", "loop.py"], limits=Limits(cpu=1, wall=60)).status == "cpu"
        waited = sandbox.run(["python3", "wait.py"], limits=Limits(wall=0.5))
        assert (waited.status, waited.exit_code, waited.stdout) == ("wall", None, b"so far\n")
        assert 0.5 <= waited.seconds < 30


def test_none_leaves_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Sandbox({"main.py": SUM}, mode="none") as sandbox:
        sandbox.run(["python3", "main.py"], stdin=b"1")
        with sandbox.talk(["python3", "main.py"]):
            assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_none_tells_the_program_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATAFACTORY_SECRET", "hidden")
    with Sandbox({"main.py": b"import os; print(dict(os.environ))"}, mode="none") as sandbox:
        assert b"hidden" not in sandbox.run(["python3", "main.py"]).stdout


@pytest.mark.parametrize("mode", WALLED)
def test_all_runs_of_a_program_are_in_one_sandbox(mode: Mode):
    litter = b"import os; os.makedirs('a/b/c'); open('a/b/x', 'w'); os.chmod('a/b', 0); os.symlink('/', '/tmp/root')"
    with Sandbox({"main.py": litter}, mode=mode) as sandbox:
        processes = set()
        for _ in range(4):
            assert sandbox.run(["python3", "main.py"]).succeeded
            assert sandbox._started
            processes.add(sandbox._started.process.pid)
        assert len(processes) == 1


@pytest.mark.parametrize("mode", WALLED)
def test_many_sandboxes_at_once_from_many_threads(mode: Mode):
    def program(n: int) -> list[bytes]:
        with Sandbox({"main.py": SUM}, Limits(wall=120), mode) as sandbox:
            return [sandbox.run(["python3", "main.py"], stdin=b"%d %d" % (n, i)).stdout for i in range(5)]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(program, range(24))) == [[b"%d\n" % (n + i) for i in range(5)] for n in range(24)]


@pytest.mark.parametrize("mode", WALLED)
def test_a_sandbox_outlives_the_thread_that_started_it(mode: Mode):
    with Sandbox({"main.py": SUM}, mode=mode) as sandbox:
        thread = threading.Thread(target=sandbox.run, args=(["python3", "main.py"],))
        thread.start()
        thread.join()
        first = sandbox._started
        time.sleep(0.2)
        assert sandbox.run(["python3", "main.py"], stdin=b"2 3").stdout == b"5\n"
        assert sandbox._started is first


@pytest.mark.parametrize("mode", WALLED)
def test_a_forked_process_has_sandboxes_of_its_own(mode: Mode):
    with Sandbox({"main.py": SUM}, mode=mode) as before:
        before.run(["python3", "main.py"])
        child = os.fork()
        if not child:
            try:
                with Sandbox({"main.py": SUM}, mode=mode) as sandbox:
                    os._exit(0 if sandbox.run(["python3", "main.py"], stdin=b"2 2").stdout == b"4\n" else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert before.run(["python3", "main.py"], stdin=b"2 3").stdout == b"5\n"


def test_where_there_is_no_way_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    """Asked where neither can be had: inside a sandbox, which has no bubblewrap to see and refuses namespaces."""
    names = [*list((REPOSITORY / "datafactory/sandbox").rglob("*.py")), REPOSITORY / "datafactory/errors.py"]
    files = {str(path.relative_to(REPOSITORY)): path.read_bytes() for path in names}
    asks = "from datafactory.sandbox import *\nfor mode in ('auto', 'bubblewrap', 'namespaces', 'none'):\n    try: print(mode, demand(mode))\n    except Unavailable as error: print(mode, error)"
    try:
        demand("auto")
    except Unavailable as error:
        pytest.skip(str(error))
    monkeypatch.setenv("PATH", os.defpath)
    with Sandbox({**files, "datafactory/__init__.py": b"", "main.py": asks.encode()}, Limits(wall=60)) as sandbox:
        ran = sandbox.run(["python3", "main.py"])
    auto, bubblewrap, namespaces, none = ran.stdout.decode().splitlines()
    assert "install bubblewrap" in auto and "`sandbox: none`" in auto and "user namespaces" in auto
    assert "bubblewrap: " in auto and "namespaces: unshare: Operation not permitted" in auto
    assert "namespaces:" not in bubblewrap and "bubblewrap:" not in namespaces
    assert none == "none None"


def test_which_finds_what_the_sandbox_has():
    assert which("sh") and which("no-such-program") is None


@pytest.mark.parametrize("head", [(250, 0, 0), (0, 1 << 40, 0), (0, 0, 1 << 40), None])
def test_an_answer_that_cannot_be_is_not_believed(head: tuple[int, int, int] | None, tmp_path: Path):
    ours, theirs = socket.socketpair()
    process = starting.subprocess.Popen(["true"])
    started = Started(process, ours, starting.FileIO(os.open(tmp_path / "said", os.O_CREAT | os.O_RDONLY)))
    if head:
        status, out, kept = (min(n, 0xFFFFFFFF) for n in head)
        theirs.sendall(ANSWER.pack(status, 0, 0, 0.1, 0.1, 1, out, 0, kept, False))
    theirs.close()
    with pytest.raises(Gone):
        started.answer(Limits())


@pytest.mark.parametrize("mode", WALLED)
def test_a_machine_that_fails_every_time_is_no_outcome(mode: Mode, monkeypatch: pytest.MonkeyPatch):
    demand(mode)
    monkeypatch.setattr(starting, "BOOT", "import sys; sys.exit('it is broken')")
    with Sandbox({"main.py": SUM}, mode=mode) as sandbox, pytest.raises(Broken, match="failed 3 times: it is broken"):
        sandbox.run(["python3", "main.py"])


def test_bubblewrap_is_used_where_it_works():
    if shutil.which("bwrap") is None:
        pytest.skip("no bubblewrap")
    try:
        demand("bubblewrap")
    except Unavailable as error:
        pytest.skip(str(error))
    with Sandbox({"main.py": SUM}) as sandbox:
        sandbox.run(["python3", "main.py"])
        assert sandbox._started and Path(sandbox._started.process.args[0]).name == "bwrap"  # type: ignore[index]
