"""Options: `datafactory verify` reads them, and a gold answer by index or label, as `load` does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datafactory.foreign import mapping_of, rows_in, table_of
from datafactory.options import Options, gold, options
from datafactory.types import completion_of, problem_of
from datafactory.verifiers import choice

from .conftest import write_rows


@pytest.mark.parametrize(
    ("choices", "answer"),
    [
        (["red", "blue", "green"], 1),
        (["red", "blue", "green"], "B"),
        ({"A": "red", "B": "blue", "C": "green"}, "B"),
        ({"label": ["1", "2", "3"], "text": ["red", "blue", "green"]}, "2"),
        (json.dumps({"text": ["red", "blue", "green"], "label": ["A", "B", "C"]}), "B"),
    ],
)
def test_a_file_of_other_people_is_graded_by_its_own_options(tmp_path: Path, choices, answer):
    rows = [
        {"question": "Which?", "choices": choices, "answer": answer, "response": f"The answer is {letter}."}
        for letter in "ABC"
    ]
    path = write_rows(tmp_path / "mine.jsonl", rows)
    table = table_of(list(rows_in(path)), mapping_of(path, {}))
    verdicts = [
        choice.verify(problem_of(row), completion_of(row), choice.Base()).status for row in table.iter_rows(named=True)
    ]
    assert verdicts == ["incorrect", "correct", "incorrect"]


@pytest.mark.parametrize(
    "value", [None, 3, "red", [], {}, {"x": 1}, {"A": "red", "C": "blue"}, [["a"], ["b"]], "[" * 9999]
)
def test_what_is_no_list_of_options_is_none(value):
    assert options(value) is None


@pytest.mark.parametrize(
    ("value", "letter"), [(0, "A"), (2, "C"), (3, 3), (-1, -1), (True, True), ("x", "x"), (None, None), (1.0, 1.0)]
)
def test_an_index_counts_from_0_and_anything_else_stays(value, letter):
    assert gold(value, Options(("red", "blue", "green"))) == letter


def test_a_label_comes_before_an_index():
    labelled = Options(("red", "blue", "green"), ("1", "2", "3"))
    assert [gold(value, labelled) for value in ("1", 1, "3")] == ["A", "A", "C"]


def test_options_that_are_numbers_are_texts():
    assert options([1, 2.5, "x"]) == Options(("1", "2.5", "x"))
