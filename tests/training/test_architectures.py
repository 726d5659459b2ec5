"""Every architecture: trained, packed, asked again, on tiny random Qwen2, Llama, Qwen3 and DeepSeek-V3 models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from datafactory.engines import Sampling
from datafactory.engines.transformers import Config, start

from ..engines.test_transformers import decoded, requests
from ..tiny import ARCHITECTURES, Architecture, tiny_model
from .test_sft import SUMS, merged, trained

pytestmark = pytest.mark.parametrize("architecture", ARCHITECTURES)
GREEDY = Sampling(temperature=0, max_tokens=12)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(folder / "model").state_dict())


def test_packed_rows_teach_the_same_as_rows_apart(tmp_path: Path, architecture: Architecture):
    """The loss and every gradient: no row of a context attends to another."""
    base = tiny_model(tmp_path / "base", architecture)
    source = merged(
        tmp_path / "merge", [{**row, "response": row["response"] * (1 + n % 3)} for n, row in enumerate(SUMS)]
    )
    usual: dict[str, Any] = {
        "max_steps": 1,
        "dtype": "float32",
        "optim": "sgd",
        "learning_rate": 1.0,
        "max_length": 170,
    }
    apart = trained(source, base, tmp_path / "apart", per_device_train_batch_size=20, max_grad_norm=0.0, **usual)
    packed = trained(
        source, base, tmp_path / "packed", per_device_train_batch_size=10, max_grad_norm=0.0, packing=True, **usual
    )
    assert packed["contexts"] < 10 < apart["contexts"] == 20, "all of them in one step"
    assert packed["loss"][0][1] == pytest.approx(apart["loss"][0][1], abs=1e-5)
    before = dict(AutoModelForCausalLM.from_pretrained(base).state_dict())
    one, other = weights(tmp_path / "apart"), weights(tmp_path / "packed")
    assert any(not one[name].equal(before[name]) for name in before)
    for name in one:
        assert torch.allclose(one[name], other[name], atol=1e-5), name


def test_a_student_is_of_its_bases_kind_and_answers_greedily_as_transformers_has_it(
    tmp_path: Path, architecture: Architecture
):
    base = tiny_model(tmp_path / "base", architecture)
    about = trained(merged(tmp_path / "merge", SUMS), base, tmp_path / "student", epochs=1)
    place = tmp_path / "student" / "model"
    assert about["loss"][-1][1] < about["loss"][0][1]
    before, after = (AutoConfig.from_pretrained(folder).to_dict() for folder in (base, place))
    assert {name for name in before if before[name] != after.get(name)} <= {"_name_or_path", "transformers_version"}
    assert about["parameters"] == sum(p.numel() for p in AutoModelForCausalLM.from_pretrained(place).parameters())

    engine = start(Config(device="cpu"), str(place))
    asked = requests(engine, [SUMS[0]["question"], SUMS[1]["question"]], GREEDY)
    said = decoded(engine, asked)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(place), AutoTokenizer.from_pretrained(place)
    for request in asked:
        ids = tokenizer(request.prompt, return_tensors="pt")
        made = model.generate(**ids, max_new_tokens=12, do_sample=False)[0, ids["input_ids"].shape[1] :]
        assert said[request.key].text == tokenizer.decode(made, skip_special_tokens=True)
