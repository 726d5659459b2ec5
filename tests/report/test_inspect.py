"""What `inspect` reads and shows of many rows, compared with what plain Python says of the same rows."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from datafactory.errors import UserError
from datafactory.report import loose
from datafactory.report.chosen import View
from datafactory.report.terminal import inspect, rows_as_json
from tests.conftest import built, command

COUNT = 3000


def shown(path: Path, **view: Any) -> str:
    out = io.StringIO()
    inspect(path, View(**view), Console(file=out, width=140, color_system=None))
    return out.getvalue()


def rows(path: Path, **view: Any) -> list[dict[str, Any]]:
    out = io.BytesIO()
    rows_as_json(path, View(**{"examples": None, **view}), out)
    return [json.loads(line) for line in out.getvalue().decode().splitlines()]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A folder of three Parquet files with row groups of 250."""
    folder = tmp_path / "many"
    folder.mkdir()
    table = pl.DataFrame(
        {
            "trace_id": [f"{n * 2654435761 % 2**64:016x}" for n in range(COUNT)],
            "domain": [("math", "code", "logic")[n % 7 % 3] for n in range(COUNT)],
            "math": [None if n % 11 == 0 else float(n % 3 == 0) for n in range(COUNT)],
            "tokens": [n * 7919 % 5003 for n in range(COUNT)],
            "response": [f"response {n} " * 20 for n in range(COUNT)],
        }
    )
    for part in range(3):
        some = table[part * COUNT // 3 : (part + 1) * COUNT // 3]
        some.write_parquet(folder / f"part-{part}.parquet", row_group_size=250, use_pyarrow=True)
    return folder


def whole(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def damage(path: Path, column: str) -> None:
    """Overwrite all pages of a column; the footer and the other columns stay as they are."""
    content, footer = bytearray(path.read_bytes()), pq.read_metadata(path)
    for group in range(footer.num_row_groups):
        chunk = footer.row_group(group).column(footer.schema.names.index(column))
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        content[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(content)


def test_texts_are_not_read_for_the_overview_a_count_or_other_columns(many: Path) -> None:
    for path in many.glob("*.parquet"):
        damage(path, "response")
    text = shown(many, examples=0)
    assert "\n3,000 rows" in text and "math" in text
    met = [row for row in _without(many) if row["tokens"] > 4000 and row["math"] == 1]
    assert f"\n{len(met):,} of 3,000 rows" in shown(many, where="tokens > 4000 and math = 1", examples=0)
    assert rows(many, columns=("tokens",)) == [{"tokens": row["tokens"]} for row in _without(many)]
    with pytest.raises(UserError, match="not readable"):
        shown(many, examples=1)


def _without(folder: Path) -> list[dict[str, Any]]:
    names = ["trace_id", "domain", "math", "tokens"]
    return [row for path in sorted(folder.glob("*")) for row in pq.read_table(path, columns=names).to_pylist()]


def test_examples_are_found_without_a_look_at_what_stands_behind_them(many: Path) -> None:
    damage(many / "part-2.parquet", "response")
    damage(many / "part-1.parquet", "response")
    assert "response 3 response" in shown(many, where="math = 1", columns=("response",), examples=30)


def test_nulls_and_numbers_are_those_of_all_rows(many: Path) -> None:
    found = whole(many)
    text = shown(many, examples=0)
    nulls = sum(row["math"] is None for row in found)
    assert f"{nulls:,} ({nulls / COUNT:.1%}".replace("%", "") in text
    line = next(line for line in text.splitlines() if line.startswith("tokens ") and "int" not in line)
    tokens = sorted(row["tokens"] for row in found)
    mean, median = sum(tokens) / COUNT, (tokens[COUNT // 2 - 1] + tokens[COUNT // 2]) / 2
    shown_numbers = [float(word.replace(",", "")) for word in line.split()[1:5]]
    assert shown_numbers == pytest.approx([tokens[0], tokens[-1], mean, median], abs=0.06)
    for domain in ("math", "code", "logic"):
        assert f"{sum(row['domain'] == domain for row in found):,} " in text


def test_json_gives_every_row_that_meets_the_condition(many: Path) -> None:
    assert rows(many) == whole(many)
    met = [row for row in whole(many) if row["math"] == 0 and row["domain"] == "code"]
    assert rows(many, where="math = 0 and domain = 'code'") == met
    assert rows(many, where="math = 0 and domain = 'code'", examples=4) != [] and len(rows(many, examples=4)) == 4


def test_what_is_no_number_is_null_in_json(tmp_path: Path) -> None:
    path = tmp_path / "odd.parquet"
    pl.DataFrame({"a": [float("nan"), float("inf"), 1.5], "b": [[{"c": float("nan")}], None, []]}).write_parquet(path)
    assert rows(path) == [{"a": None, "b": [{"c": None}]}, {"a": None, "b": None}, {"a": 1.5, "b": []}]


def test_an_order_is_that_of_the_values(many: Path) -> None:
    found = whole(many)
    last = sorted(found, key=lambda row: -row["tokens"])[:20]
    assert [row["tokens"] for row in rows(many, sort="tokens desc", examples=20)] == [row["tokens"] for row in last]
    assert [row["tokens"] for row in rows(many, sort="tokens", examples=3)] == sorted(row["tokens"] for row in found)[
        :3
    ]
    met = sorted(row["tokens"] for row in found if row["math"] == 1)[-5:]
    assert [row["tokens"] for row in rows(many, sort="tokens desc", where="math = 1", examples=5)] == met[::-1]
    assert rows(many, sort="math", examples=1)[0]["math"] == 0  # null is not the least


def test_a_sample_is_of_all_files_and_the_seeds(many: Path) -> None:
    first = rows(many, sample=True, examples=300)
    assert rows(many, sample=True, examples=300) == first != rows(many, sample=True, seed=1, examples=300)
    all_ids = [row["trace_id"] for row in whole(many)]
    places = [all_ids.index(row["trace_id"]) for row in first]
    assert len(set(places)) == 300 and 1300 < sum(places) / 300 < 1700
    assert all(row["math"] == 1 for row in rows(many, sample=True, where="math = 1", examples=50))


def test_every_wrong_column_is_named_with_the_nearest(many: Path) -> None:
    with pytest.raises(UserError) as caught:
        shown(many, where="mth = 1", columns=("tokns", "domain"), sort="trace desc")
    told = caught.value.problems
    assert told[0] == "--where: no column 'mth'. Did you mean 'math'?"
    assert told[1] == "--columns: no column 'tokns'. Did you mean 'tokens'?"
    assert told[2].startswith("--sort: no column 'trace'. Did you mean 'trace_id'?")
    with pytest.raises(UserError, match="--sort and --sample"):
        shown(many, sort="tokens", sample=True)


def test_only_the_columns_asked_for_are_shown(many: Path) -> None:
    text = shown(many, columns=("tokens", "domain"), examples=1)
    assert "response" not in text and "math_" not in text and "\ntokens\n" in text and "\ndomain\n" in text


def test_nested_columns_that_vary_are_shown_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "varied.jsonl"
    given: list[dict[str, Any]] = [
        {"id": 1, "q": [1]},
        {"id": 2, "q": {"z": 2}},
        {"id": 3, "q": [{"role": "user"}], "late": {"a": {"b": [1, "x"]}}},
        {"id": 4, "q": None, "late": "text"},
        {"id": 5, "q": {"z": "other"}, "n": 10**30},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in given))
    text = shown(path, examples=5)
    assert "\n5 rows" in text and '{"z": 2}' in text and "late" in text
    found = rows(path, where="id >= 2")
    assert [row["id"] for row in found] == [2, 3, 4, 5]
    assert json.loads(found[0]["q"]) == {"z": 2} and json.loads(found[1]["late"]) == {"a": {"b": [1, "x"]}}


def test_a_column_may_change_its_type_far_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loose, "BATCH", 2)
    path = tmp_path / "varied.jsonl"
    values = [1, 2, 3.5, "four", True, [5], None, {"six": 6}]
    path.write_text("".join(json.dumps({"n": n, "value": value}) + "\n" for n, value in enumerate(values)))
    with monkeypatch.context() as patched:  # as where polars finds no type for all rows
        patched.setattr(loose, "_scan", lambda *_: pl.LazyFrame().select("none"))
        found = rows(path)
    assert [row["n"] for row in found] == list(range(8))
    assert [row["value"] for row in found] == ["1.0", "2.0", "3.5", "four", "true", "[5]", None, '{"six": 6}'] or [
        row["value"] for row in found
    ] == ["1", "2", "3.5", "four", "true", "[5]", None, '{"six": 6}']


def test_files_with_other_columns_stand_under_each_other(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}).write_parquet(tmp_path / "one.parquet")
    pl.DataFrame({"a": [2.5], "c": [True]}).write_parquet(tmp_path / "two.parquet")
    assert rows(tmp_path) == [
        {"a": 1.0, "b": "x", "c": None},
        {"a": 2.0, "b": "y", "c": None},
        {"a": 2.5, "b": None, "c": True},
    ]
    assert [row["a"] for row in rows(tmp_path, sort="a desc", examples=2)] == [2.5, 2.0]
    assert [row["a"] for row in rows(tmp_path, where="b is null")] == [2.5]


def test_a_recipes_stages_stand_in_one_table(small: Path) -> None:
    planned = built(small)
    text = shown(small.parent / "outputs/small")
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    for name, step in planned.steps.items():
        manifest = step.dataset.manifest
        assert step.stage.kind in lines[name] and f" {manifest['rows']:,} " in lines[name]
        if manifest["dropped"]:
            assert f" {manifest['dropped']:,} " in lines[name] and next(iter(manifest["reasons"])) in text
    assert list(lines).index("traces") < list(lines).index("checked") < list(lines).index("dataset")
    with pytest.raises(UserError, match="give the one whose rows you want"):
        shown(small.parent / "outputs/small", where="math = 1")


def test_the_command_in_a_pipe_that_closes_early_says_nothing(many: Path) -> None:
    lines = f"{sys.executable} -m datafactory inspect {many} --json | head -2"
    ended = subprocess.run(lines, shell=True, capture_output=True, text=True)
    assert [json.loads(line) for line in ended.stdout.splitlines()] == whole(many)[:2] and ended.stderr == ""


def test_the_command_takes_the_options(many: Path) -> None:
    ended = command("inspect", many, "--json", "--columns", "tokens, domain", "--sort", "tokens desc", "--examples", 2)
    assert ended.returncode == 0, ended.stderr
    assert [json.loads(line)["tokens"] for line in ended.stdout.splitlines()] == sorted(
        (row["tokens"] for row in whole(many)), reverse=True
    )[:2]
    wrong = command("inspect", many, "--columns", "tokns")
    assert wrong.returncode == 2 and wrong.stderr == "--columns: no column 'tokns'. Did you mean 'tokens'?\n"
