"""Votes come to a verdict where more than half of them say the same."""

from __future__ import annotations

import pytest

from datafactory.judges._answer import Unread
from datafactory.judges._votes import settled
from datafactory.types import Verdict

C, W, U = Verdict.correct("yes"), Verdict.incorrect("no"), Unread("not JSON")


@pytest.mark.parametrize(
    ("votes", "reward", "status", "read", "agreement"),
    [
        ([C], 1, "correct", 1, 1),
        ([W], 0, "incorrect", 1, 1),
        ([U], None, "error", 0, None),
        ([C, W, C], 1, "correct", 3, 2 / 3),
        ([W, W, C], 0, "incorrect", 3, 2 / 3),
        ([C, C, U], 1, "correct", 2, 1),
        ([C, W, U], None, "no_verdict", 2, 1 / 2),
        ([C, U, U], None, "error", 1, None),
        ([C, W], None, "no_verdict", 2, 1 / 2),
        ([C, C], 1, "correct", 2, 1),
        ([C, U], None, "error", 1, None),
        ([C, C, W, W], None, "no_verdict", 4, 1 / 2),
        ([C, C, C, W, U], 1, "correct", 4, 3 / 4),
        ([C, C, W, U, U], None, "no_verdict", 3, 2 / 3),
    ],
)
def test_a_majority_of_all_votes_decides(votes, reward, status, read, agreement):
    verdict = settled(votes)
    assert (verdict.reward, verdict.status) == (reward, status)
    assert verdict.facts["votes"] == read and verdict.facts.get("agreement") == (
        agreement if agreement is None else pytest.approx(agreement)
    )


def test_the_detail_is_of_the_side_that_won_or_says_how_they_differ():
    assert settled([W, C, C]).detail == "yes"
    assert settled([C, W]).detail == "1 correct, 1 incorrect of 2 votes"
    assert settled([C, U, U]).detail == "1 of 3 votes could be read: not JSON"


def test_grades_and_what_is_found_with_them_are_averaged():
    grades = [Verdict.scored(grade, str(grade), {"readable": fact}) for grade, fact in ((5.0, 4), (2.0, 5), (3.0, 3))]
    verdict = settled([*grades, U])
    assert (verdict.reward, verdict.status, verdict.detail) == (pytest.approx(10 / 3), "scored", "3.0")
    assert verdict.facts == {"votes": 3, "agreement": pytest.approx(1 / 3), "readable": 4.0}
