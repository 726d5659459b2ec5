from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory.report.histogram import histogram, sparkline


@given(
    st.lists(
        st.floats(-1e6, 1e6) | st.integers(-50, 50).map(float) | st.integers(0, 10).map(lambda n: n / 10), min_size=1
    )
)
def test_every_value_stands_in_the_bin_that_holds_it(values: list[float]) -> None:
    found = histogram(pl.Series(values, dtype=pl.Float64))
    assert found is not None
    bins = len(found.counts)
    plain = [0] * bins
    for value in values:
        plain[sum(edge <= value for edge in found.edges[1:-1])] += 1
    assert list(found.counts) == plain
    assert list(found.edges) == sorted(set(found.edges))
    assert found.edges[0] <= min(values) + abs(min(values)) * 1e-8 + 1e-11
    assert found.edges[-1] >= max(values) - abs(max(values)) * 1e-8 - 1e-11
    assert bins <= 27  # 24, and what rounding the ends outwards adds


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        ([0, 1, 1], (-0.5, 0.5, 1.5)),
        ([0.25, 0.5, 1.0], (0.125, 0.375, 0.625, 0.875, 1.125)),
        ([3.0], (1.5, 4.5)),
    ],
)
def test_few_values_stand_in_the_middle_of_their_bins(values: list[float], edges: tuple[float, ...]) -> None:
    found = histogram(pl.Series(values))
    assert found is not None and found.centred and found.edges == edges


def test_nothing_finite_has_no_histogram() -> None:
    assert histogram(pl.Series([None, float("nan"), float("inf")], dtype=pl.Float64)) is None
    assert histogram(pl.Series([], dtype=pl.Int64)) is None


def test_a_bin_with_one_of_many_is_still_seen() -> None:
    assert sparkline([1, 0, 1000]) == "▁ █"
