"""Evaluation sets: the questions of files that nothing may be trained on, and their reference solutions.

In   JSONL (also .gz), a JSON list, CSV or Parquet, or a folder of such files
Out  every text under one of these names, in each row that has it, with where it stands
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

QUESTIONS = ("question", "problem", "prompt", "instruction", "input", "text", "quiz", "query", "turns", "messages")
SOLUTIONS = (
    "solution", "solutions", "reference_solution", "canonical_solution", "reference", "solution_text", "answer",
    "output", "code", "rationale", "explanation", "choices", "options",
)  # fmt: skip
_IDS = ("problem_id", "id", "task_id", "question_id", "unique_id", "ID")
_KINDS = (".jsonl", ".jsonl.gz", ".ndjson", ".json", ".json.gz", ".csv", ".csv.gz", ".tsv", ".parquet")
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
    found: list[Stamp] = []
    for path in map(Path, against):
        files = _inside(path) if path.is_dir() else [path]
        if not path.exists() or not files:
            raise ValueError(f"against: there is no {path}" if not path.exists() else f"against: {path} holds no rows")
        found += [(file, file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    if not found:
        raise ValueError("against names no evaluation set")
    return tuple(found)


@lru_cache(maxsize=8)
def references(files: tuple[Stamp, ...]) -> tuple[Reference, ...]:
    """The texts of all files, each text once, read once a process."""
    found: dict[tuple[str, bool], Reference] = {}
    for path, _, _ in files:
        for reference in _of_file(path):
            found.setdefault((reference.text, reference.question), reference)
    return tuple(found.values())


def _inside(folder: Path) -> list[Path]:
    files = (path for path in sorted(folder.rglob("*")) if path.name.lower().endswith(_KINDS))
    return [path for path in files if not path.name.startswith((".", "_")) and path.name != "manifest.json"]


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


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            yield from pl.read_parquet(path).iter_rows(named=True)
        elif name.endswith((".csv", ".csv.gz", ".tsv")):
            separator = "\t" if name.endswith(".tsv") else ","
            yield from pl.read_csv(path, infer_schema=False, separator=separator).iter_rows(named=True)
        elif name.endswith((".json", ".json.gz")):
            listed = json.loads(_text(path))
            yield from (row for row in (listed if isinstance(listed, list) else [listed]) if isinstance(row, dict))
        else:
            for line in _text(path).split("\n"):
                if line.strip():
                    row = json.loads(line)
                    yield row if isinstance(row, dict) else {"text": row}
    except (ValueError, OSError, EOFError, pl.exceptions.PolarsError) as error:
        raise ValueError(f"against: {path} cannot be read: {error}") from error


def _text(path: Path) -> str:
    content = path.read_bytes()
    return (gzip.decompress(content) if path.name.lower().endswith(".gz") else content).decode("utf-8-sig")
