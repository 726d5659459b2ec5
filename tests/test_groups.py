"""Numbers over a group, against computations that are obvious and slow."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest

from datafactory.groups import interval, majority, pass_at_k

GROUPS = [
    [1.0, 0.0, 0.0, 1.0, 0.0],
    [0.0, 0.0, 0.0],
    [1.0, 1.0],
    [1.0, None, 0.0, None, 0.5, 1.0],
    [2.0, 0.3, 1.0, 0.0],
]


@pytest.mark.parametrize("rewards", GROUPS)
def test_pass_at_k_is_the_share_of_the_draws_of_k_that_hold_a_right_one(rewards: list[float | None]):
    decided = [reward for reward in rewards if reward is not None]
    for k in range(1, len(decided) + 1):
        draws = list(itertools.combinations(decided, k))
        share = sum(any(reward >= 1 for reward in draw) for draw in draws) / len(draws)
        assert pass_at_k(rewards, k) == pytest.approx(share, abs=1e-12)


def test_pass_at_k_is_none_where_fewer_than_k_were_decided():
    assert pass_at_k([1.0, None], 2) is None
    assert pass_at_k([None, None], 1) is None
    assert pass_at_k([], 1) is None
    assert pass_at_k([1.0], 0) is None
    assert pass_at_k([1.0, None], 1) == 1


def test_pass_at_k_does_not_overflow_for_large_groups():
    assert pass_at_k([1.0] + [0.0] * 4999, 2500) == pytest.approx(0.5)


def test_the_majority_is_the_most_common_answer_and_the_first_on_a_tie():
    for answers in itertools.product(["a", "b", "c", None], repeat=4):
        given = [answer for answer in answers if answer is not None]
        found = majority(answers)
        if not given:
            assert found is None
            continue
        most = max(given.count(answer) for answer in given)
        assert found == next(
            at for at, answer in enumerate(answers) if answer is not None and given.count(answer) == most
        )


def test_the_interval_holds_the_mean_and_has_the_width_of_the_normal_one():
    values = [0.0, 1.0] * 100
    low, high = interval(values) or (0, 0)
    half = 1.96 * statistics.pstdev(values) / math.sqrt(len(values))
    assert low == pytest.approx(0.5 - half, abs=0.015) and high == pytest.approx(0.5 + half, abs=0.015)
    assert interval(values, seed=0) == interval(values, seed=0)
    assert interval([0.25] * 5) == (0.25, 0.25)
    assert interval([]) is None
