"""The process boundary, with functions of the standard library that hang, die, print and eat memory."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from datafactory import boundary

ROOT = Path(__file__).resolve().parents[2]
PROC = Path("/proc")
needs_proc = pytest.mark.skipif(not (PROC / "self/stat").exists(), reason="needs /proc to see which processes live")


def state(pid: int) -> str | None:
    """The letter of a process's state, Z for a zombie; None when there is no such process."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def lives(pid: int) -> bool:
    return state(pid) not in (None, "Z", "X")


def gone_within(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while lives(pid) and time.monotonic() < end:
        time.sleep(0.1)
    return not lives(pid)


def script(text: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", text], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_result_comes_back_from_another_process():
    assert boundary.call("operator:add", [1, "ü\0\ud800"], [None], timeout=10) == [1, "ü\0\ud800", None]
    assert boundary.call("os:getpid", timeout=10) != os.getpid()


def test_a_child_stays_warm():
    assert boundary.call("os:getpid", timeout=10) == boundary.call("os:getpid", timeout=10)


def test_an_exception_comes_back_as_failed_with_its_name():
    with pytest.raises(boundary.Failed, match="ValueError: invalid literal"):
        boundary.call("builtins:int", "x", timeout=10)
    with pytest.raises(boundary.Failed, match="ModuleNotFoundError"):
        boundary.call("no_such_module:run", timeout=10)
    with pytest.raises(boundary.Failed, match="not JSON serializable"):
        boundary.call("builtins:object", timeout=10)
    with pytest.raises(boundary.Failed, match="SystemExit"):
        boundary.call("sys:exit", 0, timeout=10)


# pow is one C call that never lets another thread of the child run
@pytest.mark.parametrize(("function", "arguments"), [("time:sleep", [600]), ("builtins:pow", [9, 10**9])])
@needs_proc
def test_a_hanging_function_is_killed_and_the_next_call_works(function, arguments):
    pid = boundary.call("os:getpid", timeout=10)
    started = time.monotonic()
    with pytest.raises(boundary.TimedOut):
        boundary.call(function, *arguments, timeout=0.5)
    assert time.monotonic() - started < 20
    assert state(pid) is None  # reaped, not a zombie
    assert boundary.call("operator:add", 1, 2, timeout=10) == 3


@pytest.mark.parametrize(("function", "arguments", "status"), [("os:_exit", [3], 3), ("os:abort", [], -signal.SIGABRT)])
def test_a_crash_is_failed_and_the_next_call_works(function, arguments, status):
    with pytest.raises(boundary.Failed, match="exit status") as failed:
        boundary.call(function, *arguments, timeout=10)
    assert failed.value.exit_status == status
    with pytest.raises(boundary.Failed) as failed:
        boundary.call("builtins:int", "x", timeout=10)
    assert failed.value.exit_status is None
    assert boundary.call("operator:add", 1, 2, timeout=10) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux")
def test_memory_is_limited():
    with pytest.raises(boundary.Failed, match="out of memory"):
        boundary.call("operator:mul", [0], boundary.MEMORY // 8 + 1, timeout=30)
    assert boundary.call("operator:add", 1, 2, timeout=10) == 3


@needs_proc
def test_a_child_that_died_between_calls_is_replaced():
    pid = boundary.call("os:getpid", timeout=10)
    os.kill(pid, signal.SIGKILL)
    assert gone_within(pid, 10)
    assert boundary.call("os:getpid", timeout=10) != pid


def test_what_the_function_prints_and_reads_does_not_touch_the_channel(capfd):
    boundary.close()  # the child of this test starts with what capfd set up
    assert boundary.call("builtins:print", "noise\n" * 50_000, timeout=10) is None
    with pytest.raises(boundary.Failed, match="EOFError"):
        boundary.call("builtins:input", timeout=10)
    assert boundary.call("operator:add", 1, 2, timeout=10) == 3
    assert capfd.readouterr().out == ""


def test_effects_are_refused(tmp_path):
    target = tmp_path / "made"
    for function, argument in (("builtins:open", [str(target), "w"]), ("os:system", [f"touch {target}"])):
        with pytest.raises(boundary.Failed, match="PermissionError"):
            boundary.call(function, *argument, timeout=10)
    assert not target.exists()


def test_many_threads_each_get_their_own_answer():
    with ThreadPoolExecutor(6) as pool:
        answers = pool.map(lambda n: boundary.call("operator:mul", n, n, timeout=30), range(120))
    assert list(answers) == [n * n for n in range(120)]


def test_ctrl_c_in_the_terminal_reaches_the_parent_only():
    assert boundary.call("os:getsid", 0, timeout=10) != os.getsid(0)


@needs_proc
def test_children_are_gone_after_the_parent_exits():
    parent = script("from datafactory import boundary; print(boundary.call('os:getpid', timeout=10))")
    pid = int(parent.communicate(timeout=60)[0])
    assert gone_within(pid, 10)


@pytest.mark.parametrize("busy", ["'time:sleep', 600, timeout=600", "'builtins:pow', 9, 10**9, timeout=3"])
@needs_proc
def test_a_computing_child_is_gone_after_the_parent_is_killed(busy):
    parent = script(
        "from datafactory import boundary\n"
        "print(boundary.call('os:getpid', timeout=10), flush=True)\n"
        f"boundary.call({busy})"
    )
    pid = int(parent.stdout.readline())
    time.sleep(0.3)
    assert lives(pid)
    parent.kill()
    parent.wait()
    assert gone_within(pid, 60)


def test_a_forked_process_gets_a_child_of_its_own():
    parent = script(
        "import os\n"
        "from datafactory import boundary\n"
        "boundary.call('os:getpid', timeout=10)\n"
        "forked = os.fork()\n"
        "print(boundary.call('os:getpid', timeout=10), flush=True)\n"
        "if forked: os.waitpid(forked, 0)\n"
    )
    pids = parent.communicate(timeout=60)[0].split()
    assert len(pids) == len(set(pids)) == 2


def test_after_a_timeout_another_child_gets_ready_without_being_asked():
    with pytest.raises(boundary.TimedOut):
        boundary.call("time:sleep", 600, timeout=0.5)
    assert boundary._idle[-1].pipe.poll(60)  # it says that it has imported the module
    pid = boundary._idle[-1].process.pid
    assert boundary.call("os:getpid", timeout=10) == pid
    assert boundary.call("operator:add", 1, 2, timeout=10) == 3
