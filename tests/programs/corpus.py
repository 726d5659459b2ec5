"""Corpus: the problems of other people's code data sets as `load` would read them, where the shared folder is there."""

from __future__ import annotations

import json
from collections.abc import Iterator

from datafactory.types import Problem

from .. import real

SHARED = real.SHARED / "problems"

# Problems whose own solution does not pass their own tests, and why that is the data's fault.
FAULTS: dict[str, str] = {
    "leetcode/lctr-141": "its solution imports sortedcontainers, which is not of the standard library",
    "leetcode/lctr-221": "its solution imports sortedcontainers, which is not of the standard library",
}


def problems(name: str) -> list[Problem]:
    """The problems of humaneval, mbpp, leetcode or code_contests, solutions as their answers."""
    return list(_read(name))


def _read(name: str) -> Iterator[Problem]:
    files = {"leetcode": "leetcode_train_600", "code_contests": "code_contests_test"}
    for row in real.rows_of(f"problems/{files.get(name, name)}"):
        if name == "humaneval":
            question, answer, tests = row.pop("prompt"), row.pop("canonical_solution"), None
        elif name == "mbpp":
            question, answer, tests = row.pop("text"), row.pop("code"), None
        else:
            question, answer = row.pop("problem"), row.pop("solutions", None)
            tests = json.dumps(row.pop("tests"))
        key = str(row.get("task_id", row.get("id")))
        yield Problem(question, answer, tests, problem_id=key if "/" in key else f"{name}/{key}", meta=row)
