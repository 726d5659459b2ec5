"""The journal: what was written is there, what was torn is owed again, nothing crashes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from datafactory.engines import Output
from datafactory.journal import Journal
from datafactory.places import FILE

from .conftest import REPOSITORY


def outputs(*keys: str) -> list[Output]:
    return [Output(key, f"text of {key} \u2028 \ud800 \x00 é", "stop", 3, 5) for key in keys]


def test_what_was_appended_is_read_back_by_another_process(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.append(outputs("a", "b"))
    journal.append(outputs("c"))
    journal.close()
    again = Journal(tmp_path)
    assert len(again) == 3 and "b" in again and "d" not in again
    assert again.read(["c", "a", "d"]) == {output.key: output for output in outputs("a", "c")}


@pytest.mark.parametrize("cut", [1, 2, 9, 30])
def test_a_torn_tail_is_owed_again_and_the_rest_is_kept(tmp_path: Path, cut: int):
    journal = Journal(tmp_path)
    journal.append(outputs("a"))
    journal.append(outputs("b"))
    journal.close()
    (segment,) = tmp_path.glob("*.jsonl")
    segment.write_bytes(segment.read_bytes()[:-cut])
    again = Journal(tmp_path)
    assert ("a" in again, "b" in again, again.damaged) == (True, False, 1)
    again.append(outputs("b"))
    again.close()
    assert set(Journal(tmp_path).read(["a", "b"])) == {"a", "b"}


def test_a_flipped_byte_anywhere_never_gives_another_text(tmp_path: Path):
    journal = Journal(tmp_path)
    for key in "abcd":
        journal.append(outputs(key))
    journal.close()
    (segment,) = tmp_path.glob("*.jsonl")
    whole = segment.read_bytes()
    right = {output.key: output for output in outputs(*"abcd")}
    stream = random.Random(0)
    for _ in range(200):
        at = stream.randrange(len(whole))
        segment.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << stream.randrange(8))]) + whole[at + 1 :])
        read = Journal(tmp_path).read("abcd")
        assert len(read) >= 2  # a newline that is hit joins two lines
        assert all(right[key] == output for key, output in read.items())


def test_kill_9_while_writing_loses_nothing_that_was_appended(tmp_path: Path):
    writer = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from pathlib import Path
from datafactory.engines import Output
from datafactory.journal import Journal
journal = Journal(Path({str(tmp_path)!r}))
for n in range(10**9):
    journal.append([Output(f"{{n}}-{{k}}", "x" * 2000, "stop") for k in range(20)])
    print(n, flush=True)
"""
    running = subprocess.Popen([sys.executable, "-c", writer], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    said = [running.stdout.readline() for _ in range(20)]
    os.kill(running.pid, signal.SIGKILL)
    said += running.stdout.read().splitlines(keepends=True)
    last = [int(line) for line in said if line.endswith("\n")][-1]
    running.wait()
    journal = Journal(tmp_path)
    assert all(f"{n}-{k}" in journal for n in range(last + 1) for k in range(20))


def test_a_torn_tail_is_told_once_and_cut_off(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.append(outputs("a"))
    journal.append(outputs("b"))
    journal.close()
    (segment,) = tmp_path.glob("*.jsonl")
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-7])
    (tmp_path / FILE).unlink()
    assert [Journal(tmp_path).damaged, Journal(tmp_path).damaged] == [1, 0]
    assert segment.read_bytes() == whole.splitlines(keepends=True)[0]


@pytest.mark.parametrize("left", [b"0", b"deadbeef [", None])
def test_a_partial_line_in_the_middle_does_not_take_the_next_along(tmp_path: Path, left: bytes | None):
    journal = Journal(tmp_path)
    for key in "abc":
        journal.append(outputs(key))
    journal.close()
    (segment,) = tmp_path.glob("*.jsonl")
    first, second, third = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(first + (second[:-9] if left is None else left) + second + third)
    again = Journal(tmp_path)
    assert (again.held("abc"), again.damaged) == (set("abc"), 1)
    assert again.read("abc") == {output.key: output for output in outputs(*"abc")}


def test_zeros_that_a_power_cut_left_are_passed_over(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.append(outputs("a"))
    journal.close()
    (segment,) = tmp_path.glob("*.jsonl")
    segment.write_bytes(segment.read_bytes() + bytes(5000))
    again = Journal(tmp_path)
    assert (again.held("a"), again.damaged) == ({"a"}, 1)
    assert Journal(tmp_path).damaged == 0


def test_what_a_newer_version_wrote_is_read_as_far_as_this_one_knows_it(tmp_path: Path):
    body = json.dumps([{"key": "a", "text": "said", "finish_reason": "stop", "mood": {"key": "z"}}]).encode()
    strange = json.dumps([{"key": "b", "said": "it"}]).encode()
    lines = [b"%08x %b\n" % (zlib.crc32(each), each) for each in (body, strange, b'{"key": "c"}', b"[1]", b"null")]
    (tmp_path / "1.jsonl").write_bytes(b"".join(lines))
    journal = Journal(tmp_path)
    assert journal.read("abc") == {"a": Output("a", "said", "stop")}
    assert journal.held("abcz") == {"a"}


def test_every_field_of_an_output_comes_back(tmp_path: Path):
    given = Output("a", "", "length", 0, 7, reasoning="\udfff thought", stop="</s>", error=None)
    journal = Journal(tmp_path)
    journal.append([given])
    journal.append([])
    journal.close()
    assert Journal(tmp_path).read(["a"]) == {"a": given}


def test_a_disk_that_is_full_is_told_in_one_line_and_nothing_counts_that_is_not_on_it(tmp_path: Path):
    script = f"""
import resource, signal, sys
sys.path.insert(0, {str(REPOSITORY)!r})
from pathlib import Path
from datafactory.engines import Output
from datafactory.errors import StageError
from datafactory.journal import Journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Path({str(tmp_path)!r}))
sound = lambda n: Output(str(n), "x" * 1000, "stop")
journal.append([sound(1)])
resource.setrlimit(resource.RLIMIT_FSIZE, (1500, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    journal.append([sound(2), sound(3)])
except StageError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
assert journal.held("123") == {{"1"}}, journal.held("123")
journal.append([sound(3)])
assert journal.held("123") == {{"1", "3"}}
journal.close()
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert "cannot write" in ran.stdout and "what was finished before it is kept" in ran.stdout
    again = Journal(tmp_path)
    assert (again.held("123"), again.damaged) == ({"1", "3"}, 0)
