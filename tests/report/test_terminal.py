from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from datafactory.errors import StageError, UserError
from datafactory.report.chosen import View
from datafactory.report.terminal import inspect
from datafactory.story import Story
from tests.report.stories import published


def shown(path: Path, where: str | None = None, examples: int = 1) -> str:
    out = io.StringIO()
    inspect(
        path, View(where=where, examples=examples), Console(file=out, width=140, force_terminal=True, color_system=None)
    )
    return out.getvalue()


def test_a_published_folder(told: Story, tmp_path: Path) -> None:
    rows = told.merged.dataset.rows
    text = shown(published(told, tmp_path / "out"))
    assert "a published dataset, 2 files" in text and f"\n{rows} rows" in text
    assert "checksums: ok (6 files)" in text
    assert "list of {role, content}" in text and "<think>" not in text.partition("question")[0]


def test_a_stage_by_its_link(told: Story, tmp_path: Path) -> None:
    link = tmp_path / "checked"
    link.symlink_to(told.chapters[3].dataset.folder)
    text = shown(link)
    assert "made by the stage `verify`" in text and "checksums: ok (2 files)" in text
    assert "statuses: math (correct" in text and "completion_tokens" in text


def test_what_a_stage_dropped_is_said(told: Story) -> None:
    text = shown(told.chapters[4].dataset.folder)
    assert "dropped: 32 rows (32 repetition above 0.5)" in text and "checksums: ok (2 files)" in text


def test_a_trained_model_and_scores(told: Story) -> None:
    assert "a trained model" in shown(told.chapters[7].dataset.folder)
    assert "0.4317 at step 40" in shown(told.chapters[7].dataset.folder)
    text = shown(told.chapters[8].dataset.folder)
    assert "student: pass@1 43.8 % (95 % interval 30 % to 60 %), pass@4 75 %" in text
    assert "base: pass@1 12.5 % (95 % interval 5 % to 25 %)" in text and "3 rollouts undecided" in text
    assert "student against base: +31.2 points (95 % interval +19.0 to +44.0), 3.50 times" in text


def test_a_rejected_folder_whose_files_have_other_columns(told: Story, tmp_path: Path) -> None:
    folder = published(told, tmp_path / "out") / "rejected"
    lost = sum(chapter.dataset.dropped for chapter in told.lineage())
    text = shown(folder)
    assert f"\n{lost} rows" in text and "checksums: ok (3 files)" in text
    assert "dropped: duplicate" in shown(folder, "reason = 'duplicate'")


@pytest.mark.parametrize(
    "name", ["rows.parquet", "rows.jsonl", "rows.jsonl.gz", "rows.csv", "rows.csv.gz", "rows.json"]
)
def test_a_file_of_rows(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    table = pl.DataFrame({"question": ["a", "b", "c"], "score": [1, 2, None]})
    if name.endswith("parquet"):
        table.write_parquet(path)
    elif "csv" in name:
        text = table.write_csv()
        path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    else:
        lines = [json.dumps(row) for row in table.iter_rows(named=True)]
        text = f"[{','.join(lines)}]" if name.endswith(".json") else "\n".join(lines)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    text = shown(path, examples=3)
    assert "\n3 rows" in text and "1 (33.3 %)" in text
    assert [word for word in text.partition("numbers")[2].split() if word[0].isdigit()][:4] == ["1", "2", "1.5", "1.5"]


def test_a_column_that_appears_late_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "late.jsonl"
    path.write_text('{"a": 1}\n' * 20_000 + '{"a": 1, "late": "x"}\n')
    assert "late" in shown(path)


def test_a_condition_filters_what_is_shown(told: Story) -> None:
    folder = told.chapters[3].dataset.folder
    text = shown(folder, "math_status = 'timeout'")
    assert "1 of 96 rows with math_status = 'timeout'" in text and "math -: timeout" in text
    assert "0 of 96 rows" in shown(folder, "math > 5")


def test_a_wrong_condition_is_answered_in_a_line(told: Story) -> None:
    folder = told.chapters[3].dataset.folder
    with pytest.raises(UserError, match=r"no column 'mth'. Did you mean 'math'\?"):
        shown(folder, "mth = 1")
    with pytest.raises(UserError, match="is not a SQL condition"):
        shown(folder, "math = = 1")
    with pytest.raises(UserError, match="does not fit the columns"):
        shown(folder, "math + question = 2")


def test_a_file_that_was_changed_is_named(told: Story, tmp_path: Path) -> None:
    folder = published(told, tmp_path / "out")
    changed = folder / "data" / "train-00001-of-00002.parquet"
    pl.read_parquet(changed).head(3).write_parquet(changed)
    with pytest.raises(StageError, match=r"train-00001-of-00002.parquet is not what was written"):
        shown(folder)
    changed.unlink()
    with pytest.raises(StageError, match=r"train-00001-of-00002.parquet is missing"):
        shown(folder)


def test_what_cannot_be_read_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n{"a":\n')
    (tmp_path / "rows.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    cases = {
        "rows.parque": "Did you mean 'rows.parquet'",
        "rows.parquet": "not readable Parquet",
        "rows.jsonl": "rows.jsonl:2: not JSON",
        "rows.txt": "is none of",
        "empty": "holds no rows",
    }
    for name, message in cases.items():
        with pytest.raises(UserError, match=message) as caught:
            shown(tmp_path / name)
        assert len(str(caught.value).splitlines()) == 1


def test_markup_and_control_characters_in_a_trace_are_shown_not_obeyed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        json.dumps({"question": "[bold]q[/bold] [/x]", "response": "a\x1b]0;title\x07b", "domain": "[red]d"}) + "\n"
    )
    text = shown(path)
    assert "[bold]q[/bold] [/x]" in text and "[red]d" in text
    assert "\\x1b]0;title\\x07b" in text and "\x1b]" not in text
