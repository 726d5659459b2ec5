"""Exact: equal letter for letter, once trimmed."""

import pytest

from datafactory.types import Completion, Problem
from datafactory.verifiers import exact


def verdict(gold: str | None, response: str, **settings: bool):
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
