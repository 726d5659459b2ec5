"""Numbers over a group, against computations that are obvious and slow."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest

from datafactory.groups import bounds, cons_at_k, interval, majority, pass_at_k, resampled

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


# labels of six rollouts and their rewards: a tie of three, one abstaining, an answer of which nothing was decided
VOTES = [
    (["a", "a", "b", "b", "c", "c"], [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]),
    (["a", "b", "b", None, "a", "a"], [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
    (["a", "a", "b", "c", None, None], [None, None, 1.0, 0.0, 0.0, 0.0]),
    (["a", "a", "a"], [1.0, None, 1.0]),
    ([None, None, "a"], [0.0, 0.0, 1.0]),
]


@pytest.mark.parametrize(("labels", "rewards"), VOTES)
def test_cons_at_k_is_the_mean_over_every_vote_of_k_with_ties_drawn_by_lot(labels, rewards):
    right = {"a": None, "b": None, "c": None} | {
        label: reward for label, reward in zip(labels, rewards, strict=True) if label and reward is not None
    }
    for k in range(1, len(labels) + 1):
        votes = []
        for drawn in itertools.permutations(range(len(labels)), k):  # every order: no draw counts more than another
            given = [labels[at] for at in drawn if labels[at]]
            leading = [each for each in "abc" if given and given.count(each) == max(map(given.count, given))]
            known = [right[each] for each in leading if right[each] is not None]
            if known:
                votes.append(sum(known) / len(known))
            elif not given:
                votes.append(0.0)
        expected = pytest.approx(sum(votes) / len(votes), abs=1e-12) if votes else None
        assert cons_at_k(labels, rewards, k) == expected


def test_cons_at_k_is_none_where_it_is_undefined_and_0_where_nothing_is_answered():
    assert cons_at_k(["a"], [1.0], 2) is None
    assert cons_at_k([], [], 1) is None
    assert cons_at_k(["a", "a"], [None, None], 2) is None
    assert cons_at_k([None, None], [0.0, 0.0], 2) == 0.0


def test_cons_at_k_of_many_rollouts_is_drawn_with_a_seed():
    labels = ["a"] * 20 + ["b"] * 15 + [f"c{n}" for n in range(29)]
    rewards = [float(label == "a") for label in labels]
    found = cons_at_k(labels, rewards, 16)
    assert found == cons_at_k(labels, rewards, 16)
    # 60,000 draws of 16 by numpy, each with its most common label: 0.682
    assert found == pytest.approx(0.682, abs=0.03)
    assert cons_at_k(labels, rewards, 64) == 1.0


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
    assert interval([0.25]) is None, "one problem says nothing of others"


def test_columns_are_drawn_together():
    mine = [0.0, 0.25, 0.5, 1.0, 1.0]
    draws = resampled([mine, [value / 2 for value in mine]])
    assert (draws[0] == 2 * draws[1]).all(), "the same problems of both"
    low, high = bounds(draws[0])
    assert sum(low <= mean <= high for mean in draws[0]) / draws[0].size == pytest.approx(0.95, abs=0.03)
