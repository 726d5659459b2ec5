"""Exports read by the trainers' own code, where it is installed; each test says which of it runs.

`pip install --no-deps llamafactory axolotl verl` and what they import will do.
"""

from __future__ import annotations

import importlib.machinery
import json
import sys
import types
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from datafactory.exporting import Asked, export
from tests.publishing.test_check import first_row, rewritten
from tests.tiny import tiny_model

APART = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% if message['reasoning_content'] %}<think>\n"
    "{{ message['reasoning_content'] }}\n</think>\n\n{% endif %}{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model(tmp_path_factory.mktemp("tiny"), "qwen2"))


def without(monkeypatch: pytest.MonkeyPatch, name: str, **held: Any) -> None:
    """An empty module for what a peer imports about pictures and sound."""
    if name not in sys.modules:
        module = types.ModuleType(name)
        module.__dict__.update(held, __spec__=importlib.machinery.ModuleSpec(name, None))
        monkeypatch.setitem(sys.modules, name, module)


def first(dataset: Path) -> dict[str, Any]:
    """The first row with thinking."""
    return pl.read_parquet(dataset / "data/train-*").filter(pl.col("reasoning").is_not_null()).row(0, named=True)


def turn(row: dict[str, Any]) -> str:
    return f"<think>\n{row['reasoning']}\n</think>\n\n{row['response']}"


@pytest.mark.parametrize("thinking", ["keep", "field"])
def test_trls_sft_trainer_puts_its_loss_on_the_whole_answer(
    thinking: str, dataset: Path, tmp_path: Path, tokenizer: Any
):
    """SFTTrainer's own preparation of the dataset, on a tiny model."""
    import datasets
    from transformers import Qwen2ForCausalLM
    from trl import SFTConfig, SFTTrainer

    export(dataset, Asked("trl", thinking, where="reasoning is not null"), tmp_path / "out")
    rows = datasets.load_dataset(str(tmp_path / "out/sft"), split="train", cache_dir=str(tmp_path / "cache"))
    model = Qwen2ForCausalLM.from_pretrained(tokenizer.name_or_path)
    tokenizer.chat_template = APART if thinking == "field" else tokenizer.chat_template
    config = SFTConfig(output_dir=str(tmp_path / "o"), max_length=512, report_to=[], use_cpu=True, bf16=False)
    trainer = SFTTrainer(model, args=config, train_dataset=rows, processing_class=tokenizer)
    batch = trainer.data_collator([trainer.train_dataset[0]])
    learned = batch["input_ids"][0][batch["labels"][0] != -100]
    assert tokenizer.decode(learned).removesuffix("\n") == turn(first(dataset)) + "<|im_end|>"
    assert len(trainer.train_dataset) == len(rows)


@pytest.mark.parametrize("gold", ["42", "B", "x^2+1", "(1, 2)", "\\frac{1}{3}", "yes"])
def test_trls_accuracy_reward_reads_every_kind_of_solution(gold: str, dataset: Path, tmp_path: Path):
    """Of a bare `B` or `x^2+1` it makes nothing, and skips the row."""
    from trl.rewards import accuracy_reward

    rewritten(dataset, "data/train-00000-of-00003.parquet", first_row(solution=gold, problem_id="mine"))
    export(dataset, Asked("trl", where="problem_id = 'mine'"), tmp_path / "out")
    solution = pl.read_parquet(tmp_path / "out/grpo/train.parquet")["solution"].item()
    said = [[{"role": "assistant", "content": f"It is \\boxed{{{answer}}}."}] for answer in (gold, "-7")]
    assert accuracy_reward(completions=said, solution=[solution] * 2) == [1.0, 0.0]


def test_llama_factory_loads_every_row(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """get_dataset_list and the loader with its converter of the form `sharegpt`."""
    monkeypatch.setenv("DISABLE_VERSION_CHECK", "1")
    without(monkeypatch, "torchaudio")
    pytest.importorskip("llamafactory")
    from llamafactory.data.loader import _load_single_dataset
    from llamafactory.data.parser import get_dataset_list
    from llamafactory.hparams import DataArguments, ModelArguments
    from transformers import Seq2SeqTrainingArguments

    out = tmp_path / "out"
    export(dataset, Asked("llamafactory"), out)
    for name, split in {"small_dataset": "train", "small_dataset_validation": "validation"}.items():
        [attributes] = get_dataset_list([name], str(out))
        model = ModelArguments(model_name_or_path="none", cache_dir=str(tmp_path / "cache"))
        training = Seq2SeqTrainingArguments(output_dir=str(tmp_path / "o"), report_to=[])
        loaded = _load_single_dataset(attributes, model, DataArguments(dataset_dir=str(out)), training)
        rows = pl.read_parquet(dataset / f"data/{split}-*")
        assert [row["_prompt"] + row["_response"] for row in loaded] == rows["messages"].to_list()
    recipe = yaml.safe_load((out / "sft.yaml").read_text())
    assert (recipe["dataset"], recipe["eval_dataset"]) == ("small_dataset", "small_dataset_validation")


@pytest.mark.parametrize("thinking", ["keep", "field"])
def test_axolotl_puts_its_loss_on_the_whole_answer(
    thinking: str, dataset: Path, tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
):
    """Its chat_template strategy, set up by the fragment of YAML."""
    pytest.importorskip("axolotl.prompt_strategies.chat_template")
    from axolotl.prompt_strategies.chat_template import load
    from axolotl.utils.dict import DictDefault

    export(dataset, Asked("axolotl", thinking, where="reasoning is not null"), tmp_path / "out")
    told = yaml.safe_load((tmp_path / "out/axolotl.yaml").read_text())
    assert [told[key][0]["path"] for key in ("datasets", "test_datasets")] == ["train.jsonl", "validation.jsonl"]
    monkeypatch.setattr(tokenizer, "chat_template", APART if thinking == "field" else tokenizer.chat_template)
    strategy = load(tokenizer, DictDefault({**told, "chat_template": "tokenizer_default"}), told["datasets"][0])
    row = json.loads((tmp_path / "out/train.jsonl").read_text().splitlines()[0])
    made = strategy.tokenize_prompt(row)
    learned = [token for token, label in zip(made["input_ids"], made["labels"], strict=True) if label != -100]
    expected = first(dataset)["response"] if thinking == "field" else turn(first(dataset))
    assert tokenizer.decode(learned).endswith(expected + "<|im_end|>")
    assert turn(first(dataset)) in tokenizer.decode(made["input_ids"])


def test_verl_loads_prompts_and_puts_its_loss_on_the_answer(
    dataset: Path, tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
):
    """RLHFDataset and MultiTurnSFTDataset."""
    without(monkeypatch, "verl.models.transformers.qwen2_vl", get_rope_index=None)
    pytest.importorskip("verl.utils.dataset.rl_dataset")
    from omegaconf import OmegaConf
    from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset
    from verl.utils.dataset.rl_dataset import RLHFDataset

    out = tmp_path / "out"
    export(dataset, Asked("verl", where="reasoning is not null"), out)
    config = OmegaConf.create({"cache_dir": str(tmp_path / "cache"), "filter_overlong_prompts_workers": 1})
    prompts = RLHFDataset(str(out / "rl/train.parquet"), tokenizer, config)
    row = first(dataset)
    assert prompts[0]["raw_prompt"] == row["messages"][:-1]
    assert prompts[0]["reward_model"]["ground_truth"] == row["solution"]
    config = OmegaConf.create({"max_length": 512, "ignore_input_ids_mismatch": True})
    taught = MultiTurnSFTDataset(str(out / "sft/train.parquet"), tokenizer, config)
    learned = tokenizer.decode(taught[0]["input_ids"][taught[0]["loss_mask"].bool()])
    assert learned.removesuffix("\n") == turn(row) + "<|im_end|>"
