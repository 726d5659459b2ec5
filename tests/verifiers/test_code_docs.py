"""The JSON examples of docs/verifiers/code.md do what the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from datafactory.types import Completion, Problem
from datafactory.verifiers import code

PAGE = Path(__file__).resolve().parents[2] / "docs" / "verifiers" / "code.md"
EXAMPLES = [
    json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
]
COLUMNS = re.findall(r"`code_(\w+)`", PAGE.read_text(encoding="utf-8").partition("## Columns")[2])


def status(example: dict[str, Any], program: str) -> str:
    tests = example.get("tests")
    text = tests if tests is None or isinstance(tests, str) else json.dumps(tests)
    row = dict(example.get("row", {}))
    problem = Problem(row.pop("prompt", "Write it."), tests=text, meta=row)
    return code.verify(problem, Completion(f"```python\n{program}\n```"), code.Config()).status


def test_the_page_has_examples():
    assert len(EXAMPLES) >= 10


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_right_and_wrong_as_the_page_says(example: dict[str, Any]):
    assert status(example, example["right"]) == "correct"
    assert status(example, example["wrong"]) == "incorrect"


def test_the_page_names_every_column():
    assert set(code.FACTS) <= set(COLUMNS)
