"""A verdict that means nothing is refused where it is made."""

from __future__ import annotations

import math

import pytest

from datafactory.types import Verdict


@pytest.mark.parametrize(
    ("reward", "status", "detail"),
    [
        (math.nan, "correct", ""),
        (math.inf, "correct", ""),
        ("1", "correct", ""),
        (1.0, "right", ""),
        (1.0, "correct", None),
        (None, "correct", ""),
        (0.0, "timeout", ""),
    ],
)
def test_a_verdict_without_a_meaning_is_refused(reward, status, detail):
    with pytest.raises(ValueError):
        Verdict(reward, status, detail)


def test_what_was_not_decided_carries_no_reward():
    assert Verdict.undecided("timeout").reward is None
    assert Verdict.no_answer().reward == 0
