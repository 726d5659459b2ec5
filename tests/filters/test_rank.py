from __future__ import annotations

import random

import polars as pl
import pytest

from filters.rank import gather, rank, settle

ROWS = pl.DataFrame(
    {
        "problem_id": ["a", "a", "b", "b", "c", "d", "d"],
        "rollout": [0, 1, 0, 1, 0, 0, 1],
        "source": ["web", "web", "web", "web", "web", None, None],
        "clarity": [3.0, 1.0, 2.0, None, 5.0, 1.0, 2.0],
    }
)


def test_each_source_is_ranked_by_itself_and_rows_without_one_are_too():
    assert rank(ROWS, prefer="clarity").to_list() == [3, 1, 2, 5, 4, 1, 2]
    assert rank(ROWS, prefer="clarity desc").to_list() == [2, 4, 3, 5, 1, 2, 1]


def test_a_problem_has_the_place_of_its_best_row():
    assert rank(ROWS, prefer="clarity", unit="problems").to_list() == [1, 1, 2, 2, 3, 1, 1]


def test_a_cap_keeps_that_many_rows_of_each():
    kept = ROWS.filter(rank(ROWS) <= 2)
    assert kept["source"].value_counts().sort("count")["count"].to_list() == [2, 2]


def test_chance_depends_on_the_seed_and_on_no_order_of_rows():
    many = pl.DataFrame({"problem_id": [str(n) for n in range(200)], "rollout": 0, "source": "one"})
    first = dict(zip(many["problem_id"], rank(many), strict=True))
    mixed = many[random.Random(1).sample(range(200), 200)]
    assert dict(zip(mixed["problem_id"], rank(mixed), strict=True)) == first
    assert sorted(first.values()) == list(range(1, 201))
    other = rank(many, seed=1).to_list()
    assert other != list(first.values()) and sorted(other) == list(range(1, 201))
    assert list(first.values()) != sorted(first.values())


def test_a_row_more_moves_no_two_rows_past_each_other():
    few, more = rank(ROWS[:4]).to_list(), rank(ROWS[:5]).to_list()[:4]
    assert sorted(range(4), key=few.__getitem__) == sorted(range(4), key=more.__getitem__)


def test_shards_are_ranked_together():
    parts = pl.concat([gather(ROWS[:3]), gather(ROWS[3:])])
    settled = settle(parts)
    assert settled["rank"].to_list() == rank(ROWS).to_list()
    assert settled["evidence"].to_list()[:1] == ["of the 5 rows of source web"]


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no column 'origin' to measure"):
        rank(ROWS, by="origin")
    with pytest.raises(ValueError, match="not a column with `asc` or `desc`"):
        rank(ROWS, prefer="clarity down")
