"""The commands as a person types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from datafactory import plugins

from .conftest import command, write_rows


def test_help_imports_nothing_heavy():
    said = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "datafactory", "--help"], capture_output=True, text=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in said.stderr.splitlines()}
    assert not loaded & {"torch", "transformers", "polars", "pyarrow", "datasets", "pydantic", "sympy", "rich", "yaml"}
    for name in (
        "build",
        "plan",
        "inspect",
        "list",
        "verify",
        "measure",
        "distill",
        "evaluate",
        "new",
        "check",
        "export",
        "push",
    ):
        assert f"\n  {name} " in said.stdout


@pytest.mark.parametrize("kind", ["stages", "verifiers", "filters", "engines"])
def test_list_names_every_file_of_a_kind_with_a_line(kind: str):
    lines = command("list", kind).stdout.splitlines()
    assert [line.split()[0] for line in lines] == plugins.names(kind[:-1])
    assert all(len(line.split()) > 3 for line in lines)


def test_verify_scores_anyones_file_and_keeps_its_columns(tmp_path: Path):
    rows = [
        {"problem": "1+1?", "gold": "2", "output": "<think>x</think>It is \\boxed{2}.", "extra": {"deep": [1]}},
        {"problem": "1+2?", "gold": "3", "output": "It is 4.", "extra": None},
        {"problem": "1+3?", "gold": None, "output": "4", "extra": {"deep": []}},
    ]
    write_rows(tmp_path / "a.jsonl", rows)
    ended = command("verify", tmp_path / "a.jsonl", "--with", "math,format", "--out", tmp_path / "b.jsonl")
    assert ended.returncode == 0, ended.stderr
    made = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert [{name: row[name] for name in rows[0]} for row in made] == rows
    assert [row["math"] for row in made] == [1.0, 0.0, None]
    assert [row["math_status"] for row in made] == ["correct", "incorrect", "undecidable_gold"]
    assert [row["format"] for row in made] == [1.0, 0.0, 0.0]
    assert "math: 1 correct, 1 incorrect, 1 undecidable_gold; 50.0% of the decided are correct" in ended.stdout


def test_measure_takes_parquet_with_messages_and_writes_parquet(tmp_path: Path):
    turns = [
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "<think>\nwell well\n</think>\n\nBecause."},
    ]
    pl.DataFrame({"messages": [turns, turns]}).write_parquet(tmp_path / "a.parquet")
    words = ("--with", "length,finished", "--evidence", "--out", tmp_path / "b.parquet")
    ended = command("measure", tmp_path / "a.parquet", *words)
    assert ended.returncode == 0, ended.stderr
    made = pl.read_parquet(tmp_path / "b.parquet")
    assert made.columns == ["messages", "length", "length_evidence", "finished", "finished_evidence"]
    assert made["length"].to_list() == [3.0, 3.0]


def test_pass_rate_of_a_scored_file_sees_whole_groups(tmp_path: Path):
    rows = [
        {"question": f"{n % 3}?", "answer": "1", "problem_id": f"{n % 3}", "response": "1", "math": n % 2}
        for n in range(12)
    ]
    write_rows(tmp_path / "a.jsonl", rows)
    ended = command("measure", tmp_path / "a.jsonl", "--with", "pass_rate", "--out", tmp_path / "b.jsonl")
    assert ended.returncode == 0, ended.stderr
    assert {json.loads(line)["pass_rate"] for line in (tmp_path / "b.jsonl").read_text().splitlines()} == {0.5}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["verify", "nothing.jsonl", "--with", "math", "--out", "b.jsonl"],
            "there is no nothing.jsonl. Did you mean 'a.jsonl'?",
        ),
        (
            ["verify", "a.jsonl", "--with", "maths", "--out", "b.jsonl"],
            "no verifier named 'maths'. Did you mean 'math'?",
        ),
        (
            ["verify", "a.jsonl", "--with", "math", "--response", "sax", "--out", "b.jsonl"],
            "a.jsonl has no column 'sax'. Did you mean 'say'?",
        ),
        (["verify", "a.jsonl", "--with", "math", "--out", "b.jsonl"], "a.jsonl has no column of responses"),
        (
            ["measure", "a.jsonl", "--with", "length", "--response", "say", "--out", "b.txt"],
            "--out is a .parquet or a .jsonl file",
        ),
        (["build", "nothing.yaml"], "nothing.yaml: there is no such recipe"),
        (["inspect", "nothing"], "nothing"),
        (["distill", "nothing", "--student", "x", "--out", "o"], "nothing is no finished dataset"),
        (
            ["evaluate", "./nothing", "--on", "a.jsonl", "--question", "ask", "--answer", "say"],
            "there is no model folder nothing",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(tmp_path: Path, words: list[str], message: str):
    write_rows(tmp_path / "a.jsonl", [{"ask": "?", "say": "1"}])
    ended = command(*words, cwd=tmp_path)
    assert ended.returncode == 2
    assert message in ended.stderr and "Traceback" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) <= 2


def test_new_writes_a_recipe_that_is_sound_and_refuses_to_write_over_one(tmp_path: Path):
    assert command("new", "mine", cwd=tmp_path).returncode == 0
    planned = command("plan", "mine/recipe.yaml", cwd=tmp_path)
    assert planned.returncode == 0 and "dataset" in planned.stdout
    assert command("new", "mine", cwd=tmp_path).returncode == 2
