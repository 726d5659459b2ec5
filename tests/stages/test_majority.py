r"""Majority: one vote per mathematically distinct answer, and a vote that stands in for gold is marked all the way."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import polars as pl
import pytest

from datafactory.build import build, plan
from datafactory.errors import UserError
from datafactory.progress import Progress
from datafactory.publish import publish
from datafactory.recipe import read_recipe
from datafactory.stages.majority import Config, voted
from datafactory.types import problem_of

from ..conftest import write_rows


def group(*responses: str, **columns: object) -> pl.DataFrame:
    rows = [
        {
            "problem_id": "a",
            "answer": None,
            "tests": None,
            "choices": None,
            "finish_reason": "stop",
            "response": response,
        }
        for response in responses
    ]
    return pl.DataFrame([{**row, **columns} for row in rows], infer_schema_length=None)


def vote(table: pl.DataFrame, **settings: object) -> dict[str, list]:
    made = voted(Config.model_validate({"from": "x", **settings}), table)
    assert made.select(table.columns).equals(table)
    return made.select(pl.exclude(table.columns)).to_dict(as_series=False)


def test_answers_that_are_equal_as_mathematics_are_one_answer_as_the_first_spells_it():
    spellings = (
        r"\boxed{\frac12}",
        "The answer is 0.5.",
        "<answer>2/4</answer>",
        r"\boxed{3}",
        r"so \boxed{\dfrac{3}{6}}",
    )
    found = vote(group(*spellings))
    assert found["majority"] == [r"\frac12"] * 5
    assert found["majority_votes"] == [4] * 5 and found["majority_share"] == [0.8] * 5
    assert found["agrees"] == [1.0, 1.0, 1.0, 0.0, 1.0]


def test_algebra_decides_where_spelling_does_not():
    found = vote(group(r"\boxed{(x+1)^2}", r"\boxed{x^2+2x+1}", r"\boxed{x^2}", r"\boxed{x^2+1}"))
    assert found["agrees"] == [1.0, 1.0, 0.0, 0.0]


def test_a_tie_has_no_winner():
    found = vote(group(r"\boxed{1}", r"\boxed{2}", r"\boxed{1}", r"\boxed{2}"), min_share=0)
    assert found["majority"] == [None] * 4 and found["agrees"] == [None] * 4
    assert found["majority_votes"] == [2] * 4 and found["majority_share"] == [0.5] * 4


def test_a_rollout_without_an_answer_votes_for_none_and_counts_in_the_share():
    found = vote(group(r"\boxed{1}", r"\boxed{1}", "I do not know.", "", r"\boxed{2}"))
    assert found["majority"] == [None] * 5 and found["majority_share"] == [0.4] * 5
    found = vote(group(r"\boxed{1}", r"\boxed{1}", "I do not know.", "", r"\boxed{2}"), min_share=0.4)
    assert found["majority"] == ["1"] * 5 and found["agrees"] == [1.0, 1.0, 0.0, 0.0, 0.0]


def test_a_rollout_that_failed_is_no_vote_at_all():
    table = group(r"\boxed{1}", r"\boxed{1}", r"\boxed{2}", "", "", "")
    reasons = pl.Series("finish_reason", ["stop", "stop", "stop", "error", "error", "error"])
    found = vote(table.with_columns(reasons))
    assert found["majority_share"] == [pytest.approx(2 / 3)] * 6
    assert found["agrees"] == [1.0, 1.0, 0.0, None, None, None]
    assert vote(table.with_columns(pl.lit("error").alias("finish_reason")))["majority_share"] == [None] * 6


def test_a_truncated_rollout_votes_only_with_what_it_marks():
    found = vote(group("The answer is 5", r"\boxed{5}", finish_reason="length"), min_share=0)
    assert found["majority_votes"] == [1, 1] and found["agrees"] == [0.0, 1.0]


def test_the_options_of_a_question_are_voted_on_by_letter():
    options = json.dumps(["red", "blue", "green"])
    found = vote(group("The answer is (B).", "blue", r"\boxed{\text{B}}", "C", "A and B", choices=options))
    assert found["majority"] == ["B"] * 5 and found["agrees"] == [1.0, 1.0, 1.0, 0.0, 0.0]


def test_an_answer_that_cannot_be_compared_in_time_neither_agrees_nor_disagrees():
    tower = r"\boxed{2^{2^{2^{49}}}}"
    found = vote(group(tower, r"\boxed{1}", r"\boxed{1.0}", tower, r"\boxed{1}", r"\boxed{3}"), timeout=1.0)
    assert found["majority"] == ["1"] * 6
    assert found["agrees"] == [None, 1.0, 1.0, None, 1.0, 0.0]


def test_each_problem_has_its_own_vote():
    table = pl.concat(
        [group(r"\boxed{1}", r"\boxed{1}"), group(r"\boxed{2}").with_columns(pl.lit("b").alias("problem_id"))]
    )
    assert vote(table)["majority"] == ["1", "1", "2"]


@pytest.mark.parametrize(
    ("columns", "pseudo"), [({}, "1"), ({"answer": " "}, "1"), ({"answer": "3"}, None), ({"tests": "[]"}, None)]
)
def test_the_vote_stands_in_only_where_nothing_else_can_grade(columns, pseudo):
    table = group(r"\boxed{1}", r"\boxed{1}", **columns)
    assert "pseudo_answer" not in vote(table)
    made = voted(Config.model_validate({"from": "x", "pseudo_gold": True}), table)
    assert made["pseudo_answer"].to_list() == [pseudo] * 2 and made.schema["pseudo_answer"] == pl.String
    assert problem_of(made.row(0, named=True)).answer == (pseudo or columns.get("answer"))


TEACHER = r"""
def answer(question, rollout, seed):
    n = int(question.rstrip("?").split()[-1])
    said = {0: "no idea", 1: n + 1, 2: f"\\frac{{{2 * n}}}{{2}}"}.get(rollout, n)
    if n % 5 == 4:
        said = rollout  # everyone says something else
    return f"<think>\nLet me see.\n</think>\n\nIt is \\boxed{{{said}}}, and that is that {rollout}."
"""
RECIPE = """name: pseudo
seed: 1
models:
  teacher: {engine: scripted, function: ./teacher.py}
stages:
  problems: {do: load, path: problems.jsonl, question: ask, answer: gold, rows_per_shard: 7}
  traces: {do: generate, from: problems, model: teacher, group_size: 8}
  voted: {do: majority, from: traces, pseudo_gold: true}
  checked: {do: verify, from: voted, with: [math]}
  accepted: {do: select, from: checked, where: math = 1}
  dataset: {do: merge, from: [accepted]}
"""


def test_problems_without_answers_are_built_end_to_end_and_marked_in_every_row(tmp_path: Path):
    (tmp_path / "teacher.py").write_text(TEACHER)
    rows = [{"ask": f"What is {n}?", "gold": str(n) if n < 5 else None} for n in range(20)]
    write_rows(tmp_path / "problems.jsonl", rows)
    (tmp_path / "r.yaml").write_text(RECIPE)
    planned = plan(read_recipe(tmp_path / "r.yaml"), tmp_path / "outputs")
    with Progress() as progress:
        build(planned, progress)
    checked = planned.steps["checked"].dataset.scan().collect()
    undecided = checked.filter(pl.col("math").is_null())
    assert set(undecided["question"]) == {f"What is {n}?" for n in (9, 14, 19)}  # no gold answer and no majority
    assert set(undecided["math_status"]) == {"undecidable_gold"}
    assert checked["answer"].null_count() == 15 * 8  # a stage rewrites no cell

    folder, _ = publish(planned, planned.steps["dataset"])
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))["train"]
    assert "pseudo_answer" not in loaded.column_names
    found = {row["problem"]: (row["solution"], row["solution_from"]) for row in loaded}
    expected = {f"What is {n}?": (str(n), "gold") for n in range(5)}
    expected |= {f"What is {n}?": (rf"\frac{{{2 * n}}}{{2}}", "majority") for n in range(5, 20) if n % 5 != 4}
    assert found == expected
    assert all(row["agrees"] == 1 for row in loaded if row["solution_from"] == "majority")
    count = sum(row["solution_from"] == "majority" for row in loaded)
    card = (folder / "README.md").read_text()
    assert f"**{count} solutions of {len(loaded)}, of 12 problems, are pseudo-gold**" in card
    assert "| `solution_from` | string |" in card


def test_a_recipe_is_told_before_it_runs_what_a_vote_needs(tmp_path: Path):
    (tmp_path / "teacher.py").write_text(TEACHER)
    write_rows(tmp_path / "problems.jsonl", [{"ask": "What is 1?", "gold": None}])
    (tmp_path / "r.yaml").write_text(RECIPE.replace("from: traces, pseudo", "from: problems, pseudo"))
    with pytest.raises(UserError, match="no column named 'response'"):
        read_recipe(tmp_path / "r.yaml")
