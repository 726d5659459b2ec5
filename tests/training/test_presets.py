"""Presets: the paper's numbers by the student's name, what is stated before them, and sizes from a config alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datafactory.architecture import architecture
from datafactory.build import plan
from datafactory.errors import UserError
from datafactory.outlook.student import student
from datafactory.presets import PRESETS, nearest, of_student
from datafactory.recipe import read_recipe
from datafactory.stages import distill, sft

from ..conftest import write_rows
from ..tiny import tiny_model

QWEN = {"model_type": "qwen2", "vocab_size": 152064, "max_position_embeddings": 131072}
LLAMA = {"model_type": "llama", "vocab_size": 128256, "num_key_value_heads": 8}
# what the six config.json say, and DeepSeek-V3's
CONFIGS: dict[str, dict[str, Any]] = {
    "Qwen/Qwen2.5-Math-1.5B": {**QWEN, "vocab_size": 151936, "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12, "num_key_value_heads": 2, "tie_word_embeddings": True, "max_position_embeddings": 4096},
    "Qwen/Qwen2.5-Math-7B": {**QWEN, "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4, "max_position_embeddings": 4096},
    "Qwen/Qwen2.5-14B": {**QWEN, "hidden_size": 5120, "intermediate_size": 13824, "num_hidden_layers": 48, "num_attention_heads": 40, "num_key_value_heads": 8},
    "Qwen/Qwen2.5-32B": {**QWEN, "hidden_size": 5120, "intermediate_size": 27648, "num_hidden_layers": 64, "num_attention_heads": 40, "num_key_value_heads": 8},
    "meta-llama/Llama-3.1-8B": {**LLAMA, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32},
    "meta-llama/Llama-3.3-70B-Instruct": {**LLAMA, "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64},
}  # fmt: skip
V3 = {
    "model_type": "deepseek_v3", "vocab_size": 129280, "hidden_size": 7168, "intermediate_size": 18432,
    "moe_intermediate_size": 2048, "num_hidden_layers": 61, "num_attention_heads": 128, "n_routed_experts": 256,
    "n_shared_experts": 1, "num_experts_per_tok": 8, "first_k_dense_replace": 3, "q_lora_rank": 1536,
    "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128,
}  # fmt: skip
RATES = {
    "Qwen/Qwen2.5-Math-1.5B": 1e-4,
    "Qwen/Qwen2.5-Math-7B": 8e-5,
    "Qwen/Qwen2.5-14B": 7e-5,
    "Qwen/Qwen2.5-32B": 6e-5,
    "meta-llama/Llama-3.1-8B": 5e-5,
    "meta-llama/Llama-3.3-70B-Instruct": 2e-5,
}


def config(**settings: Any) -> distill.Config:
    return distill.Config.model_validate({"from": "data", "model": "base", **settings})


@pytest.mark.parametrize("name", RATES)
def test_a_student_of_the_paper_gets_the_papers_numbers(name: str):
    student = architecture(CONFIGS[name])
    assert student is not None
    filled, origins = distill.settled(config(), name).filled(name, student)
    assert filled.learning_rate == RATES[name]
    assert filled.per_device_train_batch_size * filled.gradient_accumulation_steps == 64
    assert (filled.max_length, filled.epochs, filled.told_preset()) == (32768, 2, name)
    assert filled.max_position_embeddings == (131072 if "Math" in name else None)
    assert origins["learning_rate"] == f"arXiv:2501.12948, B.4, {name}"
    assert origins["epochs"] == origins["max_length"] == "arXiv:2501.12948, B.4"


def test_sft_has_the_papers_numbers_and_names_what_it_starts_from():
    filled, _ = sft.Config.model_validate({"from": "data", "model": "base"}).filled("x", None)
    assert (filled.learning_rate, filled.epochs, filled.max_length) == (5e-5, 2, 32768)
    assert filled.per_device_train_batch_size * filled.gradient_accumulation_steps == 128
    assert sft.Config.model_fields["model"].is_required()


@pytest.mark.parametrize("reference", ["/models/qwen2.5-math-7b", "./Qwen2.5-Math-7B/", "mine/Qwen2.5-Math-7B"])
def test_a_folder_of_that_name_is_that_student(reference: str):
    assert distill.settled(config(), reference).preset == "Qwen/Qwen2.5-Math-7B"


def test_what_is_stated_stands_before_the_preset():
    student = architecture(CONFIGS["Qwen/Qwen2.5-Math-7B"])
    stated = config(learning_rate=1e-6, epochs=3, max_position_embeddings=40960)
    filled, origins = distill.settled(stated, "Qwen/Qwen2.5-Math-7B").filled("Qwen/Qwen2.5-Math-7B", student)
    assert (filled.learning_rate, filled.epochs, filled.max_position_embeddings) == (1e-6, 3, 40960)
    assert origins["learning_rate"] == origins["epochs"] == origins["max_position_embeddings"] == "stated"
    other, origins = distill.settled(config(preset="Qwen2.5-32B"), "Qwen/Qwen2.5-Math-7B").filled("x", student)
    assert (other.learning_rate, other.max_position_embeddings) == (6e-5, None)


def test_another_student_takes_the_rate_of_the_nearest_in_size_and_no_positions():
    assert of_student("Qwen/Qwen2.5-7B") is None and of_student("Qwen/Qwen2.5-Math-7B-Instruct") is None
    assert [nearest(size).name.partition("/")[2] for size in (10**8, 3 * 10**9, 10**10, 2 * 10**10, 10**12)] == [
        "Qwen2.5-Math-1.5B", "Qwen2.5-Math-1.5B", "Llama-3.1-8B", "Qwen2.5-14B", "Llama-3.3-70B-Instruct",
    ]  # fmt: skip
    student = architecture({**CONFIGS["Qwen/Qwen2.5-Math-7B"], "num_hidden_layers": 7})
    filled, origins = distill.settled(config(), "mine/own").filled("mine/own", student)
    assert (filled.preset, filled.max_position_embeddings) == ("nearest", None)
    assert filled.learning_rate == nearest(student.parameters).learning_rate and "a choice" in origins["learning_rate"]


def test_a_preset_by_no_name_and_none_without_a_rate_are_mistakes(tmp_path: Path):
    with pytest.raises(ValueError, match="no preset named 'Qwen/Qwen2.5-Math-8B'. Did you mean 'Qwen/Qwen2.5-Math-7B'"):
        config(preset="Qwen/Qwen2.5-Math-8B")
    recipe = written(tmp_path, "preset: none")
    with pytest.raises(UserError, match=r"r.yaml:6: stages.student.preset: none states no learning_rate"):
        read_recipe(recipe)


def written(folder: Path, settings: str, base: str = "base") -> Path:
    write_rows(folder / "rows.jsonl", [{"ask": "1?", "say": "1."}])
    tiny_model(folder / base, "qwen2")
    (folder / "r.yaml").write_text(
        f"name: r\nmodels: {{base: {{model: ./{base}}}}}\nstages:\n  rows: {{do: load, path: rows.jsonl, question: ask, "
        f"response: say}}\n  data: {{do: merge, from: [rows]}}\n  student: {{do: distill, from: data, model: base, {settings}}}\n"
    )
    return folder / "r.yaml"


def test_the_preset_that_a_name_decides_is_part_of_what_is_made(tmp_path: Path):
    """Two folders of one content and two names make two students."""
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    one = plan(read_recipe(written(tmp_path / "a", "epochs: 1")), tmp_path / "o").steps["student"]
    two = plan(read_recipe(written(tmp_path / "b", "epochs: 1", "Llama-3.1-8B")), tmp_path / "o").steps["student"]
    assert one.identity["config"]["preset"] == "nearest"
    assert two.identity["config"]["preset"] == "meta-llama/Llama-3.1-8B"
    assert one.fingerprint != two.fingerprint


def test_in_a_recipe_each_student_of_the_paper_is_planned_and_trained_with_its_own_rate(tmp_path: Path):
    """By the hub id that a name under `models` stands for, though nothing of these models is on this machine."""
    write_rows(tmp_path / "rows.jsonl", [{"ask": "1?", "say": "1."}])
    models = {f"m{at}": name for at, name in enumerate([*RATES, "mine/own"])}
    (tmp_path / "r.yaml").write_text(
        f"name: r\nmodels: {json.dumps({name: {'model': model} for name, model in models.items()})}\nstages:\n"
        "  rows: {do: load, path: rows.jsonl, question: ask, response: say}\n  data: {do: merge, from: [rows]}\n"
        + "".join(f"  s_{name}: {{do: distill, from: data, model: {name}}}\n" for name in models)
    )
    made = plan(read_recipe(tmp_path / "r.yaml"), tmp_path / "o")
    for name, model in models.items():
        step = made.steps[f"s_{name}"]
        if model in RATES:
            assert step.stage.config.filled(made.weights[name].reference, None)[0].learning_rate == RATES[model]
            assert student(made, step).startswith(f"learning rate {RATES[model]:g}, batch 64, context 32,768")
        else:
            assert student(made, step).startswith("learning rate of the student nearest in size, batch 64")


def test_the_weights_are_counted_from_the_config():
    for preset in PRESETS:
        assert architecture(CONFIGS[preset.name]).parameters == preset.parameters
    v3 = architecture(V3)
    assert (round(v3.parameters / 1e9), round(v3.active / 1e9)) == (671, 37)  # arXiv:2412.19437, 4.2
    assert architecture({"model_type": "mamba", "hidden_size": 8}) is None
