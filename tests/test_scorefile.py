"""Scoring a file that exists: the same rows in the same order however many work at it, and whoever of them is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from datafactory.executors import local

from .conftest import REPOSITORY, command, write_rows

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to find the processes")


def rooted(count: int) -> list[dict]:
    """Rows whose comparison takes algebra, so that every one of them needs a child process."""
    return [
        {
            "question": f"Which is it, {n}?",
            "answer": f"\\frac{{1}}{{\\sqrt{{{n}}}}}",
            "response": f"\\boxed{{\\frac{{\\sqrt{{{n}}}}}{{{n if n % 3 else n + 1}}}}}",
        }
        for n in range(2, count + 2)
    ]


def descendants(pid: int) -> list[int]:
    """The processes below one, nearest first."""
    below: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            below.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = list(below.get(pid, []))
    for child in found:
        found += below.get(child, [])
    return found


def test_two_workers_write_the_bytes_that_one_writes(tmp_path: Path):
    rows = [{"n": n, "answer": str(n), "response": f"It is {n + n % 2}."} for n in range(1500)]
    file = write_rows(tmp_path / "rows.jsonl", rows)
    for workers in (1, 2):
        out = tmp_path / f"{workers}.jsonl"
        ran = command("verify", file, "--with", "math,exact", "--out", out, "--workers", workers)
        assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()
    scored = pl.read_ndjson(tmp_path / "2.jsonl")
    assert scored["n"].to_list() == list(range(1500))
    assert scored["math"].to_list() == [float(n % 2 == 0) for n in range(1500)]


@needs_proc
def test_whatever_process_is_killed_the_verdicts_are_the_same(tmp_path: Path):
    file = write_rows(tmp_path / "rows.jsonl", rooted(600))
    words = [sys.executable, "-m", "datafactory", "verify", str(file), "--with", "math", "--workers", "2", "--out"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    whole = tmp_path / "whole.jsonl"
    subprocess.run([*words, str(whole)], env=environment, check=True, timeout=300)
    out, stream, killed = tmp_path / "out.jsonl", random.Random(1), 0
    run = subprocess.Popen([*words, str(out)], env=environment)
    while run.poll() is None:
        time.sleep(0.7 + stream.random())
        alive = descendants(run.pid)
        if alive and killed < 6:
            try:
                os.kill(stream.choice(alive), signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                pass
    assert run.returncode == 0 and killed
    assert out.read_bytes() == whole.read_bytes()
    statuses = pl.read_ndjson(out)["math_status"].value_counts()
    assert dict(statuses.iter_rows()) == {"correct": 400, "incorrect": 200}


class Dies:
    """Work that ends its own process the first time: a file remembers that it did."""

    def __init__(self, value: int, mark: Path | None):
        self.value, self.mark = value, mark

    def __call__(self) -> int:
        if self.mark is not None and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.value


def test_a_stream_keeps_its_order_through_the_death_of_workers(tmp_path: Path):
    tasks = (Dies(n, tmp_path / str(n) if n % 20 == 7 else None) for n in range(80))
    assert list(local.stream(tasks, workers=2)) == list(range(80))
    assert len(list(tmp_path.iterdir())) == 4


def test_a_stream_takes_no_more_tasks_than_its_workers_need():
    taken = []

    def tasks():
        for n in range(50):
            taken.append(n)
            yield Dies(n, None)

    results = local.stream(tasks(), workers=2)
    assert next(results) == 0
    assert len(taken) <= 2 * local.AHEAD + 1
    assert list(results) == list(range(1, 50))


def test_columns_that_are_not_ours_reach_the_verifier_as_meta(tmp_path: Path):
    (tmp_path / "shown.py").write_text(
        "from datafactory.types import Verdict\n"
        "FACTS = {'level': 'Int64', 'kind': 'String'}\n"
        "def verify(problem, completion, config):\n"
        "    return Verdict(1.0, 'correct', '', {'level': problem.meta['level'], 'kind': problem.meta['kind']})\n"
    )
    rows = [{"answer": "1", "response": "1", "level": n, "meta": {"kind": "own"}} for n in range(3)]
    file = write_rows(tmp_path / "rows.jsonl", rows)
    ran = command("verify", file, "--with", "./shown.py", "--out", "out.parquet", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    scored = pl.read_parquet(tmp_path / "out.parquet")
    assert scored["shown_level"].to_list() == [0, 1, 2]
    assert scored["shown_kind"].to_list() == ["own"] * 3


def test_verify_all_gets_every_row_that_has_a_completion_and_a_failure_falls_back_to_rows(tmp_path: Path):
    (tmp_path / "together.py").write_text(
        "from datafactory.types import Verdict\n"
        "def verify(problem, completion, config):\n"
        "    return Verdict.incorrect('alone')\n"
        "def verify_all(pairs, config):\n"
        "    if len(pairs) == 1:\n"
        "        raise RuntimeError('one is too few')\n"
        "    return [Verdict.correct(problem.answer) for problem, completion in pairs]\n"
    )
    rows = [{"answer": str(n), "response": None if n == 1 else "x"} for n in range(40)]
    write_rows(tmp_path / "rows.jsonl", rows)
    write_rows(tmp_path / "one.jsonl", rows[:1])
    ran = command("verify", "rows.jsonl", "--with", "./together.py", "--out", "out.jsonl", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    scored = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["together_detail"] for row in scored[:3]] == ["0", "there is no completion", "2"]
    assert scored[1]["together"] is None
    assert (
        command("verify", "one.jsonl", "--with", "./together.py", "--out", "one.out.jsonl", cwd=tmp_path).returncode
        == 0
    )
    assert json.loads((tmp_path / "one.out.jsonl").read_text())["together_detail"] == "alone"


@pytest.mark.parametrize(
    ("verdict", "message"),
    [
        ("Verdict(1.0, 'correct', '', {'depth': 1})", "facts that its FACTS do not declare: depth"),
        ("'yes'", "returned str, not a Verdict"),
    ],
)
def test_a_verifier_that_breaks_its_contract_ends_the_run(tmp_path: Path, verdict: str, message: str):
    (tmp_path / "mine.py").write_text(
        f"from datafactory.types import Verdict\ndef verify(problem, completion, config):\n    return {verdict}\n"
    )
    write_rows(tmp_path / "rows.jsonl", [{"answer": "1", "response": "1"}])
    ran = command("verify", "rows.jsonl", "--with", "./mine.py", "--out", "out.jsonl", cwd=tmp_path)
    assert ran.returncode == 1 and message in ran.stderr, ran.stderr
    assert not (tmp_path / "out.jsonl").exists()


def test_settings_are_given_on_the_command_line_as_a_recipe_spells_them(tmp_path: Path):
    rows = [{"answer": "2", "response": "<think>\none and one\n</think>\n\n2"}]
    file = write_rows(tmp_path / "rows.jsonl", rows)
    for settings, reward in (("format", 1.0), ("format: {style: think_answer}", 0.0)):
        ran = command("verify", file, "--with", f"math,{{{settings}}}", "--out", tmp_path / "o.jsonl")
        assert ran.returncode == 0, ran.stderr
        assert json.loads((tmp_path / "o.jsonl").read_text())["format"] == reward
    wrong = command("verify", file, "--with", "{format: {stile: think}}", "--out", tmp_path / "p.jsonl")
    assert wrong.returncode == 2 and "no setting named 'stile'. Did you mean 'style'?" in wrong.stderr, wrong.stderr


@needs_proc
def test_memory_does_not_grow_with_the_rows(tmp_path: Path):
    most = {}
    for count in (2_000, 60_000):
        rows = [{"answer": str(n), "response": f"So it is \\boxed{{{n}}}."} for n in range(count)]
        file = write_rows(tmp_path / f"{count}.jsonl", rows)
        words = ["verify", str(file), "--with", "math", "--workers", "1", "--out", str(tmp_path / f"{count}.parquet")]
        script = f"""
import sys
sys.argv = ["datafactory", *{words!r}]
from datafactory.cli import main
try:
    main()
except SystemExit as ended:
    assert not ended.code
# not ru_maxrss: that begins with what the process that started this one held
print("peak", open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""
        ran = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, timeout=300
        )
        assert ran.returncode == 0, ran.stderr
        most[count] = int(ran.stdout.split("peak ")[1])
    # 60,000 rows in memory, as lists of Python's objects, are over 100 MB
    assert most[60_000] < most[2_000] + 60_000, most


def test_a_prefix_keeps_new_columns_apart_from_the_files_own(tmp_path: Path):
    file = write_rows(tmp_path / "rows.jsonl", [{"answer": "2", "response": "2", "math": "geometry"}])
    refused = command("verify", file, "--with", "math", "--out", tmp_path / "o.jsonl")
    assert refused.returncode == 2 and "has a column 'math' already" in refused.stderr
    for words in (("verify", "--with", "math"), ("measure", "--with", "length")):
        ran = command(*words, file, "--prefix", "our_", "--out", tmp_path / "o.jsonl")
        assert ran.returncode == 0, ran.stderr
        row = json.loads((tmp_path / "o.jsonl").read_text())
        assert row["math"] == "geometry" and ("our_math_status" in row) == (words[0] == "verify")
        assert all(name in ("answer", "response", "math") or name.startswith("our_") for name in row)
