from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from datafactory.leaks import leaks
from datafactory.store import Dataset, Draft


def merged(folder: Path, train: list[dict[str, Any]], validation: list[dict[str, Any]] | None = None) -> Dataset:
    """A merge of two shards of train and, where given, one of validation."""
    draft = Draft(folder / "merge-x")
    draft.folder.mkdir()
    parts = [train[: len(train) // 2], train[len(train) // 2 :], *([validation] if validation is not None else [])]
    for k, rows in enumerate(parts):
        draft.write(k, pl.DataFrame(rows))
    files = [f"shard-{k:05d}.parquet" for k in range(len(parts))]
    splits = {"train": files[:2], **({"validation": files[2:]} if validation is not None else {})}
    return draft.finish(len(parts), {"stage": "merge", "fingerprint": "f", "splits": splits})


def row(problem: int, rollout: int = 0, question: str | None = None, copy: int = 0) -> dict[str, Any]:
    asked = question or f"What is {problem} + {problem}?"
    return {"problem_id": f"p{problem}", "trace_id": f"t{problem}-{rollout}", "problem": asked, "copy": copy}


def test_splits_without_a_common_problem_have_no_leak(tmp_path: Path) -> None:
    found = leaks(merged(tmp_path, [row(at, n) for at in range(9) for n in range(2)], [row(at) for at in range(9, 12)]))
    assert found.rows == {"train": 18, "validation": 3} and found.problems == {"train": 9, "validation": 3}
    assert (found.repeated, found.shared_problems, found.shared_questions) == (0, 0, 0) and found.split


def test_a_problem_in_both_splits_is_found(tmp_path: Path) -> None:
    found = leaks(merged(tmp_path, [row(at) for at in range(9)], [row(3, 1), row(8, 1), row(20)]))
    assert (found.shared_problems, found.shared_questions) == (2, 2)


def test_the_same_question_under_another_id_and_spelling_is_found(tmp_path: Path) -> None:
    found = leaks(merged(tmp_path, [row(at) for at in range(9)], [row(50, question="what is  4+4 ??")]))
    assert (found.shared_problems, found.shared_questions) == (0, 1)


def test_questions_of_signs_alone_are_not_one_question(tmp_path: Path) -> None:
    found = leaks(merged(tmp_path, [row(1), row(2, question="∫ ∮?")], [row(50, question="⊕?")]))
    assert found.shared_questions == 0


def test_rows_without_an_id_are_not_taken_for_one_row(tmp_path: Path) -> None:
    rows = [{**row(at), "trace_id": None} for at in range(3)] + [row(4), row(4)]
    assert leaks(merged(tmp_path, rows)).repeated == 1


def test_a_row_that_stands_twice_is_counted_and_a_copy_asked_for_is_not(tmp_path: Path) -> None:
    rows = [row(1), row(2), row(2, copy=1), row(3), row(3), row(3)]
    assert leaks(merged(tmp_path, rows)).repeated == 2
