from __future__ import annotations

import polars as pl
import pytest

from filters.difficulty import difficulty


def bands(*groups: list[float | None], **settings: float) -> list[float | None]:
    """The band of each group's first row."""
    rows = pl.DataFrame(
        {
            "problem_id": [str(at) for at, group in enumerate(groups) for _ in group],
            "math": [reward for group in groups for reward in group],
        },
        schema_overrides={"math": pl.Float64},
    )
    found = rows.with_columns(band=difficulty(rows, **settings))
    assert found.group_by("problem_id").agg(pl.col("band").n_unique())["band"].to_list() == [1] * len(groups)
    return found.group_by("problem_id", maintain_order=True).first()["band"].to_list()


def test_the_bands_go_from_always_solved_to_never():
    assert bands([1, 1], [1, 1, 1, 0], [1, 0], [1, 0, 0, 0, 0], [0, 0]) == [0, 1, 2, 3, 4]


def test_an_edge_belongs_to_the_easier_band():
    assert bands([1, 1, 1, 0], [1, 0, 0, 0]) == [1, 2]
    assert bands([1, 1, 1, 0], [1, 0, 0, 0], easy=0.8, hard=0.3) == [2, 3]


def test_what_was_not_decided_is_no_failure():
    assert bands([1, None, None], [None, None]) == [0, None]


def test_edges_that_are_no_edges_are_refused():
    with pytest.raises(ValueError, match="0 < hard <= easy < 1, not hard 0.9 and easy 0.75"):
        bands([1], hard=0.9)
