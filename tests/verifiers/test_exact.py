"""Exact: equal letter for letter, once trimmed."""

import pytest

from datafactory.types import Completion, Problem
from datafactory.verifiers import exact


def verdict(gold: str | None, response: str, **settings: bool | str):
    return exact.verify(Problem("q", gold), Completion(response), exact.Config(**settings))


@pytest.mark.parametrize(
    ("gold", "response", "status"),
    [
        ("yes", " yes\n", "correct"),
        ("yes", "Yes", "incorrect"),
        ("1/2", "0.5", "incorrect"),
        ("yes", "  ", "no_answer"),
        (None, "yes", "undecidable_gold"),
        ("  ", "yes", "undecidable_gold"),
    ],
)
def test_only_the_same_spelling_is_correct(gold, response, status):
    assert verdict(gold, response).status == status


def test_case_counts_unless_it_is_ignored():
    assert verdict("Straße", "STRASSE").reward == 0.0
    assert verdict("Straße", "STRASSE", ignore_case=True).reward == 1.0


def test_the_detail_shows_both():
    assert verdict("12", "13").detail == "expected '12', got '13'"


def test_white_space_and_a_last_stop_count_unless_they_are_ignored():
    assert verdict("New York", "New  York\n").reward == 0.0
    assert verdict("New York", "New \n York", ignore_space=True).reward == 1.0
    assert verdict("yes", "yes.").reward == 0.0
    assert verdict("yes", "yes!.", ignore_end=".!").reward == 1.0
    assert verdict("...", "...", ignore_end=".").status == "undecidable_gold"


def test_of_a_response_only_what_it_marks_counts_where_that_is_asked():
    assert verdict("7", "It is <answer>7</answer>", marked=True).reward == 1.0
    assert verdict("7", "It is 8, not 7: \\boxed{8}", marked=True).status == "incorrect"
    assert verdict("7", "7", marked=True).status == "no_answer"


def test_a_list_of_right_answers_is_read_where_the_setting_says_so():
    golds = '["USA", "United States"]'
    assert verdict(golds, "united states", several=True, ignore_case=True).reward == 1.0
    assert verdict(golds, "Canada", several=True).detail == "expected 'USA' or 'United States', got 'Canada'"
    assert verdict(golds, "USA").status == "incorrect"
    for odd in ("USA", "[1]", "{}", "[]", "[" * 5000, '[" "]'):
        assert verdict(odd, "USA", several=True).status == "undecidable_gold"


def test_a_list_of_right_answers_passes_the_check_of_gold_answers():
    settings = exact.Config(several=True)
    assert exact.gold(Problem("q", '["a", "b"]'), settings).status == "correct"
    assert exact.gold(Problem("q", "a"), settings).status == "undecidable_gold"
    assert exact.gold(Problem("q", None), exact.Config()).status == "undecidable_gold"
