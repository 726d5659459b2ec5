"""The journal: what was written is there, what was torn is owed again, nothing crashes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from datafactory.engines import Output
from datafactory.journal import Journal

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
    said = [running.stdout.readline() for _ in range(50)]
    os.kill(running.pid, signal.SIGKILL)
    said += running.stdout.read().splitlines(keepends=True)
    last = [int(line) for line in said if line.endswith("\n")][-1]
    running.wait()
    journal = Journal(tmp_path)
    assert all(f"{n}-{k}" in journal for n in range(last + 1) for k in range(20))
