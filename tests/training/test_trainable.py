"""Every setting of TRL's may stand in a stage, and a wrong one is a mistake in the recipe, with its line."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trl

from datafactory import signature
from datafactory.build import plan
from datafactory.errors import UserError
from datafactory.recipe import read_recipe
from datafactory.stages.distill import Config
from datafactory.trainable import DECIDED, RUNTIME, SHIPPED
from datafactory.training.common import settings
from tests.conftest import REPOSITORY
from tests.tiny import tiny_model

RECIPE = """models:
  base: {{model: ./base}}
stages:
  rows: {{do: load, path: rows.jsonl, question: ask, response: say}}
  data: {{do: merge, from: [rows]}}
  x:
    do: distill
    from: data
    model: base
    {line}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_model(tmp_path / "base", "qwen2")
    (tmp_path / "rows.jsonl").write_text('{"ask": "1?", "say": "2."}\n')
    return tmp_path


def config(**given: Any) -> Config:
    return Config.model_validate({"from": "data", "model": "base", **given}, context={"folder": Path()})


@pytest.mark.parametrize("name", ["SFTConfig", "GRPOConfig", "RewardConfig"])
def test_what_is_read_of_a_config_class_is_what_it_has(name: str):
    fields = {field.name for field in dataclasses.fields(getattr(trl, name)) if field.init}
    assert set(signature.of(name)) == fields
    unread = [setting.name for setting in signature.of(name).values() if not setting.kinds]
    assert set(unread) <= set(DECIDED), "what has no readable type is a stage's to decide"


def test_what_is_decided_or_runtime_is_a_setting_of_trls():
    known = {name for trainer in ("SFTConfig", "GRPOConfig", "RewardConfig") for name in signature.of(trainer)}
    assert set(DECIDED) <= known and known >= RUNTIME
    assert not set(DECIDED) & RUNTIME


def test_a_setting_of_trls_reaches_its_trainer_and_counts_in_the_identity(folder: Path):
    made = config(weight_decay="1e-1", warmup_steps=3, dataloader_num_workers=2, lr_scheduler_type="linear")
    assert made.trl == {"weight_decay": 0.1, "warmup_steps": 3.0, "lr_scheduler_type": "linear"}
    own = {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0.1}, "max_length": None}
    told = trl.SFTConfig(**settings(made, folder / "made" / "scratch", 8, **own))
    assert (told.weight_decay, told.warmup_steps, told.dataloader_num_workers) == (0.1, 3.0, 2)
    assert (told.lr_scheduler_type, told.lr_scheduler_kwargs) == ("linear", None), "the recipe's stand over the stage's"

    def fingerprint(line: str) -> str:
        (folder / "r.yaml").write_text(RECIPE.format(line=line))
        return plan(read_recipe(folder / "r.yaml"), folder / "outputs").steps["x"].fingerprint

    plainly = fingerprint("max_steps: -1")
    for line in ("weight_decay: 0.1", "per_device_train_batch_size: 2", "gradient_accumulation_steps: 32"):
        assert fingerprint(line) != plainly, line
    for line in ("dataloader_num_workers: 2", "save_steps: 7", "processes: 2", "accelerate: fsdp", "logging_dir: x"):
        assert fingerprint(line) == plainly, line


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("weight_dcay: 0.1", "weight_dcay: no setting named 'weight_dcay'. Did you mean 'weight_decay'?"),
        ("learning_rat: 0.1", "learning_rat: no setting named 'learning_rat'. Did you mean 'learning_rate'?"),
        ("weight_decay: much", "weight_decay: should be a number, not 'much'"),
        ("weight_decay: true", "weight_decay: should be a number, not True"),
        (
            "optim_target_modules: [a, 1]",
            "optim_target_modules: should be null, a text or a list of texts, not ['a', 1]",
        ),
        ("lr_scheduler_type: cosin", "lr_scheduler_type: no lr_scheduler_type named 'cosin'. Did you mean 'cosine'?"),
        ("optim: adamw", "optim: no optim named 'adamw'. Did you mean 'adamw_torch'?"),
        ("optim: lomo", "optim: lomo needs a package that is not installed: pip install lomo-optim"),
        ("weight_decay: -1", "weight_decay: should be 0 or above, not -1.0"),
        ("max_grad_norm: -1", "max_grad_norm: should be 0 or above, not -1.0"),
        ("adam_beta1: 1", "adam_beta1: should be between 0 and 1, not 1.0"),
        ("max_steps: 0", "max_steps: should be 1 or above, or -1 to go by `epochs`, not 0"),
        ("save_steps: 0", "save_steps: should be greater than 0, not 0"),
        ("save_steps: 2.5", "save_steps: should be a whole number of steps, or a share of all steps below 1, not 2.5"),
        ("seed: -1", "seed: should be greater than or equal to 0, not -1"),
        ("ddp_backend: glo", "ddp_backend: no ddp_backend named 'glo'. Did you mean 'gloo'?"),
        ("output_dir: x", "output_dir: is not a recipe's to set: a stage writes into its own folder of the store"),
        ("bf16: true", "bf16: is not a recipe's to set: use `dtype`"),
        ("trl: {weight_decay: 1}", "trl: write SFTConfig's settings in the stage itself, beside the others"),
        ("{epochs: 1, num_train_epochs: 2}", "num_train_epochs: is 'epochs', which is given too"),
        ("report_to: [wandb]", "report_to.0: wandb is not installed: pip install wandb"),
        ("report_to: mlflow", "report_to.0: should be 'tensorboard', 'trackio' or 'wandb', not 'mlflow'"),
        (
            "accelerate: zero",
            f"accelerate: should be one of {', '.join(SHIPPED)}, or the path of an accelerate config file",
        ),
        ("accelerate: my.yaml", "accelerate: there is no "),
        ("processes: 3", "processes: 3 processes cannot share gradient_accumulation_steps 64"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, line: str, said: str):
    line = line.strip("{}").replace(", num", "\n    num") if line.startswith("{") else line
    (folder / "r.yaml").write_text(RECIPE.format(line=line))
    with pytest.raises(UserError) as wrong:
        read_recipe(folder / "r.yaml")
    assert [problem.partition(" stages.x.")[2][: len(said)] for problem in wrong.value.problems] == [said]


def test_mistakes_are_said_together_each_with_its_line(folder: Path):
    lines = "weight_decay: x\n    output_dir: y\n    learning_rate: -1\n    seeds: 2"
    (folder / "r.yaml").write_text(RECIPE.format(line=lines))
    with pytest.raises(UserError) as wrong:
        read_recipe(folder / "r.yaml")
    told = [problem.partition("r.yaml:")[2].partition(":")[0] for problem in wrong.value.problems]
    assert told == ["10", "11", "12", "13"]


def test_a_setting_is_checked_without_trl():
    script = "import sys; from datafactory.stages.grpo import Config; Config.further(); print({'trl', 'torch', 'transformers'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert ran.stdout == "set()\n", ran.stderr
