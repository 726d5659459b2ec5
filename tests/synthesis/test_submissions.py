"""Submissions: found by what they share with their problem, the first of each kind, no program twice."""

from __future__ import annotations

import json

import polars as pl
import pytest

from datafactory.errors import StageError
from datafactory.synthesis.submissions import Archive, Kind, both, keys_of


def table(*rows: tuple[str, str, object]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "question": [question for question, _, _ in rows],
            "response": [program for _, program, _ in rows],
            "meta": [json.dumps({"label": label}) for _, _, label in rows],
        },
        schema={"question": pl.String, "response": pl.String, "meta": pl.String},
    )


def archive(*tables: pl.DataFrame, right: str = "label = 'ok'", wrong: str = "label = 'bad'", most: int = 9) -> Archive:
    found = Archive(Kind(right, most), Kind(wrong, most), "question")
    for rows in tables:
        found.add(rows)
    return found


def held(found: Archive, key: str) -> list[tuple[int, bool, str]]:
    return [(each.number, each.right, each.response) for each in found.of(key)]


def test_numbers_are_places_among_all_submissions_to_a_problem():
    first = table(("a", "p", "ok"), ("b", "q", "ok"), ("a", "r", "unknown"), ("a", "s", "bad"))
    found = archive(first, table(("a", "t", "ok")))
    assert held(found, "a") == [(0, True, "p"), (2, False, "s"), (3, True, "t")]
    assert held(found, "b") == [(0, True, "q")]
    assert held(found, "c") == []


def test_the_first_of_each_kind_are_kept():
    rows = table(*(("a", f"p{n}", "ok" if n % 2 else "bad") for n in range(8)))
    assert held(archive(rows, most=2), "a") == [(0, False, "p0"), (1, True, "p1"), (2, False, "p2"), (3, True, "p3")]


def test_a_program_that_stands_there_twice_counts_once():
    assert held(archive(table(("a", "p", "ok"), ("a", "p", "ok"), ("a", "q", "ok")), most=2), "a") == [
        (0, True, "p"),
        (2, True, "q"),
    ]


def test_a_program_that_is_called_right_and_wrong_is_neither():
    found = archive(table(("a", "p", "ok"), ("a", "p", "bad"), ("a", "p", "ok"), ("a", "q", "ok")), most=1)
    assert held(found, "a") == [(3, True, "q")]


def test_a_row_that_meets_both_conditions_is_a_mistake_in_the_recipe():
    with pytest.raises(StageError, match="submission 0 to 'a' is right and wrong: it meets 'label = 'ok'' and"):
        archive(table(("a", "p", "ok")), wrong="label <> 'bad'")


@pytest.mark.parametrize(
    ("labels", "right", "wrong"),
    [
        ([True, False], "label", "not label"),
        ([1, 0], "label = 1", "label = 0"),
        ([0.9, 0.1], "label > 0.5", "label <= 0.5"),
        (["OK", "WRONG_ANSWER"], "label = 'OK'", "label in ('WRONG_ANSWER', 'TIME_LIMIT_EXCEEDED')"),
    ],
)
def test_labels_of_every_type_in_meta_or_in_a_column(labels, right, wrong):
    rows = table(("a", "p", labels[0]), ("a", "q", labels[1]))
    expected = [(0, True, "p"), (1, False, "q")]
    assert held(archive(rows, right=right, wrong=wrong), "a") == expected
    columns = rows.drop("meta").with_columns(pl.Series("label", labels))
    assert held(archive(columns, right=right, wrong=wrong), "a") == expected


def test_a_null_label_is_neither():
    assert held(archive(table(("a", "p", None), ("a", "q", "ok"))), "a") == [(1, True, "q")]


def test_a_condition_that_is_not_true_or_false_is_told():
    with pytest.raises(StageError, match="'label' is not true or false for each submission"):
        archive(table(("a", "p", "ok")), right="label")
    with pytest.raises(StageError, match="'label > 1' cannot be asked of the submissions"):
        archive(table(("a", "p", "ok")), right="label > 1")


def test_problems_and_submissions_may_call_what_they_share_by_two_names():
    assert both("question") == ("question", "question")
    assert both("id = task") == ("id", "task")
    rows = table(("a", "p", 7), ("b", "q", 8))
    assert keys_of(rows, "question") == ["a", "b"]
    assert keys_of(rows, "label") == ["7", "8"]


def test_a_submission_without_a_key_or_a_program_belongs_to_no_problem():
    found = archive(table((None, "p", "ok"), ("a", None, "ok"), ("", "q", "ok")))
    assert held(found, "a") == held(found, "") == []
