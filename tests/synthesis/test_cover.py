"""Cover: the tests that expose the wrong submissions are chosen first, and few of them."""

from __future__ import annotations

from itertools import combinations
from math import log

from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.synthesis.cover import Choice, chosen

sets = st.lists(st.frozensets(st.integers(0, 7)), min_size=1, max_size=7)


def picked(exposes: list[set[int]], kinds: list[str] | None = None, lengths: list[int] | None = None, most: int = 99):
    count = len(exposes)
    return chosen([frozenset(each) for each in exposes], kinds or ["a"] * count, lengths or [1] * count, most)


def test_the_most_telling_test_comes_first_and_then_what_it_leaves():
    assert picked([{1}, {1, 2, 3}, {3, 4}], most=2) == [
        Choice(1, "first", frozenset({1, 2, 3})),
        Choice(2, "first", frozenset({4})),
    ]


def test_what_is_exposed_already_does_not_count():
    assert [choice.test for choice in picked([{1, 2, 3, 4}, {1, 2, 3}, {5}], most=2)] == [0, 2]


def test_a_draw_goes_to_the_shorter_input_and_then_to_the_earlier_test():
    assert [choice.test for choice in picked([{1}, {1}, {1}], lengths=[5, 3, 3], most=1)] == [1]


def test_when_all_are_exposed_they_are_exposed_again_by_other_tests():
    assert picked([{1, 2}, {1}, {2}, set()]) == [
        Choice(0, "first", frozenset({1, 2})),
        Choice(1, "again", frozenset({1})),
        Choice(2, "again", frozenset({2})),
        Choice(3, "variety"),
    ]


def test_without_wrong_submissions_the_kinds_take_turns():
    kinds = ["small", "small", "small", "large", "edge"]
    assert [choice.test for choice in picked([set()] * 5, kinds, [1, 2, 3, 900, 4])] == [0, 4, 3, 1, 2]
    assert {choice.why for choice in picked([set()] * 5, kinds)} == {"variety"}


def test_a_kind_that_exposed_much_has_had_its_turn():
    assert [choice.test for choice in picked([{1}, set(), set()], ["small", "small", "large"], [1, 1, 9])] == [0, 2, 1]


@settings(max_examples=300, deadline=None)
@given(sets, st.integers(1, 9))
def test_what_is_kept_is_what_was_asked_for_each_once(exposes, most):
    found = chosen(exposes, range(len(exposes)), [1] * len(exposes), most)
    assert len(found) == min(most, len(exposes)) == len({choice.test for choice in found})
    assert all(choice.of <= exposes[choice.test] for choice in found)


@settings(max_examples=200, deadline=None)
@given(sets)
def test_the_first_round_exposes_all_with_little_more_than_the_fewest_tests(exposes):
    first = [choice for choice in chosen(exposes, [0] * len(exposes), [1] * len(exposes), 99) if choice.why == "first"]
    whole = frozenset().union(*exposes)
    assert frozenset().union(*(choice.of for choice in first)) == whole
    fewest = next(
        count
        for count in range(len(exposes) + 1)
        if any(frozenset().union(*some) == whole for some in combinations(exposes, count))
    )
    assert len(first) <= fewest * (1 + log(max(1, max(map(len, exposes)))))
