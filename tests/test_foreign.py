"""Files of other people read for `verify` and `measure`: the same reading of shapes as `load` has, and no row is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datafactory.foreign import mapping_of, rows_in, table_of

from .conftest import write_rows
from .stages.loads import loaded, rows_of
from .stages.test_load_shapes import SAME, share, turns


def read(path: Path, given: dict[str, str | None] | None = None) -> list[dict[str, Any]]:
    return table_of(list(rows_in(path)), mapping_of(path, given or {})).to_dicts()


@pytest.mark.parametrize("shape", SAME)
def test_a_shape_is_read_as_load_reads_it(tmp_path: Path, shape: str):
    write_rows(tmp_path / "p.jsonl", [SAME[shape]])
    (found,), (row,) = read(tmp_path / "p.jsonl"), rows_of(loaded(tmp_path, f"path: p.jsonl, shape: {shape}"))
    for name in ("question", "reasoning", "response", "history"):
        assert found[name] == row[name], name


def test_an_input_is_part_of_the_question_where_the_question_is_not_named(tmp_path: Path):
    path = write_rows(tmp_path / "p.jsonl", [{"instruction": "Add.", "input": "2 2", "output": "4"}])
    assert read(path)[0]["question"] == "Add.\n2 2"
    assert read(path, {"question": "input", "response": "output"})[0]["question"] == "2 2"


def test_a_conversation_that_load_would_set_aside_is_read_as_far_as_it_goes(tmp_path: Path):
    odd = [
        turns("q", "a", "again?"),
        [{"role": "assistant", "content": "a"}],
        "hello",
        None,
        turns("q"),
        share("q", "a"),
    ]
    tools = [*turns("q"), {"role": "tool", "content": "x"}, {"role": "assistant", "content": "a"}]
    found = read(write_rows(tmp_path / "p.jsonl", [{"messages": cell} for cell in [*odd, tools]]))
    assert [row["question"] for row in found] == ["again?", None, None, None, "q", "q", "q"]
    assert [row["response"] for row in found] == ["a", "a", None, None, None, "a", "a"]
    assert json.loads(found[0]["history"]) == turns("q", "a")


def test_columns_that_are_ours_come_before_a_shapes(tmp_path: Path):
    row = {"question": "ours", "prompt": "theirs", "completion": "c", "messages": turns("q", "a")}
    (found,) = read(write_rows(tmp_path / "p.jsonl", [row]))
    assert (found["question"], found["response"]) == ("ours", "c")


def test_a_row_without_an_answer_is_a_row_without_a_response(tmp_path: Path):
    rows = [
        {"instruction": "q", "output": None},
        {"instruction": None, "output": "a"},
        {"instruction": "q", "output": "a"},
    ]
    found = read(write_rows(tmp_path / "p.jsonl", rows))
    assert [row["response"] for row in found] == [None, "a", "a"]
