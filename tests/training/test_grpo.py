"""GRPO: the rewards are the verifiers', and a null one does not count."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console
from transformers import AutoModelForCausalLM, AutoTokenizer

from datafactory.errors import StageError, UserError
from datafactory.models import weights_at
from datafactory.progress import Progress
from datafactory.recipe import read_recipe
from datafactory.stages.grpo import Config
from datafactory.store import Dataset, Draft
from datafactory.training import grpo
from datafactory.training.grpo_trainer import Grpo
from tests.tiny import ARCHITECTURES, Architecture, tiny_model

VERIFIER = '''
"""Mine: the share of small letters in what was written; undecided for the questions that say so."""
from datafactory.types import Verdict

VERSION = 1

def verify(problem, completion, config):
    if "null" in problem.question and hash_of(completion) % 2:
        return Verdict.undecided("timeout")
    if "crash" in problem.question:
        raise RuntimeError("broken")
    text = (completion.reasoning or "") + completion.response
    return Verdict.correct(reward=sum("a" <= letter <= "z" for letter in text) / 16)

def hash_of(completion):
    return len(completion.response)
'''


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(VERIFIER)
    return tmp_path


def problems(folder: Path, questions: list[str]) -> Dataset:
    draft = Draft(folder)
    rows = [{"problem_id": f"p{n}", "question": question, "answer": "a"} for n, question in enumerate(questions)]
    draft.write(0, pl.DataFrame(rows))
    return draft.finish(1, {})


def trained(folder: Path, questions: list[str], **settings: Any) -> dict[str, Any]:
    """What `training.json` says after a training of a tiny model on these questions."""
    usual = {
        "with": ["./mine.py"],
        "group_size": 4,
        "max_completion_length": 8,
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 1,
        "max_steps": 2,
        "seed": 3,
    }
    config = Config.model_validate(
        {"from": "problems", "model": "base", **usual, **settings}, context={"folder": folder}
    )
    base = folder / "base" if (folder / "base").exists() else tiny_model(folder / "base", "qwen2")
    source = problems(folder / "problems", questions)
    watch = Progress(Console(file=StringIO())).stage("zero")
    grpo.train(config, source, weights_at(str(base), Path()), folder / "zero", watch)
    return json.loads((folder / "zero" / "training.json").read_text())


Batch = tuple[list[str], list[str], list[float | None], list[float]]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """(prompts, completions, rewards, advantages) of each batch that is learned from."""
    batches: list[Batch] = []
    real = Grpo._finished

    def spy(self: Grpo, kept: Any, of_all: pl.DataFrame) -> Any:
        made = real(self, kept, of_all)
        said = self.processing_class.batch_decode(
            [ids[mask > 0] for ids, mask in zip(made["completion_ids"], made["completion_mask"], strict=True)],
            skip_special_tokens=True,
        )
        prompts = [self.prompts[at] for at in kept.table["at"]]
        batches.append((prompts, said, kept.table["reward"].to_list(), made["advantages"].tolist()))
        return made

    monkeypatch.setattr(Grpo, "_finished", spy)
    return batches


def letters(text: str) -> float:
    return sum("a" <= letter <= "z" for letter in text) / 16


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_rewards_are_the_verifiers(
    mine: Path, architecture: Architecture, judged: list[Batch], capfd: pytest.CaptureFixture
):
    tiny_model(mine / "base", architecture)
    capfd.readouterr()
    about = trained(mine, ["one?", "two?", "three?"])
    printed = capfd.readouterr()
    assert printed.out == "" and printed.err == ""
    assert (about["rows"], about["steps"], about["statuses"]) == (3, 2, {"mine": {"correct": 16}})
    assert about["pass_rate"]["mine"] == pytest.approx(sum(mean for _, mean in about["mine"]) / 2)
    assert len(judged) == 2
    for (prompts, completions, rewards, _), (_, mean) in zip(judged, about["reward"], strict=True):
        assert rewards == pytest.approx([letters(text) for text in completions])
        assert mean == pytest.approx(sum(rewards) / 8)
        assert len({str(prompt) for prompt in prompts}) == 2
    assert [step for step, _ in about["loss"]] == [step for step, _ in about["completion_length"]] == [1, 2]
    assert all(1 <= length <= 8 for _, length in about["completion_length"])
    assert sorted(path.name for path in (mine / "zero").iterdir()) == ["model", "rollouts", "training.json"]
    model = AutoModelForCausalLM.from_pretrained(mine / "zero" / "model")
    assert model.config.model_type == architecture
    before = AutoModelForCausalLM.from_pretrained(mine / "base").state_dict()
    assert any(not weight.equal(before[name]) for name, weight in model.state_dict().items())


def test_a_null_reward_neither_counts_as_zero_nor_moves_the_weights(mine: Path, judged: list[Batch]):
    about = trained(mine, ["null?", "null!"], max_steps=4, max_errors=1)
    nulls = 0
    for (_, _completions, rewards, advantages), (_, mean) in zip(judged, about["reward"], strict=True):
        decided = [reward for reward in rewards if reward is not None]
        nulls += 8 - len(decided)
        assert mean == pytest.approx(sum(decided) / len(decided))
        for group in (range(4), range(4, 8)):
            kept = [reward for at in group if (reward := rewards[at]) is not None]
            for at in group:
                if (reward := rewards[at]) is None:
                    assert advantages[at] == 0
                elif len(kept) > 1:
                    assert (advantages[at] > 0) == (reward > sum(kept) / len(kept)) or abs(advantages[at]) < 1e-3
    assert 0 < nulls == about["statuses"]["mine"]["timeout"]


def test_a_verifier_that_always_fails_ends_the_stage(mine: Path):
    with pytest.raises(
        StageError, match=r"mine decided too few of 8 rows \(8 error; the first: RuntimeError: broken\)"
    ):
        trained(mine, ["crash?", "crash!"])
    with pytest.raises(StageError, match=r"mine decided too few of 8 rows \(4 error; "):
        trained(mine, ["crash?", "fine?"], max_steps=1)
    assert not (mine / "zero" / "model").exists()


def test_rewards_of_several_verifiers_are_summed_and_null_when_one_is(mine: Path, judged: list[Batch]):
    about = trained(mine, ["null?", "one?"], **{"with": ["./mine.py", "format"]}, max_steps=2, max_errors=1)
    assert about["statuses"]["format"] == {"incorrect": 16}
    for prompts, completions, rewards, _ in judged:
        for prompt, text, reward in zip(prompts, completions, rewards, strict=True):
            undecided = "null" in prompt[0]["content"] and len(text.strip()) % 2
            assert (reward is None) == bool(undecided)
            assert undecided or reward == pytest.approx(letters(text))


def test_a_prefill_begins_the_completion_and_examples_stand_before_the_question(mine: Path, judged: list[Batch]):
    (mine / "shown.jsonl").write_text('{"question": "x?", "response": "y"}\n')
    seen: list[list[int]] = []
    real = Grpo._tokenize_prompts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Grpo, "_tokenize_prompts", lambda *a: (made := real(*a), seen.extend(made[0]))[0])
        trained(mine, ["one?", "two?"], prefill="abc <think>\n", examples="shown.jsonl", system="S", max_steps=1)
    tokenizer = AutoTokenizer.from_pretrained(mine / "base")
    assert {tokenizer.decode(ids) for ids in seen} == {
        f"<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nx?<|im_end|>\n<|im_start|>assistant\ny<|im_end|>\n"
        f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\nabc <think>\n"
        for question in ("one?", "two?")
    }
    for _, completions, rewards, _ in judged:
        assert rewards == pytest.approx([letters("abc <think>" + text) for text in completions])
    assert AutoTokenizer.from_pretrained(mine / "zero" / "model").chat_template == tokenizer.chat_template


def test_the_same_seed_gives_the_same_bytes(mine: Path):
    hashes = [
        trained(mine, ["one?", "two?"], max_steps=2, learning_rate=1e-3, seed=seed)["files"]["model.safetensors"][
            "sha256"
        ]
        for seed in (5, 5, 6)
    ]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("loss", ["dr_grpo", "dapo"])
def test_the_other_losses_run_on_a_model_without_a_template(mine: Path, loss: str, judged: list[Batch]):
    (tiny_model(mine / "base", "qwen2") / "chat_template.jinja").unlink()
    trained(mine, ["one?", "two?"], loss=loss, prompt="Q: {question}\nA:", prefill="<think>", max_steps=1, beta=0)
    assert {prompt for prompts, *_ in judged for prompt in prompts} == {"Q: one?\nA:\n<think>", "Q: two?\nA:\n<think>"}
    for _, _, rewards, advantages in judged:
        means = [sum(rewards[:4]) / 4] * 4 + [sum(rewards[4:]) / 4] * 4
        centred = [reward - mean for reward, mean in zip(rewards, means, strict=True)]
        assert all(reward is not None for reward in rewards)
        assert (advantages == pytest.approx(centred, abs=1e-6)) == (loss == "dr_grpo")


def test_fewer_problems_than_a_step_takes_are_said_before_a_model_is_loaded(mine: Path):
    with pytest.raises(StageError, match="a step takes 2 problems and there are 1"):
        trained(mine, ["one?"])


def test_a_group_that_does_not_divide_the_batch_is_a_mistake_in_the_recipe(mine: Path):
    (mine / "problems.jsonl").write_text('{"question": "one?", "answer": "a"}\n')
    tiny_model(mine / "base", "qwen2")
    recipe = mine / "recipe.yaml"
    recipe.write_text(
        "models:\n  base: {model: ./base}\nstages:\n  problems: {do: load, path: problems.jsonl}\n"
        "  zero: {do: grpo, from: problems, model: base, with: [./mine.py], group_size: 6,\n"
        "    per_device_train_batch_size: 4, gradient_accumulation_steps: 2}\n"
    )
    with pytest.raises(
        UserError, match=r"recipe.yaml:5: stages.zero.group_size: .* 4 x 2 = 8 rollouts, no multiple of 6"
    ):
        read_recipe(recipe)
