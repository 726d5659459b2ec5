"""Rows of every kind become Parquet, and nothing of them is lost."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from datafactory.lines import TURNS, write_lines_as_parquet


def written(folder: Path, rows: list[dict]) -> pl.DataFrame:
    (folder / "a.lines").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_lines_as_parquet(folder / "a.lines", folder / "a.parquet")
    return pl.read_parquet(folder / "a.parquet")


def test_columns_of_one_kind_keep_it_and_others_become_text(tmp_path: Path):
    turns = [{"role": "user", "content": "hi"}]
    rows = [
        {
            "n": 1,
            "x": 1,
            "b": True,
            "t": "a",
            "mixed": 1,
            "deep": {},
            "messages": turns,
            "large": 2**70,
            "odd": float("nan"),
        },
        {"n": None, "x": 0.5, "b": None, "t": None, "mixed": "1", "deep": {"a": [1]}, "messages": None, "late": "x"},
    ]
    made = written(tmp_path, rows)
    assert made.schema == {
        "n": pl.Int64, "x": pl.Float64, "b": pl.Boolean, "t": pl.String, "mixed": pl.String, "deep": pl.String,
        "messages": TURNS, "large": pl.String, "odd": pl.Float64, "late": pl.String,
    }  # fmt: skip
    assert made["mixed"].to_list() == ["1", "1"] and made["deep"].to_list() == ["{}", '{"a": [1]}']
    assert made["large"].to_list() == [str(2**70), None] and made["messages"].to_list() == [turns, None]


def test_no_row_at_all_is_a_file_without_rows(tmp_path: Path):
    assert written(tmp_path, []).height == 0


def test_many_chunks_are_one_file(tmp_path: Path):
    made = written(tmp_path, [{"n": n if n < 4500 else None, "s": str(n)} for n in range(5000)])
    assert made.height == 5000 and made["n"].null_count() == 500
