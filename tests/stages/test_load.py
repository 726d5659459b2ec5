"""Load maps columns, keeps what it does not map, and sets aside what cannot be used, each with its place."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from datafactory.errors import StageError, UserError
from datafactory.store import Dataset
from datafactory.types import problem_id

from ..conftest import write_rows
from ..real import path_of, rows_of
from .loads import loaded


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
        "reasoning_gym: chain_sum, options: {min_terms: 2, max_terms: 2}, size: 7, seed: 3, with: [math, logic]",
    )
    rows = dataset.read(0)
    assert dataset.rows == 7 and set(rows["source"]) == {"reasoning_gym/chain_sum"}
    assert json.loads(rows["meta"][0])["reasoning_gym"] == "chain_sum"


@pytest.mark.parametrize(
    ("name", "question", "answer"),
    [("math500", "problem", "answer"), ("cmath_zh", "question", "golden"), ("mmlu_stem", "question", "answer")],
)
def test_real_problem_sets_load_whole(tmp_path: Path, name: str, question: str, answer: str):
    """Rows in equal rows out and set aside, on the sets that are beside this checkout."""
    place = f"problems/{name}"
    dataset = loaded(tmp_path, f"path: {path_of(place)}, question: {question}, answer: {answer}")
    assert dataset.rows + dataset.dropped == len(rows_of(place))
    assert dataset.dropped < 60  # a few questions stand twice in their source


def test_a_folder_of_a_dataset_is_its_shards_and_of_several_splits_one_is_to_be_named(tmp_path: Path):
    asked = pl.DataFrame({"question": ["1?", "2?"], "answer": ["1", "2"]})
    stage, published = tmp_path / "stage", tmp_path / "published"
    for path in (stage / "shard-00000.parquet", published / "data" / "train-00000-of-00001.parquet"):
        path.parent.mkdir(parents=True)
        asked.write_parquet(path)
    asked.write_parquet(stage / "rejected-00000.parquet")
    for folder in (stage, published):
        (folder / "manifest.json").write_text("{}")
        assert loaded(tmp_path, f"path: {folder}").rows == 2
    asked.write_parquet(published / "data" / "validation-00000-of-00001.parquet")
    with pytest.raises(UserError, match="has the splits train, validation: name one, as dataset: .*split: train"):
        loaded(tmp_path, f"path: {published}")


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


OPTIONS = [
    (["red", "blue", "green"], 1),
    ({"A": "red", "B": "blue", "C": "green", "D": None}, "B"),
    ({"label": ["1", "2", "3"], "text": ["red", "blue", "green"]}, "2"),
    ([{"label": "A", "text": "red"}, {"label": "B", "text": "blue"}, {"label": "C", "text": "green"}], "B"),
    ('["red", "blue", "green"]', "B"),
]


@pytest.mark.parametrize(("choices", "answer"), OPTIONS)
def test_options_of_every_form_become_a_list_and_their_gold_answer_a_letter(tmp_path: Path, choices, answer):
    write_rows(tmp_path / "p.jsonl", [{"question": "Which?", "choices": choices, "answer": answer}])
    row = loaded(tmp_path, "path: p.jsonl, choices: choices, with: [choice]").read(0).row(0, named=True)
    assert (json.loads(row["choices"]), row["answer"]) == (["red", "blue", "green"], "B")


def test_options_may_stand_in_columns_of_their_own(tmp_path: Path):
    (tmp_path / "p.csv").write_text("question,A,B,C,D,answer\nWhich?,red,blue,green,,B\nWhat?,1,2,3,4,D\n")
    dataset = loaded(tmp_path, "path: p.csv, choices: [A, B, C, D], with: [choice]")
    assert [json.loads(choices) for choices in dataset.read(0)["choices"]][1] == ["1", "2", "3", "4"]
    assert json.loads(dataset.read(0)["meta"][0]) == {}


@pytest.mark.parametrize(
    "choices", ["red", {"x": "red", "y": "blue"}, 7, [["red"], ["blue"]], {"A": "red", "C": "blue"}]
)
def test_what_is_no_list_of_options_stops_the_stage_at_its_row(tmp_path: Path, choices):
    write_rows(tmp_path / "p.jsonl", [{"question": "Which?", "choices": choices, "answer": "A"}])
    with pytest.raises(StageError, match=r"p\.jsonl:1: the column 'choices' should hold a list of options"):
        loaded(tmp_path, "path: p.jsonl, choices: choices")


def test_two_questions_that_differ_in_their_options_alone_are_two_problems(tmp_path: Path):
    rows = [{"question": "Which is even?", "choices": ["1", two], "answer": "B"} for two in ("2", "4", "2")]
    write_rows(tmp_path / "p.jsonl", rows)
    dataset = loaded(tmp_path, "path: p.jsonl, choices: choices")
    assert dataset.rows == 2 and [reason for reason, _ in rejected(dataset)] == ["duplicate"]


def quiz(count: int = 60) -> list[dict]:
    return [
        {"question": f"{n} + {n}?", "choices": [str(2 * n + shift) for shift in (1000, 2000, 3000, 0)], "answer": 3}
        for n in range(count)
    ]


def orders(dataset: Dataset) -> dict[str, tuple[list[str], str]]:
    return {
        question: (json.loads(choices), answer)
        for question, choices, answer in dataset.read(0).select("question", "choices", "answer").iter_rows()
    }


def test_shuffled_options_take_their_gold_letter_along_and_say_where_they_stood(tmp_path: Path):
    write_rows(tmp_path / "p.jsonl", quiz())
    settings = "path: p.jsonl, choices: choices, with: [choice]"
    plain, mixed = loaded(tmp_path, settings), loaded(tmp_path, f"{settings}, shuffle_choices: true")
    assert plain.read(0)["problem_id"].to_list() == mixed.read(0)["problem_id"].to_list()
    letters = set()
    for n, row in enumerate(mixed.read(0).iter_rows(named=True)):
        shown, order = json.loads(row["choices"]), json.loads(row["meta"])["choices_order"]
        assert shown["ABCD".index(row["answer"])] == str(2 * n)
        assert shown == [quiz()[n]["choices"][at] for at in order]
        letters.add(row["answer"])
    assert letters == set("ABCD")


def test_the_order_of_options_depends_on_the_seed_and_the_problem_and_on_nothing_else(tmp_path: Path):
    settings = "path: p.jsonl, choices: choices, shuffle_choices: true"
    write_rows(tmp_path / "p.jsonl", quiz())
    first, other = orders(loaded(tmp_path, f"{settings}, seed: 5")), orders(loaded(tmp_path, f"{settings}, seed: 6"))
    write_rows(tmp_path / "p.jsonl", list(reversed(quiz()))[:40])
    again = orders(loaded(tmp_path, f"{settings}, seed: 5"))
    assert again.items() <= first.items() and len(again) == 40
    assert sum(first[question] != other[question] for question in first) > 30


def test_options_that_speak_of_each_other_keep_their_places_and_a_gold_text_stays_a_text(tmp_path: Path):
    rows = [
        {"question": f"{n}?", "choices": ["x", "y", last], "answer": gold}
        for n, (last, gold) in enumerate(
            [("All of the above", "C"), ("Both A and B", "C"), ("none of these", "C"), ("z", "Q")]
        )
    ]
    rows += [{"question": f"{n}!", "choices": ["one", "two", "three", "four"], "answer": "three"} for n in range(20)]
    write_rows(tmp_path / "p.jsonl", rows)
    found = orders(loaded(tmp_path, "path: p.jsonl, choices: choices, shuffle_choices: true"))
    for row in rows[:4]:
        assert found[row["question"]] == (row["choices"], row["answer"])
    assert {answer for _, answer in list(found.values())[4:]} == {"three"}
    assert len({tuple(choices) for choices, _ in list(found.values())[4:]}) > 5


def test_finished_answers_are_not_parted_from_the_order_they_speak_of(tmp_path: Path):
    write_rows(tmp_path / "p.jsonl", [{"question": "?", "choices": ["x", "y"], "answer": "B", "say": "B"}])
    with pytest.raises(UserError, match="name the options in the order they are in"):
        loaded(tmp_path, "path: p.jsonl, choices: choices, response: say, shuffle_choices: true")
    with pytest.raises(UserError, match="needs `choices`"):
        loaded(tmp_path, "path: p.jsonl, shuffle_choices: true")
