"""Select keeps what a condition and a preference say."""

from __future__ import annotations

import polars as pl
import pytest

from datafactory.conditions import parts, refused
from datafactory.stages.select import Config as Select
from datafactory.stages.select import select

ROWS = pl.DataFrame(
    {
        "problem_id": ["a", "a", "a", "b", "b", "c"],
        "rollout": [0, 1, 2, 0, 1, 0],
        "math": [1.0, 1.0, 1.0, 0.0, None, 1.0],
        "completion_tokens": [30, 10, 20, 5, 5, None],
        "clarity": [1, 3, 3, 5, 5, 2],
    }
)


def chosen(**settings) -> list[tuple[str, int]]:
    made = select(Select.model_validate({"from": "x", **settings}), ROWS)
    return list(made.kept.select("problem_id", "rollout").iter_rows())


def test_null_is_not_true():
    assert chosen(where="math = 1") == [("a", 0), ("a", 1), ("a", 2), ("c", 0)]
    assert chosen(where="math < 1") == [("b", 0)]
    assert chosen(where="not math = 1") == [("b", 0)]


@pytest.mark.parametrize(
    ("prefer", "expected"),
    [
        (None, [("a", 0), ("b", 0), ("c", 0)]),
        ("completion_tokens", [("a", 1), ("b", 0), ("c", 0)]),
        ("completion_tokens desc", [("a", 0), ("b", 0), ("c", 0)]),
        ("clarity desc, completion_tokens desc", [("a", 2), ("b", 0), ("c", 0)]),
    ],
)
def test_the_best_of_each_problem_by_a_preference(prefer, expected):
    assert chosen(per_problem=1, prefer=prefer) == expected


def test_a_dropped_row_says_which_part_it_failed_and_with_what():
    made = select(Select.model_validate({"from": "x", "where": "math = 1 and clarity >= 2", "per_problem": 1}), ROWS)
    told = {
        row[:2]: row[2:] for row in made.dropped.select("problem_id", "rollout", pl.col("^rejected_.*$")).iter_rows()
    }
    assert told == {
        ("a", 0): ("not clarity >= 2", "clarity = 1"),
        ("a", 2): ("beyond 1 per problem", "2 of its problem by rollout"),
        ("b", 0): ("not math = 1", "math = 0"),
        ("b", 1): ("not math = 1", "math = null"),
    }


def test_two_rollouts_with_the_same_text_are_one_choice():
    rows = ROWS.with_columns(pl.lit(None, dtype=pl.String).alias("reasoning"), pl.Series("response", list("xxyzzx")))
    made = select(Select.model_validate({"from": "x", "per_problem": 2}), rows)
    assert list(made.kept.select("problem_id", "rollout").iter_rows()) == [("a", 0), ("a", 2), ("b", 0), ("c", 0)]
    assert set(made.dropped["rejected_reason"]) == {"the same text as another rollout"}
    assert made.dropped["rejected_evidence"][0] == "rollout 0 of its problem says the same"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1 AND b = 2", ["a = 1", "b = 2"]),
        ("a = 1 or b = 2 and c = 3", ["a = 1 or b = 2 and c = 3"]),
        ("a between 1 and 2", ["a between 1 and 2"]),
        ("(a = 1 and b = 2)", ["(a = 1 and b = 2)"]),
        ("a = 'x and y'", ["a = 'x and y'"]),
    ],
)
def test_a_condition_is_parted_only_where_that_says_the_same(text, expected):
    assert parts(text) == expected


SCORED = ["math", "math_status", "code", "code_status", "code_compiled", "code_language", "clarity"]


@pytest.mark.parametrize(
    "text",
    [
        "math = 1 and code_compiled = true and code_language = 'python'",
        "code_compiled and math = 1",
        "clarity >= 4 and math_status = 'correct'",
    ],
)
def test_a_condition_may_speak_of_numbers_texts_and_truth_values_at_once(text):
    assert refused(text, SCORED) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("math", "is not true or false"),
        ("math = 'x'", "cannot compare"),
        ("math_status = 1", "cannot compare"),
        ("clarity + 1", "is not true or false"),
        ("sum(math) = 3", "does not speak of a row's columns"),
    ],
)
def test_a_condition_that_no_row_can_meet_is_refused(text, why):
    assert why in (refused(text, SCORED) or "")
