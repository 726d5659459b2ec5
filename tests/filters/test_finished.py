"""Finished: ended by itself, answered, closed its thinking."""

from __future__ import annotations

import polars as pl
import pytest

from filters.finished import finished


def of(response: str | None, finish_reason: str | None = "stop") -> float:
    return finished(pl.DataFrame({"response": [response], "finish_reason": [finish_reason]}))[0]


@pytest.mark.parametrize("reason, expected", [("stop", 1), (None, 1), ("length", 0), ("error", 0)])
def test_only_a_completion_that_stopped_is_finished(reason, expected):
    assert of("six", reason) == expected


@pytest.mark.parametrize("response", [None, "", "  \n\t", "\u3000\u00a0"])
def test_a_blank_response_is_not_finished(response):
    assert of(response) == 0


@pytest.mark.parametrize(
    "response, expected",
    [
        ("<think>I add", 0),
        ("<think>I add</think>six", 1),
        ("<think>a</think>six<think>wait", 0),
        ("I add</think>six", 1),
        ("<think>a<think>b</think>six", 1),
        ("</think>six<think>", 0),
        ("I think it is six", 1),
    ],
)
def test_thinking_that_is_still_open_is_not_finished(response, expected):
    assert of(response) == expected


def test_rows_are_judged_one_by_one():
    rows = pl.DataFrame({"response": ["six", "<think>", "six", ""], "finish_reason": ["stop", "stop", "length", None]})
    assert finished(rows).to_list() == [1.0, 0.0, 0.0, 0.0]
