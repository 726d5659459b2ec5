"""Answers to one question are brought together whatever their order, and what is held does not grow with the file."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datafactory.types import problem_id, trace_id

from ..conftest import REPOSITORY, write_rows
from .loads import loaded, rejected, rows_of

SETTINGS = "path: p.jsonl, question: ask, response: say, rows_per_shard: 7"


def in_memory(rows: list[dict]) -> list[tuple]:
    """The obvious way: a dict of lists, in the order of the first answer to each question."""
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(row["ask"], []).append(row)
    return [(ask, at, row["say"]) for ask, group in groups.items() for at, row in enumerate(group)]


def some(order: str, count: int = 300) -> list[dict]:
    draw = random.Random(order)
    rows = [{"ask": f"{n}?", "say": f"{n}, {k}."} for n in range(count // 3) for k in range(draw.randint(1, 5))]
    if order == "shuffled":
        draw.shuffle(rows)
    elif order == "rounds":
        rows.sort(key=lambda row: row["say"].split(", ")[1])
    elif order == "one late":
        rows.append({"ask": "2?", "say": "at last."})
    return rows


@pytest.mark.parametrize("order", ["together", "shuffled", "rounds", "one late"])
def test_the_order_is_that_of_the_first_answer_to_each_question(tmp_path: Path, order: str):
    rows = some(order)
    write_rows(tmp_path / "p.jsonl", rows)
    dataset = loaded(tmp_path, SETTINGS)
    assert [(row["question"], row["rollout"], row["response"]) for row in rows_of(dataset)] == in_memory(rows)
    shards = [set(dataset.read(k)["problem_id"]) for k in range(len(dataset.shards))]
    assert sum(map(len, shards)) == len(set.union(*shards))
    assert [shard["file"] for shard in dataset.shards] == [f"shard-{k:05d}.parquet" for k in range(len(shards))]
    assert all(7 <= shard["rows"] < 7 + 5 for shard in dataset.shards[:-1])
    assert {path.name for path in dataset.folder.iterdir()} == {
        ".lock", "manifest.json", *(shard["file"] for shard in dataset.shards)
    }  # fmt: skip
    for row in rows_of(dataset):
        assert row["problem_id"] == problem_id(row["question"], None)
        assert row["trace_id"] == trace_id(row["problem_id"], row["rollout"], None, row["response"])


def test_rows_that_cannot_be_used_are_of_no_problem_and_stay_where_they_were(tmp_path: Path):
    rows = [{"ask": "a", "say": "1"}, {"ask": "", "say": "x"}, {"ask": "b", "say": "2"}, {"ask": " ", "say": "y"}]
    rows += [{"ask": "a", "say": "3"}, {"ask": "", "say": "z"}, {"ask": "a", "say": "1"}, {"ask": "b", "say": ""}]
    write_rows(tmp_path / "p.jsonl", rows)
    dataset = loaded(tmp_path, SETTINGS)
    assert [row["response"] for row in rows_of(dataset)] == ["1", "3", "2"]
    lost = [(row["rejected_reason"], row["rejected_evidence"].rpartition(":")[2]) for row in rejected(dataset)]
    assert sorted(lost) == [
        ("duplicate", "7"),
        ("no question", "2"),
        ("no question", "4"),
        ("no question", "6"),
        ("no response", "8"),
    ]
    assert len({row["problem_id"] for row in rejected(dataset) if row["rejected_reason"] == "no question"}) == 3


def test_generations_of_one_row_stand_together_with_those_of_another(tmp_path: Path):
    rows = [{"problem": f"{n % 4}?", "generations": [f"{n}a", f"{n}b"]} for n in range(9)]
    write_rows(tmp_path / "p.jsonl", rows)
    found = rows_of(loaded(tmp_path, "path: p.jsonl, rows_per_shard: 3"))
    assert [row["response"] for row in found if row["question"] == "0?"] == ["0a", "0b", "4a", "4b", "8a", "8b"]


def test_long_rows_make_shards_of_fewer_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("datafactory.loading.SHARD", 10_000)
    write_rows(tmp_path / "p.jsonl", [{"ask": f"{n}?", "say": "x" * 3000} for n in range(20)])
    assert {shard["rows"] for shard in loaded(tmp_path, "path: p.jsonl, question: ask, response: say").shards} == {4}


RUN = """
import sys
from pathlib import Path
from datafactory.commands.build import build
try:
    build(sys.argv[1:], standalone_mode=False)
finally:  # not getrusage: its peak is that of the process before it became this one, too
    print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024)
"""


def peak(folder: Path, count: int, kind: str) -> int:
    """MB at the most while so many rows of 40 KB, two thirds of which come late, are loaded."""
    folder.mkdir()

    def row(n: int) -> str:
        return json.dumps({"ask": f"{n % (count // 3)}?", "say": f"{n} " + f"word{n} " * 5000})

    with (folder / f"p.{kind}").open("w") as stream:
        if kind == "json":
            stream.writelines(("[" if n == 0 else ",\n") + row(n) for n in range(count))
            stream.write("]")
        else:
            stream.writelines(row(n) + "\n" for n in range(count))
    (folder / "r.yaml").write_text(
        f"name: r\nstages:\n  it: {{do: load, path: p.{kind}, question: ask, response: say, rows_per_shard: 100}}\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", RUN, str(folder / "r.yaml"), "--outputs", str(folder / "out")],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout.split()[-1])


@pytest.mark.parametrize("kind", ["jsonl", "json"])
def test_what_is_held_does_not_grow_with_the_file(tmp_path: Path, kind: str):
    small, large = peak(tmp_path / "a", 600, kind), peak(tmp_path / "b", 3600, kind)
    assert large - small < 60  # MB; the file grew by 130, and an allocator keeps what it had at its busiest


def test_a_load_that_is_killed_goes_on_to_the_same_bytes(tmp_path: Path):
    for order in ("together", "shuffled"):
        folder = tmp_path / order.replace(" ", "_")
        folder.mkdir()
        write_rows(folder / "p.jsonl", [{**row, "more": "x" * 2000} for row in some(order, 2400)])
        whole = loaded(folder, SETTINGS)
        wanted = [(shard["file"], shard["sha256"]) for shard in whole.shards]
        words = [
            sys.executable,
            "-m",
            "datafactory",
            "build",
            str(folder / "r.yaml"),
            "--outputs",
            str(folder / "again"),
        ]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        for seconds in (0.2,):
            process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
            until = time.monotonic() + 60
            while not list((folder / "again").glob("store/load-*/**/shard-*.parquet")) and time.monotonic() < until:
                time.sleep(0.05)
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert subprocess.run(words, env=environment, capture_output=True).returncode == 0
        (manifest,) = (folder / "again").glob("store/load-*/manifest.json")
        assert [(shard["file"], shard["sha256"]) for shard in json.loads(manifest.read_text())["shards"]] == wanted
        assert not list(manifest.parent.glob("aside")) and not (manifest.parent / "late").exists()
