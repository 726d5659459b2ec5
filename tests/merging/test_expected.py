"""What a mixture makes of rows that are only estimated."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from datafactory.merging.expected import composition, expected
from datafactory.stages.merge import Config

ROWS = {
    "a": pl.DataFrame({"problem_id": list("abcd"), "domain": ["math", "math", "code", None]}),
    "b": pl.DataFrame({"problem_id": ["e"], "domain": ["general"]}),
}


@pytest.mark.parametrize(
    ("settings", "found", "taken", "unmet"),
    [
        ({"mixture": {"math": 10, "general": 5}}, {"a": [100, 100], "b": [9, 9]}, {"a": [10, 10], "b": [5, 5]}, 0),
        ({"mixture": {"math": 60, "general": 5}}, {"a": [100, 200], "b": [9, 9]}, {"a": [50, 60], "b": [5, 5]}, 0.5),
        ({"mixture": {"math": 10}, "other": "take"}, {"a": [100], "b": [9]}, {"a": [60], "b": [9]}, 0),
        ({"mixture": {"a": 0.5, "b": 0.5}, "by": "dataset"}, {"a": [100], "b": [9]}, {"a": [9], "b": [9]}, 0),
        ({"mixture": {"math": 60, "null": 5}, "shortfall": "scale"}, {"a": [100], "b": [1]}, {"a": [54], "b": [0]}, 0),
    ],
)
def test_the_mixture_is_applied_to_every_draw(settings, found, taken, unmet):
    config = Config.model_validate({"from": ["a", "b"], **settings})
    shares = {name: composition(config, name, rows) for name, rows in ROWS.items()}
    made, short = expected(config, {name: np.array(draws, dtype=float) for name, draws in found.items()}, shares)
    assert {name: draws.round().tolist() for name, draws in made.items()} == taken and short == unmet
