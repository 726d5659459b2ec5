"""Correlation is that of an independent computation, on the rows that have both counts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from datafactory.correlation import Correlation, correlation


def ranks(values: list[float]) -> list[float]:
    """The mean place of each value among all, equal ones sharing."""
    return [
        sum(other < value for other in values) + (1 + sum(other == value for other in values)) / 2 for value in values
    ]


def test_both_figures_are_those_of_numpy():
    draw = np.random.default_rng(3)
    one = draw.poisson(3, 60).astype(float).tolist()
    other = [value + float(draw.poisson(1)) for value in one]
    found = correlation(zip(one, other, strict=True))
    assert found.rows == 60
    assert found.pearson == pytest.approx(np.corrcoef(one, other)[0, 1])
    assert found.spearman == pytest.approx(np.corrcoef(ranks(one), ranks(other))[0, 1])
    assert found.mean == pytest.approx((np.mean(one), np.mean(other)))


def test_the_same_order_is_all_of_it_whatever_the_unit():
    pairs = [(float(n), float(n**3)) for n in range(10)]
    assert correlation(pairs).spearman == pytest.approx(1) and 0.5 < correlation(pairs).pearson < 1
    assert correlation([(a, -b) for a, b in pairs]).spearman == pytest.approx(-1)


def test_rows_without_one_of_the_counts_are_left_out():
    pairs = [(1.0, 2.0), (2.0, 3.0), (3.0, 5.0), (None, 9.0), (9.0, None), (None, None)]
    assert correlation(pairs) == correlation(pairs[:3])


def test_of_one_value_there_is_no_correlation():
    assert correlation([]) == Correlation(0, None, None, None)
    for pairs in ([(1.0, 2.0)], [(1.0, 2.0), (1.0, 3.0), (1.0, 4.0)]):
        assert (correlation(pairs).spearman, correlation(pairs).pearson, correlation(pairs).interval) == (
            None,
            None,
            None,
        )


def test_the_interval_is_fishers():
    # r = 0.5 of 28 rows: z = 0.5493, its deviation sqrt((1 + 0.125) / 25) = 0.2121, so z from 0.1335 to 0.9651
    low, high = Correlation(28, 0.5, 0.5, (1, 1)).interval
    assert (low, high) == pytest.approx((math.tanh(0.13352), math.tanh(0.96510)), abs=1e-4)
    assert Correlation(28, 1.0, 1.0, (1, 1)).interval == (1, 1)
    assert Correlation(3, 0.5, 0.5, (1, 1)).interval is None
