"""Pass rate: a mean over the decided rollouts of a problem; null is not 0."""

from __future__ import annotations

import itertools

import polars as pl
import pytest

from filters.pass_rate import pass_rate


def rows(**rewards: list[float | None]) -> pl.DataFrame:
    cells = [(problem, reward) for problem, group in rewards.items() for reward in group]
    return pl.DataFrame(cells, schema={"problem_id": pl.String, "math": pl.Float64}, orient="row")


def test_each_rollout_of_a_problem_has_the_mean_of_its_group():
    assert pass_rate(rows(a=[1, 0, 0, 1], b=[1], c=[0, 0])).to_list() == [0.5] * 4 + [1.0] + [0.0] * 2


def test_an_undecided_rollout_is_left_out_and_not_a_zero():
    assert pass_rate(rows(a=[1, None, 0, None])).to_list() == [0.5] * 4


def test_a_problem_without_a_decided_rollout_has_no_pass_rate():
    measured = pass_rate(rows(a=[None, None], b=[1]))
    assert measured.to_list() == [None, None, 1.0]
    assert measured.dtype == pl.Float64


def test_a_group_need_not_stand_together():
    frame = rows(a=[1, 0], b=[0, 0])[[0, 2, 1, 3]]
    assert pass_rate(frame).to_list() == [0.5, 0.0, 0.5, 0.0]


def test_the_order_of_rewards_cannot_move_the_last_digit():
    rates = {pass_rate(rows(a=list(order)))[0] for order in itertools.permutations([0.1, 0.2, 0.3, 0.7, 1e-9])}
    assert len(rates) == 1


@pytest.mark.parametrize("column", [[True, False], [1, 0], [1.0, 0.0]])
def test_rewards_are_numbers_or_truth(column):
    assert pass_rate(pl.DataFrame({"problem_id": ["a", "a"], "code": column}), of="code").to_list() == [0.5, 0.5]


def test_a_column_of_nulls_is_all_undecided():
    assert pass_rate(pl.DataFrame({"problem_id": ["a"], "math": [None]})).to_list() == [None]


def test_a_score_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"no column 'code'.*problem_id, math"):
        pass_rate(rows(a=[1]), of="code")


def test_a_text_is_no_reward():
    with pytest.raises(ValueError, match="'problem_id' holds no reward: it is String"):
        pass_rate(rows(a=[1]), of="problem_id")
