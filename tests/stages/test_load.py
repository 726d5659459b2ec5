"""Load maps columns, keeps what it does not map, and sets aside what cannot be used, each with its place."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from datafactory.build import build, plan
from datafactory.errors import StageError
from datafactory.progress import Progress
from datafactory.recipe import read_recipe
from datafactory.store import Dataset
from datafactory.types import problem_id

from ..conftest import REPOSITORY, write_rows

SHARED = REPOSITORY.parent / "shared" / "data"


def loaded(folder: Path, settings: str) -> Dataset:
    (folder / "r.yaml").write_text(f"name: r\nstages:\n  it: {{do: load, {settings}}}\n")
    planned = plan(read_recipe(folder / "r.yaml"), folder / "outputs")
    with Progress() as progress:
        build(planned, progress)
    return planned.steps["it"].dataset


def rejected(dataset: Dataset) -> list[tuple[str, str]]:
    tables = [dataset.rejected(k) for k in range(len(dataset.shards))]
    return [row for table in tables if table is not None for row in table.select(pl.col("^rejected_.*$")).iter_rows()]


def test_columns_are_mapped_and_the_rest_is_kept_in_meta(tmp_path: Path):
    write_rows(tmp_path / "p.jsonl", [{"problem": "1+1?", "gold": 2, "level": 3, "topic": "sums", "license": "MIT"}])
    dataset = loaded(tmp_path, "path: p.jsonl, question: problem, answer: gold, domain: {column: topic}")
    row = dataset.read(0).row(0, named=True)
    assert (row["question"], row["answer"], row["domain"], row["license"]) == ("1+1?", "2", "sums", "MIT")
    assert row["source"] == "p.jsonl" and json.loads(row["meta"]) == {"level": 3}
    assert row["problem_id"] == problem_id("1+1?", "2")


def test_what_cannot_be_used_is_set_aside_with_its_place(tmp_path: Path):
    rows = [
        {"question": "1+1?", "answer": "2"},
        {"question": " "},
        {"question": "1+1?", "answer": "2"},
        {"question": "2+2?"},
    ]
    write_rows(tmp_path / "p.jsonl", rows)
    dataset = loaded(tmp_path, "path: p.jsonl, with: [math]")
    assert dataset.rows == 1
    place = tmp_path / "p.jsonl"
    assert [(reason, evidence.split(": ")[0]) for reason, evidence in rejected(dataset)] == [
        ("no question", f"{place}:2"),
        ("duplicate", f"{place}:3"),
        ("gold answer not gradable by math", f"{place}:4"),
    ]


def test_the_same_problem_in_another_place_is_the_same_problem(tmp_path: Path):
    write_rows(tmp_path / "a.jsonl", [{"question": f"{n}?", "answer": "1"} for n in range(5)])
    write_rows(tmp_path / "b.jsonl", [{"question": f"{n}?", "answer": "1"} for n in reversed(range(5))])
    one, other = loaded(tmp_path, "path: a.jsonl"), loaded(tmp_path, "path: b.jsonl")
    assert set(one.read(0)["problem_id"]) == set(other.read(0)["problem_id"])


def test_skip_and_limit_share_a_file_without_overlap(tmp_path: Path):
    write_rows(tmp_path / "p.jsonl", [{"question": f"{n}?"} for n in range(10)])
    first = loaded(tmp_path, "path: p.jsonl, limit: 6, rows_per_shard: 4")
    rest = loaded(tmp_path, "path: p.jsonl, skip: 6")
    questions = [*first.scan().collect()["question"], *rest.scan().collect()["question"]]
    assert questions == [f"{n}?" for n in range(10)]
    assert [shard["rows"] for shard in first.shards] == [4, 2]


def test_finished_answers_become_rollouts_and_several_answers_to_a_question_all_stay(tmp_path: Path):
    rows = [
        {"ask": "Hi", "say": "Hello."},
        {"ask": "Hi", "say": "Good day."},
        {"ask": "Hi", "say": "Hello."},
        {"ask": "Hm", "say": ""},
    ]
    write_rows(tmp_path / "p.jsonl", rows)
    dataset = loaded(tmp_path, "path: p.jsonl, question: ask, response: say")
    assert dataset.read(0)["response"].to_list() == ["Hello.", "Good day."]
    assert dataset.read(0)["rollout"].to_list() == [0, 1] and dataset.read(0)["reasoning"].to_list() == [None, None]
    assert [reason for reason, _ in rejected(dataset)] == ["duplicate", "no response"]


def test_reasoning_gym_problems_carry_what_their_own_scorer_needs(tmp_path: Path):
    dataset = loaded(
        tmp_path,
        "reasoning_gym: chain_sum, options: {min_terms: 2, max_terms: 2}, size: 7, seed: 3, with: [math, reasoning_gym]",
    )
    rows = dataset.read(0)
    assert dataset.rows == 7 and set(rows["source"]) == {"reasoning_gym/chain_sum"}
    assert json.loads(rows["meta"][0])["reasoning_gym"] == "chain_sum"


def test_real_problem_sets_load_whole():
    """Rows in equal rows out and set aside, on the sets that are beside this checkout."""
    import tempfile

    if not SHARED.is_dir():
        pytest.skip("the shared data is not on this machine")
    for name, question, answer in (
        ("math500", "problem", "answer"),
        ("cmath_zh", "question", "golden"),
        ("mmlu_stem", "question", "answer"),
    ):
        with tempfile.TemporaryDirectory() as folder:
            path = SHARED / "problems" / f"{name}.jsonl.gz"
            dataset = loaded(Path(folder), f"path: {path}, question: {question}, answer: {answer}")
            import gzip

            with gzip.open(path) as stream:
                assert dataset.rows + dataset.dropped == sum(1 for _ in stream)
            assert dataset.dropped < 60  # a few questions stand twice in their source


def test_the_index_of_an_option_becomes_its_letter_and_grades_itself(tmp_path: Path):
    options = ["one", "two", "three", "four"]
    write_rows(
        tmp_path / "p.jsonl",
        [
            {"question": "1+1?", "choices": options, "answer": 1},
            {"question": "?", "choices": options, "answer": "four"},
        ],
    )
    dataset = loaded(tmp_path, "path: p.jsonl, choices: choices, with: [choice]")
    assert dataset.read(0)["answer"].to_list() == ["B", "four"]
    assert json.loads(dataset.read(0)["choices"][0]) == options


def test_the_answers_to_a_question_stand_in_one_shard_wherever_they_stood(tmp_path: Path):
    rows = [{"ask": f"{n % 3}?", "say": f"{n}."} for n in range(12)]
    write_rows(tmp_path / "p.jsonl", rows)
    dataset = loaded(tmp_path, "path: p.jsonl, question: ask, response: say, rows_per_shard: 2")
    shards = [set(dataset.read(k)["question"]) for k in range(len(dataset.shards))]
    assert sum(map(len, shards)) == len(set.union(*shards)) == 3
    assert dataset.read(0)["rollout"].to_list() == [0, 1, 2, 3]


def test_a_local_dataset_counts_by_its_content_and_starts_from_the_recipe(tmp_path: Path):
    (tmp_path / "set").mkdir()
    write_rows(tmp_path / "set" / "train.jsonl", [{"question": "1?"}])
    assert loaded(tmp_path, "dataset: ./set").rows == 1
    write_rows(tmp_path / "set" / "train.jsonl", [{"question": "1?"}, {"question": "2?"}])
    assert loaded(tmp_path, "dataset: ./set").rows == 2


def test_gold_answers_that_a_verifier_fails_on_stop_the_stage(tmp_path: Path):
    write_rows(tmp_path / "p.jsonl", [{"question": f"{n}?", "answer": "1"} for n in range(9)])
    (tmp_path / "down.py").write_text("def verify(problem, completion, config):\n    raise RuntimeError('down')\n")
    with pytest.raises(StageError, match="did not decide 9 of 9 gold answers"):
        loaded(tmp_path, "path: p.jsonl, with: [./down.py]")


def test_a_verifier_may_say_itself_which_problems_it_can_grade(tmp_path: Path):
    write_rows(tmp_path / "p.jsonl", [{"question": f"{n}?", "tests": "x" * n} for n in range(3)])
    (tmp_path / "tested.py").write_text(
        "from datafactory.types import Verdict\n"
        "def verify(problem, completion, config):\n    return Verdict.correct()\n"
        "def gold(problem, config):\n"
        "    return Verdict.correct() if problem.tests else Verdict.undecided('undecidable_gold', 'no tests')\n"
    )
    dataset = loaded(tmp_path, "path: p.jsonl, tests: tests, with: [./tested.py]")
    assert dataset.read(0)["question"].to_list() == ["1?", "2?"]
    assert [reason for reason, _ in rejected(dataset)] == ["gold answer not gradable by tested"]
