"""A reward model in a recipe: from a preference set to a model folder, killed and gone on with, mistakes told first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datafactory.errors import UserError
from datafactory.recipe import read_recipe

from ..conftest import built, write_rows
from ..tiny import tiny_model
from .test_reward_model import labelled, pairs

TRAIN = "per_device_train_batch_size: 4, gradient_accumulation_steps: 1, learning_rate: 3e-3, dtype: float32"
RECIPE = f"""name: rewarded
seed: 2
models:
  base: {{model: ./base, device: cpu}}
stages:
  chosen: {{do: load, path: pairs.jsonl}}
  more: {{do: load, path: more.jsonl}}
  said: {{do: load, path: said.jsonl, response: response, label: {{column: safe}}}}
  helpful: {{do: reward_model, from: [chosen, more], model: base, max_steps: 4, save_steps: 2, validation: 0.25, {TRAIN}}}
  safe: {{do: reward_model, from: said, model: base, label: label = 'true', max_steps: 2, weight_decay: 0.1, {TRAIN}}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    rows = pairs(16)
    write_rows(tmp_path / "pairs.jsonl", [*rows, {**rows[0], "rejected": rows[1]["rejected"]}])
    write_rows(tmp_path / "more.jsonl", [{"question": "a?", "chosen": "b", "rejected": "c", **row} for row in pairs(3)])
    write_rows(tmp_path / "said.jsonl", [*labelled(12), {"question": "?", "response": "!", "safe": None}])
    tiny_model(tmp_path / "base", "llama")
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace("more.jsonl}", "more.jsonl, shape: preferences}"))
    return path


def counts(recipe: Path, outputs: str, *assignments: str) -> dict[str, Any]:
    """What each stage counted."""
    planned = built(recipe, *assignments, outputs=outputs)
    return {name: step.dataset.manifest.get("counts") for name, step in planned.steps.items()}


class Killed(BaseException):
    pass


def test_pairs_and_labels_train_two_models_and_one_that_was_stopped_goes_on(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
):
    whole = counts(recipe, "whole")
    helpful, safe = whole["helpful"], whole["safe"]
    assert (helpful["rows"], helpful["steps"], helpful["kind"], helpful["of"]) == (20, 4, "pairwise", "response")
    assert helpful["validation_prompts"] == 4, "the two sets share their prompts: there are 16"
    assert (safe["rows"], safe["unlabelled"], safe["of"], safe["validation_prompts"]) == (12, 1, "completion", 1)
    assert [step for step, _ in helpful["loss"]] == [1, 2, 3, 4]

    from datafactory.training.common import Watch

    def killed(self: Any, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 3:
            raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Watch, "on_step_end", killed)
        built(recipe, outputs="again")
    assert list((recipe.parent / "again").rglob("checkpoint-2/whole.json"))
    again = counts(recipe, "again")
    assert again["helpful"]["files"] == helpful["files"] and again["safe"]["files"] == safe["files"]
    assert again["helpful"] == helpful


PLAIN = "do: reward_model, from: chosen, model: base"


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ("do: reward_model, from: said, model: base", "'said' has no column 'prompt'. A reward model learns from pairs "
            "(prompt, chosen, rejected), which `pairs` makes and `load` reads; from labelled answers with `label`"),
        (f"{PLAIN}, label: safe", "no column named 'response'"),
        ("do: reward_model, from: said, model: base, label: label",
            "'label' is a text: say what it is of a good answer, as label = 'safe'"),
        ("do: reward_model, from: said, model: base, label: lable = 'true'", "no column named 'lable'. Did you mean"),
        ("do: reward_model, from: said, model: base, label: rollout", "'rollout' is not true or false"),
        (f"{PLAIN}, weight_decoy: 0.1", "weight_decay"),
        (f"{PLAIN}, validation: 1", "should be less than 1"),
        (f"{PLAIN}, train_sampling_strategy: random", "held-out rows are scored in their order"),
        ("do: reward_model, from: said, model: base, label: label = 'true', center_rewards_coefficient: 0.01",
            "is for pairs: a label says where 0 is"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_before_anything_runs(recipe: Path, stage: str, told: str):
    recipe.write_text(recipe.read_text() + f"  wrong: {{{stage}}}\n")
    with pytest.raises(UserError) as found:
        read_recipe(recipe)
    assert told in str(found.value)


def test_another_label_trains_anew_and_another_device_does_not(recipe: Path):
    from datafactory.build import plan

    def fingerprints(*assignments: str) -> dict[str, str]:
        steps = plan(read_recipe(recipe, assignments), recipe.parent / "outputs").steps
        return {name: step.fingerprint for name, step in steps.items()}

    before = fingerprints()
    changed = fingerprints("stages.safe.label=rollout = 0", "stages.helpful.device=cpu", "stages.helpful.save_steps=1")
    assert {name for name in before if before[name] != changed[name]} == {"safe"}
