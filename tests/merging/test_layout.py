"""Shards of about their size, rows in an order that nothing but the seed and the content decides."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from datafactory.merging.layout import cut, ordered, runs, spaced


@pytest.mark.parametrize("seed", range(5))
def test_rows_of_a_problem_are_brought_apart_where_there_is_room(seed: int):
    stream = np.random.default_rng(seed)
    problems = np.repeat(np.arange(200, dtype=np.uint64), stream.integers(1, 7, 200))
    count = len(problems)
    rows = pl.DataFrame(
        {
            "row": range(count),
            "group": problems,
            "problem": problems,
            "order": stream.integers(0, 2**63, count, dtype=np.uint64) * np.uint64(2),
            "at": range(count),
            "times": [1] * count,
        }
    )
    near = {}
    for apart in (0, 1, 100, 110):
        order = ordered(rows, shuffled=True, apart=apart)["row"].to_list()
        assert sorted(order) == list(range(count))
        near[apart] = nearest([int(problems[row]) for row in order])
    assert near[0] < 10 and near[100] >= 100 and near[110] >= near[1]


def test_rows_that_are_apart_already_stay_where_they_are():
    assert spaced([1, 2, 3, 1, 2, 3], 3) == list(range(6))
    assert spaced([1, 1, 2, 3, 1], 2) == [0, 2, 1, 3, 4]
    assert spaced([1, 1, 1], 5) == [0, 1, 2]


def nearest(problems: list[int]) -> int:
    last: dict[int, int] = {}
    found = len(problems)
    for place, problem in enumerate(problems):
        found = min(found, place - last.get(problem, -len(problems)))
        last[problem] = place
    return found


@pytest.mark.parametrize("target", [1, 10, 35, 100, 1000])
def test_every_bucket_is_in_a_run_and_runs_are_of_about_the_target(target: int):
    sizes = [10.0, 0.0, 12.0, 8.0, 0.0, 11.0, 9.0, 10.0]
    found = runs(sizes, target)
    assert sorted(bucket for buckets, _ in found for bucket in buckets) == list(range(8))
    whole = [(sum(sizes[bucket] for bucket in buckets), count) for buckets, count in found]
    assert all(size for size, _ in whole)
    if target >= 10:
        assert all(size / count <= 1.7 * target for size, count in whole)
    assert sum(count for _, count in whole) == pytest.approx(max(1, 60 / target), rel=0.2, abs=1)
    assert runs([0.0, 0.0], target) == []


def test_a_bucket_is_cut_between_problems_into_like_pieces():
    stream = np.random.default_rng(0)
    groups = stream.integers(0, 2**63, 50, dtype=np.uint64)[stream.integers(0, 50, 400)]
    sizes = stream.integers(1, 100, 400)
    for count in (1, 2, 7, 300):
        pieces = cut(groups, sizes, count)
        assert set(pieces) == set(range(pieces.max() + 1))
        assert all(len(set(pieces[groups == group])) == 1 for group in set(groups))
        if count < 10:
            each = [sizes[pieces == piece].sum() for piece in set(pieces)]
            assert max(each) < 2 * min(each)


def test_copies_of_a_row_are_evenly_spread():
    rows = pl.DataFrame(
        {
            "row": range(100),
            "group": pl.Series(range(100), dtype=pl.UInt64),
            "problem": pl.Series(range(100), dtype=pl.UInt64),
            "order": pl.Series(np.random.default_rng(0).integers(0, 2**63, 100, dtype=np.uint64) * np.uint64(2)),
            "at": range(100),
            "times": [4] * 100,
        }
    )
    made = ordered(rows, shuffled=True, apart=0)["row"].to_list()
    assert len(made) == 400 and nearest(made) == 100
