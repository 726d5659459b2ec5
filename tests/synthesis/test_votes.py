"""Votes: an input is a test where the right submissions agree, and who is against nearly all the others is told."""

from __future__ import annotations

import pytest

from datafactory.synthesis.votes import commonest, enough, suspects


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (["6 \n", "6", "6\n"], "6 \n"),  # the first one's spelling
        (["7", "6", "6\n"], "6"),
        (["6", "7"], "6"),
        (["6", None, "7", "7"], "7"),
        (["1\n2", "1 2", "1 2"], "1 2"),  # a line's end is not a space
        ([None, None], None),
        ([], None),
        (["", "", "1"], ""),  # printing nothing is an output
    ],
)
def test_the_output_that_most_submissions_print(outputs, expected):
    assert commonest(outputs) == expected


@pytest.mark.parametrize(
    ("agree", "voters", "share", "least", "expected"),
    [
        (3, 3, 1.0, 2, True),
        (2, 3, 1.0, 2, False),
        (2, 3, 0.6, 2, True),
        (1, 3, 0.3, 2, False),
        (1, 1, 1.0, 2, False),
        (1, 1, 1.0, 1, True),
        (0, 0, 0.0, 0, False),  # nobody is never enough
    ],
)
def test_how_many_must_agree(agree, voters, share, least, expected):
    assert enough(agree, voters, share, least) is expected


def test_a_submission_against_most_of_what_the_others_agree_on_is_suspect():
    assert suspects([{0, 1}, {0, 1}, {0, 1, 2}], {0, 1, 2}) == {2}
    assert suspects([{0, 1}, {0, 1, 2}, {0, 1, 2}], {0, 1, 2}) == set()  # one dispute in three is not most
    assert suspects([{0, 1}, {0, 1, 2}], {0, 1, 2}) == set()  # nor is one in two
    assert suspects([{0, 1}], {0, 1, 2}) == {2}
    assert suspects([{0, 1}] * 2 + [{0, 1, 2}] * 3, {0, 1, 2}) == set()


def test_inputs_on_which_most_fail_make_nobody_suspect():
    assert suspects([{0}, {0}, set(), {0, 1, 2}], {0, 1, 2}) == set()


def test_of_two_that_never_agree_neither_is_suspect():
    assert suspects([{0}, {0}, {1}], {0, 1}) == set()
    assert suspects([], {0, 1, 2}) == set()
