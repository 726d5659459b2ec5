"""Distill's training: what the loss is on, what is left out, and that the student is one."""

from __future__ import annotations

import json
import math
from io import StringIO
from pathlib import Path
from typing import Any

import datasets
import polars as pl
import pytest
import torch
from rich.console import Console
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTTrainer

from datafactory.errors import StageError
from datafactory.job import Job
from datafactory.models import weights_at
from datafactory.progress import Progress
from datafactory.stages.distill import Config
from datafactory.stages.merge import published
from datafactory.store import Dataset, Draft
from datafactory.training.sft import carried_out, prepare
from tests.tiny import tiny_model

SUMS = [
    {
        "problem_id": f"p{n}",
        "question": f"{n} and {n}?",
        "reasoning": f"I add {n} and {n}.",
        "response": f"It is {2 * n}.",
    }
    for n in range(20)
]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "base", "qwen2")


def merged(folder: Path, rows: list[dict[str, Any]], shards: int = 2) -> Dataset:
    """A finished merge of these rows."""
    draft = Draft(folder)
    size = -(-len(rows) // shards)
    for k in range(shards):
        draft.write(k, published(pl.DataFrame(rows[k * size : (k + 1) * size])))
    return draft.finish(shards, {})


def job_of(source: Dataset, base: Path, folder: Path, **settings: Any) -> tuple[Config, Job]:
    usual = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 1, "learning_rate": 1e-2, "seed": 3}
    config = Config.model_validate({"from": "dataset", "model": "base", **usual, **settings})
    watch = Progress(Console(file=StringIO())).stage("student")
    weights = {"base": weights_at(str(base), Path())}
    return config, Job(Draft(folder), folder, watch, inputs={"dataset": source}, weights=weights)


def trained(source: Dataset, base: Path, folder: Path, **settings: Any) -> dict[str, Any]:
    """What `training.json` says after a training in that folder."""
    carried_out(*job_of(source, base, folder, **settings))
    about = json.loads((folder / "training.json").read_text())
    assert about["steps"] == about["planned_steps"]
    return about


def taught(source: Dataset, base: Path, folder: Path, **settings: Any) -> tuple[list[dict[str, Any]], Any]:
    """The rows that a training in that folder would see, and the student's tokenizer."""
    prepared = prepare(*job_of(source, base, folder, **settings))
    rows = datasets.Dataset.from_file(str(prepared.file)).to_list()
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = prepared.template
    return rows, tokenizer


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The rows of tokens and labels that TRL made of the dataset."""
    rows: list[dict[str, Any]] = []
    real = SFTTrainer.train
    monkeypatch.setattr(
        SFTTrainer, "train", lambda self, **given: (rows.extend(self.train_dataset), real(self, **given))[1]
    )
    return rows


def test_sft_lowers_the_loss_and_the_student_loads_anywhere(tmp_path: Path, base: Path, capfd: pytest.CaptureFixture):
    about = trained(merged(tmp_path / "merge", SUMS), base, tmp_path / "student", epochs=4)
    printed = capfd.readouterr()
    loss = [value for _, value in about["loss"]]
    assert (about["rows"], about["too_long"], about["steps"], len(loss)) == (20, 0, 20, 20)
    assert sum(loss[-4:]) < 0.6 * sum(loss[:4])
    assert printed.out == "" and printed.err == ""
    assert sorted(path.name for path in (tmp_path / "student").iterdir()) == ["model", "training.json"]

    student = AutoModelForCausalLM.from_pretrained(tmp_path / "student" / "model")
    assert student.dtype == torch.float32 and student.config.model_type == "qwen2"
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "student" / "model")
    assert tokenizer.chat_template == AutoTokenizer.from_pretrained(base).chat_template
    files = {path.name: path.stat().st_size for path in (tmp_path / "student" / "model").iterdir()}
    assert {name: entry["bytes"] for name, entry in about["files"].items()} == files


def test_the_loss_is_on_the_completion_and_its_end_of_turn(tmp_path: Path, base: Path, seen: list[dict[str, Any]]):
    about = trained(merged(tmp_path / "merge", SUMS), base, tmp_path / "student", max_steps=1, system="Add.")
    tokenizer = AutoTokenizer.from_pretrained(base)
    assert len(seen) == 20 and about["tokens"] == sum(len(row["input_ids"]) for row in seen)
    for row, asked in zip(seen, SUMS, strict=True):
        start = row["labels"].index(next(label for label in row["labels"] if label != -100))
        assert row["labels"][start:] == row["input_ids"][start:]
        assert tokenizer.decode(row["input_ids"][:start]) == (
            f"<|im_start|>system\nAdd.<|im_end|>\n<|im_start|>user\n{asked['question']}<|im_end|>\n<|im_start|>assistant\n"
        )
        assert tokenizer.decode(row["input_ids"][start:]) == (
            f"<think>\n{asked['reasoning']}\n</think>\n\n{asked['response']}<|im_end|>\n"
        )


def test_without_a_chat_template_rows_are_plain_text_and_end_in_eos(
    tmp_path: Path, base: Path, seen: list[dict[str, Any]]
):
    (base / "chat_template.jinja").unlink()
    trained(merged(tmp_path / "merge", SUMS), base, tmp_path / "student", max_steps=1, prompt="Q: {question}\nA:")
    tokenizer = AutoTokenizer.from_pretrained(base)
    asked = SUMS[0]
    text = f"Q: {asked['question']}\nA:\n<think>\n{asked['reasoning']}\n</think>\n\n{asked['response']}<|im_end|>"
    assert tokenizer.decode(seen[0]["input_ids"]) == text
    assert seen[0]["labels"][0] == -100 and seen[0]["labels"][-1] == tokenizer.eos_token_id


def test_rows_that_are_too_long_are_left_out_and_counted(tmp_path: Path, base: Path, seen: list[dict[str, Any]]):
    long = [{**row, "reasoning": row["reasoning"] * 20} for row in SUMS[:3]]
    source = merged(tmp_path / "merge", [*long, *SUMS[3:]])
    about = trained(source, base, tmp_path / "student", max_steps=1, max_length=100)
    assert (about["rows"], about["too_long"]) == (17, 3)
    assert len(seen) == 17 and max(len(row["input_ids"]) for row in seen) <= 100
    longest = max(len(row["input_ids"]) for row in seen)
    about = trained(source, base, tmp_path / "other", max_steps=1, max_length=longest)
    assert about["too_long"] == 3
    with pytest.raises(StageError, match="none of 20 rows fits into max_length 8"):
        trained(source, base, tmp_path / "none", max_length=8)
    assert not (tmp_path / "none" / "model").exists()


def test_a_template_that_ends_no_turn_is_refused(tmp_path: Path, base: Path):
    template = base / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|im_end|>", ""))
    with pytest.raises(StageError, match=r"the chat template of .*base ends no turn"):
        trained(merged(tmp_path / "merge", SUMS), base, tmp_path / "student")


def test_a_student_stops_at_the_end_of_turn_that_its_base_did_not_know(tmp_path: Path, base: Path):
    """Qwen2.5's base models: the template ends turns with <|im_end|>, and eos is <|endoftext|>."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.eos_token = "<|endoftext|>"
    tokenizer.save_pretrained(base)
    for name in ("config.json", "generation_config.json"):
        settings = json.loads((base / name).read_text())
        (base / name).write_text(json.dumps({**settings, "eos_token_id": tokenizer.eos_token_id}))
    trained(merged(tmp_path / "merge", SUMS), base, tmp_path / "student", max_steps=1)
    student = json.loads((tmp_path / "student" / "model" / "generation_config.json").read_text())
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert end in student["eos_token_id"]
    assert AutoTokenizer.from_pretrained(tmp_path / "student" / "model").eos_token_id == end


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path, base: Path):
    source = merged(tmp_path / "merge", SUMS)
    first, second, other = (
        trained(source, base, tmp_path / name, max_steps=3, seed=seed)["files"]["model.safetensors"]["sha256"]
        for name, seed in (("first", 5), ("second", 5), ("other", 6))
    )
    assert first == second != other


def test_the_student_has_the_dtype_of_its_base(tmp_path: Path, base: Path):
    AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16).save_pretrained(base)
    about = trained(merged(tmp_path / "merge", SUMS), base, tmp_path / "student", max_steps=1)
    student = AutoModelForCausalLM.from_pretrained(tmp_path / "student" / "model")
    assert student.dtype == torch.bfloat16 and about["steps"] == 1


def test_the_rate_falls_by_a_cosine_to_a_tenth(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch):
    ended: list[float] = []
    real = SFTTrainer.train

    def train(self: SFTTrainer, **settings: Any) -> Any:
        made = real(self, **settings)
        ended.append(self.lr_scheduler.get_last_lr()[0])
        return made

    monkeypatch.setattr(SFTTrainer, "train", train)
    about = trained(merged(tmp_path / "merge", SUMS), base, tmp_path / "student", epochs=2, learning_rate=1e-3)
    steps = about["steps"]
    assert [rate for _, rate in about["rate"]] == pytest.approx(
        [1e-3 * (0.1 + 0.9 * (1 + math.cos(math.pi * step / steps)) / 2) for step in range(steps)]
    )
    assert ended == pytest.approx([1e-4])
    trained(merged(tmp_path / "again", SUMS), base, tmp_path / "flat", max_steps=2, lr_scheduler_type="constant")
    assert ended[-1] == 1e-2, "a schedule that is stated stands before it"


def test_packed_contexts_hold_whole_rows(tmp_path: Path, base: Path):
    source = merged(tmp_path / "merge", [*SUMS, {**SUMS[0], "reasoning": "I add. " * 60}])
    rows, _ = taught(source, base, tmp_path / "rows", max_length=120)
    contexts, _ = taught(source, base, tmp_path / "packed", max_length=120, packing=True)
    found = []
    for context in contexts:
        assert len(context["input_ids"]) <= 120
        start = 0
        for length in context["seq_lengths"]:
            found.append((context["input_ids"][start : start + length], context["labels"][start : start + length]))
            start += length
        assert start == len(context["input_ids"])
    assert sorted(found) == sorted((row["input_ids"], row["labels"]) for row in rows)
    assert len(rows) == 20 and len(contexts) == 10, "the one that is longer than a context is left out, not cut"


def test_rows_beyond_a_models_positions_are_refused_and_more_positions_are_saved(tmp_path: Path, base: Path):
    """Qwen2.5-Math ends at 4,096; R1's students of it have 131,072."""
    shape = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**shape, "max_position_embeddings": 52}))
    source = merged(tmp_path / "merge", SUMS)
    longest = max(
        len(row["input_ids"]) for row in taught(source, base, tmp_path / "rows", max_position_embeddings=64)[0]
    )
    with pytest.raises(
        StageError,
        match=rf"rows of up to {longest} tokens are longer than the 52 positions of .*base: `max_position_embeddings: 64` .*`max_length: 52` leaves these rows out",
    ):
        trained(source, base, tmp_path / "student")
    trained(source, base, tmp_path / "student", max_steps=1, max_position_embeddings=64, rope_theta=300000.0)
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "student" / "model")
    assert saved.config.max_position_embeddings == 64 and saved.config.rope_parameters["rope_theta"] == 300000.0
    assert taught(source, base, tmp_path / "short", max_length=52)[0]


def test_rows_that_are_no_merges_are_one_line_where_a_recipe_could_not_know_their_columns(tmp_path: Path, base: Path):
    draft = Draft(tmp_path / "rows")
    draft.write(0, published(pl.DataFrame(SUMS)).drop("response"))
    with pytest.raises(StageError, match="rows: no column named response; what is trained on is a merge"):
        taught(draft.finish(1, {}), base, tmp_path / "student")


def test_a_config_that_contradicts_itself_is_one_line(tmp_path: Path, base: Path):
    shape = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**shape, "num_hidden_layers": 3}))
    with pytest.raises(
        StageError, match=r"^the config.json of .*base contradicts itself: .*num_hidden_layers.* \(3\)"
    ) as told:
        taught(merged(tmp_path / "merge", SUMS[:2]), base, tmp_path / "student")
    assert "\n" not in str(told.value)


def test_the_context_that_a_student_was_given_turns_its_positions_by_the_new_base(tmp_path: Path, base: Path):
    """rope_theta acts while it trains, and is not merely written down."""
    source = merged(tmp_path / "merge", SUMS)
    first = [
        trained(source, base, tmp_path / f"s{theta}", max_steps=1, rope_theta=theta)["loss"][0][1]
        for theta in (100.0, 1e6)
    ]
    assert first[0] != first[1]
