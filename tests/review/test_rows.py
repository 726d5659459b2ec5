"""Rows: each trace under its id, read where it stands."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from datafactory.review.decisions import seen
from datafactory.review.rows import REMEMBERED, Rows
from datafactory.tables import to_arrow

from ..conftest import built, write_rows
from .conftest import trace, written


def test_every_row_of_several_files_and_groups_is_read_in_any_order(tmp_path: Path):
    rows = [trace(number) for number in range(500)]
    for part in range(3):
        table = to_arrow(pl.DataFrame(rows[part::3]).drop("seen"))
        pq.write_table(table, tmp_path / f"shard-{part:05d}.parquet", row_group_size=37)
    found = Rows(tmp_path, tmp_path)
    in_order = rows[0::3] + rows[1::3] + rows[2::3]
    assert found.ids.to_list() == [row["trace_id"] for row in in_order]
    places = [random.Random(1).randrange(500) for _ in range(300)] + list(range(500)) + list(range(499, -1, -1))
    for place in places:
        row = found.row(place)
        assert (row["trace_id"], seen(row)) == (in_order[place]["trace_id"], in_order[place]["seen"])
    assert [found.place(row["trace_id"]) for row in in_order] == list(range(500))


def test_only_a_little_of_the_texts_is_remembered(tmp_path: Path):
    rows = [trace(number, reasoning=str(number) * 200_000) for number in range(10, 210)]
    pq.write_table(to_arrow(pl.DataFrame(rows).drop("seen")), tmp_path / "t.parquet", row_group_size=50)
    found = Rows(tmp_path / "t.parquet", tmp_path)
    for place in range(200):
        assert found.row(place)["response"] == rows[place]["response"]
        assert sum(part.nbytes for part in found._recent.values()) <= REMEMBERED
    assert len(found._recent) > 1


def test_a_condition_a_limit_and_a_sample(tmp_path: Path):
    rows = [trace(number, length=float(number)) for number in range(100)]
    path = written(tmp_path / "t.parquet", rows)
    ids = [row["trace_id"] for row in rows]
    assert Rows(path, tmp_path, "length >= 90").ids.to_list() == ids[90:]
    assert Rows(path, tmp_path, first=7).ids.to_list() == ids[:7]
    drawn = Rows(path, tmp_path, sample=10).ids.to_list()
    assert len(drawn) == 10 and drawn == [name for name in ids if name in drawn] and drawn != ids[:10]
    assert Rows(path, tmp_path, sample=10).ids.to_list() == drawn
    assert set(drawn) < set(Rows(path, tmp_path, sample=30).ids)
    assert seen(Rows(path, tmp_path, "length >= 90").row(3)) == rows[93]["seen"]


def test_copies_of_a_trace_are_read_once_and_rows_without_a_trace_not_at_all(tmp_path: Path):
    rows = [trace(1), trace(2), trace(1), {**trace(3), "trace_id": None}]
    assert len(Rows(written(tmp_path / "t.parquet", rows), tmp_path)) == 2


def test_a_foreign_file_has_the_ids_that_a_load_stage_gives_its_rows(tmp_path: Path):
    rows = [
        {"problem": "Add 1 and 1.", "solution": "2", "generation": f"<think>\nTry {n}.\n</think>\n\nIt is {n % 3}."}
        for n in (1, 2, 3, 1)
    ] + [{"problem": "Add 2 and 2.", "solution": "4", "generation": "It is 4."}]
    path = write_rows(tmp_path / "theirs.jsonl", rows)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: theirs\nstages:\n"
        "  loaded: {do: load, path: theirs.jsonl, question: problem, answer: solution, response: generation}\n"
    )
    built(recipe)
    stage = Rows(tmp_path / "outputs/theirs/loaded", tmp_path)
    found = Rows(path, tmp_path)
    texts = {stage.ids[place]: seen(stage.row(place)) for place in range(len(stage))}
    assert {found.ids[place]: seen(found.row(place)) for place in range(len(found))} == texts
    assert len(texts) == 4
    assert found.row(0)["reasoning"] == "Try 1." and found.row(0)["response"] == "It is 1."


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "t.csv", "t.json"])
def test_a_file_of_another_kind_is_read_too(tmp_path: Path, name: str):
    import gzip

    rows = [{"question": f"q{n}", "answer": str(n), "response": f"r{n}"} for n in range(40)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress(text.encode()))
    elif name.endswith(".csv"):
        pl.DataFrame(rows).write_csv(tmp_path / name)
    else:
        (tmp_path / name).write_text(json.dumps(rows) if name.endswith(".json") else text)
    found = Rows(tmp_path / name, tmp_path)
    assert [found.row(place)["response"] for place in range(40)] == [row["response"] for row in rows]


def test_a_published_folder_is_read_with_the_ids_of_its_stage(small: Path):
    small.write_text(small.read_text().replace(", rows_per_shard: 25", ""))
    built(small)
    outputs = small.parent / "outputs/small"
    published = Rows(outputs / "dataset", small.parent)
    stage = Rows(outputs / "accepted", small.parent)
    before = {stage.ids[place]: seen(stage.row(place)) for place in range(len(stage))}
    after = {published.ids[place]: seen(published.row(place)) for place in range(len(published))}
    assert len(before) > 10 and before.items() <= after.items()
