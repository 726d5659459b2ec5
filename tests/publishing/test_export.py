"""Exports hold the published rows in the form that another trainer reads."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import datasets
import polars as pl
import pytest

from datafactory.chat import split_thinking
from datafactory.errors import StageError, UserError
from datafactory.exporting import Asked, export
from datafactory.exports import format_of, names
from tests.conftest import command

FORMATS = ["axolotl", "llamafactory", "openai", "trl", "verl"]


def rows_of(dataset: Path, split: str = "train") -> list[dict[str, Any]]:
    return pl.read_parquet(dataset / f"data/{split}-*.parquet").to_dicts()


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def files_of(folder: Path) -> dict[str, str]:
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def test_every_file_of_the_folder_is_a_format():
    assert names() == FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_is_the_same_bytes_again_and_its_manifest_holds_them(name: str, dataset: Path, tmp_path: Path):
    export(dataset, Asked(name), tmp_path / "one")
    export(dataset, Asked(name), tmp_path / "two")
    export(dataset, Asked(name), tmp_path / "two")  # an earlier export is replaced
    files = files_of(tmp_path / "one")
    assert files == files_of(tmp_path / "two")
    manifest = json.loads((tmp_path / "one/manifest.json").read_text())
    files.pop("manifest.json")
    assert {name: entry["sha256"] for name, entry in manifest["files"].items()} == files
    assert command("check", tmp_path / "one").returncode == 0


@pytest.mark.parametrize("name", FORMATS)
def test_the_splits_stay_apart(name: str, dataset: Path, tmp_path: Path):
    export(dataset, Asked(name), tmp_path / "out")
    held = {}
    for split in ("train", "validation"):
        files = [path for path in (tmp_path / "out").rglob(f"{split}*") if path.suffix in (".parquet", ".jsonl")]
        told = [
            row
            for path in files
            for row in (lines_of(path) if path.suffix == ".jsonl" else pl.read_parquet(path).to_dicts())
        ]
        held[split] = {json.dumps(row.get("messages", row.get("prompt"))[0]) for row in told}
        asked = {row["problem"] for row in rows_of(dataset, split)}
        assert {json.loads(turn)["content"] for turn in held[split]} == asked
    assert not held["train"] & held["validation"]


@pytest.mark.parametrize("name", ["axolotl", "llamafactory"])
def test_json_lines_hold_the_messages_as_they_are(name: str, dataset: Path, tmp_path: Path):
    export(dataset, Asked(name), tmp_path / "out")
    assert [line["messages"] for line in lines_of(tmp_path / "out/train.jsonl")] == [
        row["messages"] for row in rows_of(dataset)
    ]


def test_thinking_can_be_taken_out_or_given_a_field(dataset: Path, tmp_path: Path):
    export(dataset, Asked("axolotl", "strip"), tmp_path / "strip")
    export(dataset, Asked("axolotl", "field"), tmp_path / "field")
    rows = rows_of(dataset)
    assert any(row["reasoning"] is None for row in rows) and any(row["reasoning"] for row in rows)
    for row, bare, apart in zip(
        rows, *(lines_of(tmp_path / kind / "train.jsonl") for kind in ("strip", "field")), strict=True
    ):
        assert bare["messages"][-1] == {"role": "assistant", "content": row["response"]}
        said = {"role": "assistant", "content": row["response"], "reasoning_content": row["reasoning"] or ""}
        assert apart["messages"][-1] == said
        whole = split_thinking(row["messages"][-1]["content"])
        assert (whole.response, whole.reasoning) == (row["response"], row["reasoning"])


def test_trl_gets_prompt_and_completion_and_a_row_per_solved_problem(dataset: Path, tmp_path: Path):
    told = export(dataset, Asked("trl"), tmp_path / "out")
    rows = rows_of(dataset)
    sft = datasets.load_dataset(str(tmp_path / "out/sft"), cache_dir=str(tmp_path / "cache"))
    assert [row["prompt"] + row["completion"] for row in sft["train"]] == [row["messages"] for row in rows]
    assert len(sft["validation"]) == len(rows_of(dataset, "validation"))
    grpo = pl.read_parquet(tmp_path / "out/grpo/train.parquet")
    solved = pl.DataFrame(rows).filter(pl.col("solution").is_not_null()).unique("problem_id", maintain_order=True)
    assert grpo["problem_id"].to_list() == solved["problem_id"].to_list()
    assert grpo["solution"].to_list() == [f"\\boxed{{{gold}}}" for gold in solved["solution"]]
    unsolved = sum(row["solution"] is None for split in ("train", "validation") for row in rows_of(dataset, split))
    assert told.left_out["grpo: a row that has no solution to reward by"] == unsolved > 0


def test_verl_gets_its_columns(dataset: Path, tmp_path: Path):
    export(dataset, Asked("verl"), tmp_path / "out")
    table = pl.read_parquet(tmp_path / "out/rl/train.parquet")
    assert table.columns == ["data_source", "prompt", "ability", "reward_model", "extra_info"]
    first = table.row(0, named=True)
    [row] = [row for row in rows_of(dataset) if row["problem_id"] == first["extra_info"]["problem_id"]][:1]
    assert first["reward_model"] == {"style": "rule", "ground_truth": row["solution"]}
    assert (first["prompt"], first["ability"], first["data_source"]) == (row["messages"][:-1], "math", "problems.jsonl")
    assert table["extra_info"].struct.field("index").to_list() == list(range(table.height))
    scope: dict[str, Any] = {}
    exec((tmp_path / "out/reward.py").read_text(), scope)
    answers = [
        scope["compute_score"]("problems.jsonl", row["messages"][-1]["content"], gold)
        for gold in (row["solution"], "-1")
    ]
    assert answers == [1.0, 0.0]


def test_openai_gets_no_thinking_which_is_counted_and_its_limits_are_told(dataset: Path, tmp_path: Path):
    told = export(dataset, Asked("openai"), tmp_path / "out")
    for line in lines_of(tmp_path / "out/train.jsonl"):
        assert all(set(turn) == {"role", "content"} and "<think>" not in turn["content"] for turn in line["messages"])
    thought = sum(row["reasoning"] is not None for split in ("train", "validation") for row in rows_of(dataset, split))
    assert told.left_out["the thinking of a row"] == thought
    told = export(dataset, Asked("openai", limit=9), tmp_path / "few")
    assert "train.jsonl has 9 examples; OpenAI takes no file with fewer than 10" in list(
        format_of("openai").limits(told)
    )


def test_a_condition_and_a_limit_narrow_the_rows(dataset: Path, tmp_path: Path):
    export(dataset, Asked("llamafactory", where="domain = 'general'"), tmp_path / "general")
    general = [row["messages"] for row in rows_of(dataset) if row["domain"] == "general"]
    assert [line["messages"] for line in lines_of(tmp_path / "general/train.jsonl")] == general
    export(dataset, Asked("llamafactory", where="math = 1", limit=7), tmp_path / "seven")
    right = [row["messages"] for row in rows_of(dataset) if row["math"] == 1]
    assert [line["messages"] for line in lines_of(tmp_path / "seven/train.jsonl")] == right[:7]


def test_conversations_that_do_not_alternate_are_left_out_for_llamafactory(tmp_path: Path, dataset: Path):
    from tests.publishing.test_check import rewritten

    def two_questions(table: pl.DataFrame) -> pl.DataFrame:
        turns = [
            [messages[0], *messages] if k == 0 else messages for k, messages in enumerate(table["messages"].to_list())
        ]
        return table.with_columns(pl.Series("messages", turns, dtype=table.schema["messages"]))

    rewritten(dataset, "data/train-00000-of-00003.parquet", two_questions)
    told = export(dataset, Asked("llamafactory"), tmp_path / "out")
    assert told.left_out == {"train: a row that does not have user and assistant in turns": 1}
    assert told.rows["train.jsonl"] == len(rows_of(dataset)) - 1


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Asked("tlr"), "no such format. Did you mean 'trl'?"),
        (Asked("openai", "field"), "openai takes strip, keep"),
        (Asked("trl", where="mth = 1"), "no column named 'mth'. Did you mean 'math'?"),
        (Asked("trl", where="math ="), "is not a SQL condition"),
        (Asked("openai", where="domain = 'none'"), "has no row to export where domain = 'none'"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(asked: Asked, told: str, dataset: Path, tmp_path: Path):
    with pytest.raises(UserError, match=told.replace("?", r"\?")):
        export(dataset, asked, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_export_is_not_written_over(dataset: Path, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("x")
    with pytest.raises(UserError, match="in the way"):
        export(dataset, Asked("trl"), tmp_path / "mine")
    with pytest.raises(UserError, match="in the way"):
        export(dataset, Asked("trl"), dataset)
    assert (tmp_path / "mine/thesis.txt").read_text() == "x"


def test_a_damaged_shard_is_not_exported(dataset: Path, tmp_path: Path):
    path = dataset / "data/train-00001-of-00003.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(StageError, match=r"train-00001-of-00003.parquet is not what was written"):
        export(dataset, Asked("trl"), tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


def test_the_command_tells_files_and_what_was_left_out(dataset: Path, tmp_path: Path):
    ended = command("export", dataset, "--to", "openai", "--limit", "3", "--out", tmp_path / "out")
    assert ended.returncode == 0
    assert f"{tmp_path / 'out/train.jsonl'}: 3 rows" in ended.stdout
    assert "left out: the thinking of a row: " in ended.stdout
    assert "note: train.jsonl has 3 examples" in ended.stderr
