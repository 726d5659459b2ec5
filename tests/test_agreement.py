"""Agreement is counted on what both decided, and its figures are those of an independent computation."""

from __future__ import annotations

import pytest

from datafactory.agreement import Agreement, agreement, share, wilson

PAIRS = [(True, True)] * 40 + [(False, False)] * 30 + [(True, False)] * 3 + [(False, True)] * 7


def test_rows_that_one_did_not_decide_are_no_agreement_and_no_error():
    found = agreement([*PAIRS, (None, True), (None, False), (True, None), (None, None)])
    assert found == Agreement(right=40, wrong=30, false_accepts=3, false_rejects=7, undecided=2)
    assert (found.rows, found.agreed, found.wrong_rows, found.right_rows) == (80, 70, 33, 47)


def test_kappa_is_cohens():
    observed, by_chance = 70 / 80, (43 / 80) * (47 / 80) + (37 / 80) * (33 / 80)
    assert agreement(PAIRS).kappa == pytest.approx((observed - by_chance) / (1 - by_chance))
    assert agreement([(True, True), (False, False)]).kappa == 1
    assert agreement([(True, False), (False, True)]).kappa == -1
    assert agreement([(True, True)] * 5).kappa is None and agreement([]).kappa is None
    assert agreement([(True, True)] * 5 + [(True, False)] * 5).kappa == 0  # a judge that says yes to all


@pytest.mark.parametrize(
    ("count", "total", "expected"),
    # Newcombe 1998, Statistics in Medicine 17:857-872, Table I: the score method without continuity correction
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_the_interval_is_wilsons(count: int, total: int, expected: tuple[float, float]):
    assert wilson(count, total) == pytest.approx(expected, abs=5e-5)


def test_of_nothing_there_is_no_share():
    assert share(0, 0) is None and wilson(0, 0) is None
    assert wilson(29, 29) == pytest.approx((1 - 0.1170, 1.0), abs=1e-3)
