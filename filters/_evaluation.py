"""Evaluation sets: the questions of files that nothing may be trained on, and their reference solutions.

In   files of rows as the whole project reads them, or a folder of them, such as a stage's
Out  every text under one of these names, in each row that has it, with where it stands
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from datafactory.errors import StageError
from datafactory.sources import Row, rows_of, shards_at

QUESTIONS = ("question", "problem", "prompt", "instruction", "input", "text", "quiz", "query", "turns", "messages")
SOLUTIONS = (
    "solution", "solutions", "reference_solution", "canonical_solution", "reference", "solution_text", "answer",
    "output", "code", "rationale", "explanation", "choices", "options",
)  # fmt: skip
_IDS = ("problem_id", "id", "task_id", "question_id", "unique_id", "ID")
_CALCULATED = re.compile(r"<<[^<>]*>>")  # GSM8K's solutions: 2 + 2 = <<2+2=4>>4

Stamp = tuple[Path, int, int]


@dataclass(frozen=True)
class Reference:
    """A text of an evaluation set; `where` names the file, the row and the column."""

    where: str
    text: str
    question: bool


def stamps(against: tuple[Path, ...]) -> tuple[Stamp, ...]:
    """The files with what changes when they do; ValueError where there is none."""
    missing = next((path for path in against if not path.exists()), None)
    if missing is not None:
        raise ValueError(f"against: there is no {missing}")
    if not against:
        raise ValueError("against names no evaluation set")
    files = [file for path in against for file in shards_at(path)]
    return tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files)


@lru_cache(maxsize=8)
def references(files: tuple[Stamp, ...]) -> tuple[Reference, ...]:
    """The texts of all files, each text once, read once a process."""
    found: dict[tuple[str, bool], Reference] = {}
    for path, _, _ in files:
        for reference in _of_file(path):
            found.setdefault((reference.text, reference.question), reference)
    return tuple(found.values())


def _of_file(path: Path) -> Iterator[Reference]:
    rows, any_text = 0, False
    columns: dict[str, None] = {}
    for at, row in enumerate(_rows(path)):
        rows += 1
        columns.update(dict.fromkeys(row))
        name = next((str(row[key]) for key in _IDS if row.get(key) is not None), f"row {at}")
        for column in (*QUESTIONS, *SOLUTIONS):
            for text, question in _texts(row.get(column), column in QUESTIONS):
                any_text |= question
                yield Reference(f"{path.name} {name}, {column}", text, question)
    if rows and not any_text:
        raise ValueError(
            f"against: {path} has no question under any of {', '.join(QUESTIONS)}; its columns are {', '.join(columns)}"
        )


def _texts(cell: Any, question: bool) -> Iterator[tuple[str, bool]]:
    """The texts of a cell; what the assistant says in a list of messages is a solution."""
    if isinstance(cell, str):
        yield cell, question
        if "<<" in cell and _CALCULATED.search(cell):
            yield _CALCULATED.sub("", cell), question
    elif isinstance(cell, list):
        for item in cell:
            yield from _texts(item, question)
    elif isinstance(cell, dict) and isinstance(cell.get("content"), str) and cell.get("role") != "system":
        yield cell["content"], question and cell.get("role") != "assistant"


def _rows(path: Path) -> Iterator[Row]:
    try:
        yield from (row for _, row in rows_of(path))
    except StageError as error:
        raise ValueError(f"against: {error}") from error
