"""What GRPO rewards: an expression over verifiers, filters, judges and reward models, in steps that seed decides."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from datafactory.build import build, plan
from datafactory.errors import StageError
from datafactory.progress import Progress
from datafactory.recipe import read_recipe
from datafactory.rewarding import Overlong
from datafactory.training.grpo_trainer import Grpo
from datafactory.training.phases import Rounds, fresh, rounds, schedule
from datafactory.training.replacing import replaced
from datafactory.training.reward_model import Scorer
from datafactory.training.rewards import overlong
from datafactory.types import Message
from tests.conftest import write_rows
from tests.judges.scenes import HONEST
from tests.tiny import tiny_model
from tests.training.test_grpo import Batch, judged, letters, mine, trained  # noqa: F401  fixtures

SAME = '''
"""The share of small letters, but the same for each rollout of a question that says so."""
from datafactory.types import Verdict

VERSION = 1

def verify(problem, completion, config):
    if "never" in problem.question:
        return Verdict.undecided("undecidable_gold", "unreadable")
    if "right" in problem.question:
        return Verdict.correct()
    text = (completion.reasoning or "") + completion.response
    return Verdict.correct(reward=sum("a" <= letter <= "z" for letter in text) / 16)
'''


@pytest.fixture
def same(mine: Path) -> Path:  # noqa: F811
    (mine / "same.py").write_text(SAME)
    return mine


def kept(folder: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted((folder / "zero" / "rollouts").iterdir())])


# --- the order of problems


def test_an_epoch_has_every_problem_once_and_general_rows_only_in_the_last_steps():
    divided = rounds(10, 5, steps=1, epochs=3, max_steps=-1)
    assert divided == Rounds(6, 5, 1)
    order = schedule(divided, range(10), range(10, 14), last_steps=2, seed=1)
    for start in (0, 10):
        assert sorted(order[start : start + 10]) == list(range(10))
    assert order[:10] != order[10:20]
    assert set(order[:20]) <= set(range(10)) and set(order[20:]) & {10, 11, 12, 13}
    assert order == schedule(divided, range(10), range(10, 14), last_steps=2, seed=1)
    assert order != schedule(divided, range(10), range(10, 14), last_steps=2, seed=2)
    assert all(len(set(order[at : at + 5])) == 5 for at in range(0, 30, 5))
    # two steps of each round: the last three steps are in the last two rounds
    order = schedule(Rounds(4, 5, 2), range(10), range(10, 40), last_steps=3, seed=1)
    assert [max(order[at : at + 5]) >= 10 for at in range(0, 20, 5)] == [False, False, True, True]
    assert max(schedule(divided, range(10), range(10, 14), last_steps=None, seed=1)[:5]) >= 10


def test_steps_are_rounded_up_to_whole_rounds():
    assert rounds(10, 4, steps=16, epochs=1, max_steps=-1) == Rounds(2, 4, 16)
    assert rounds(10, 4, steps=16, epochs=1, max_steps=20) == Rounds(2, 4, 16)
    assert rounds(10, 4, steps=1, epochs=0.5, max_steps=-1).count == 1


def test_fresh_problems_are_others_and_the_same_again():
    found = fresh(range(10), {0, 1, 2}, 4, seed=3, place=7, attempt=0)
    assert len(set(found)) == 4 and not set(found) & {0, 1, 2}
    assert found == fresh(range(10), {0, 1, 2}, 4, seed=3, place=7, attempt=0)
    assert found != fresh(range(10), {0, 1, 2}, 4, seed=3, place=7, attempt=1)
    assert found != fresh(range(10), {0, 1, 2}, 4, seed=3, place=9, attempt=0)
    assert sorted(fresh(range(4), {0, 1}, 9, seed=3, place=7, attempt=0)) == [2, 3]


def test_replaced_rows_are_padded_on_their_own_side():
    def made(start: int, prompt: int, said: int) -> dict[str, Any]:
        return {
            "prompt_ids": torch.full((2, prompt), start),
            "prompt_mask": torch.ones(2, prompt),
            "completion_ids": torch.full((2, said), start + 1),
            "completion_mask": torch.ones(2, said),
            "ref_per_token_logps": torch.full((2, said), -0.5),
            "advantages": torch.tensor([0.0, 1.0]) + start,
            "num_items_in_batch": torch.tensor(4),
        }

    found = replaced(made(10, 2, 3), made(20, 3, 2), rows=[0], by=[1], pad=9)
    assert found["prompt_ids"].tolist() == [[20, 20, 20], [9, 10, 10]]
    assert found["prompt_mask"].tolist() == [[1, 1, 1], [0, 1, 1]]
    assert found["completion_ids"].tolist() == [[21, 21, 9], [11, 11, 11]]
    assert found["completion_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert found["ref_per_token_logps"].tolist() == [[-0.5, -0.5, 0], [-0.5, -0.5, -0.5]]
    assert found["advantages"].tolist() == [21, 11]


# --- what is rewarded


def test_the_overlong_penalty_is_dapo_s():
    found = [overlong(length, 20_480, Overlong(buffer=4096)) for length in (1, 16_384, 18_432, 20_480)]
    assert found == [0, 0, -0.5, -1]
    assert overlong(18_432, 20_480, Overlong(buffer=4096, weight=0.5)) == -0.25


def test_a_reward_is_an_expression_over_verifiers_and_filters(same: Path, judged: list[Batch]):  # noqa: F811
    about = trained(
        same,
        ["one?", "two?"],
        measure=["language_consistency", {"wordy": {"filter": "length", "unit": "characters"}}],
        reward="CASE WHEN question = 'one?' THEN mine ELSE 2 * mine + 1 END",
        overlong={"buffer": 4, "weight": 0.5},
    )
    for prompts, completions, rewards, _ in judged:
        for prompt, text, reward in zip(prompts, completions, rewards, strict=True):
            plain = letters(text) if prompt[-1]["content"] == "one?" else 2 * letters(text) + 1
            assert reward is not None and -0.5 <= reward - plain <= 0
    rows = kept(same)
    assert rows["overlong"].to_list() == [
        -0.5 * max(0, length + (end == "stop") - 4) / 4
        for length, end in rows.select("completion_tokens", "finish_reason").rows()
    ]
    plain = rows.select(
        pl.when(pl.col("question") == "one?").then("mine").otherwise(2 * pl.col("mine") + 1)
    ).to_series()
    assert rows["reward"].to_list() == pytest.approx((plain + rows["overlong"]).to_list())
    assert rows["overlong"].min() < 0
    assert rows["wordy"].to_list() == [len(text) for text in rows["response"]]
    assert {"language_consistency", "wordy", "mine", "overlong", "truncated", "entropy", "kl"} <= about.keys()


def test_what_is_logged_is_what_was_said(same: Path):
    about = trained(same, ["right?", "one, but wrong?"], per_device_train_batch_size=8, max_steps=1, keep_rollouts=100)
    rows = kept(same)
    assert rows.columns[:4] == ["step", "prompt", "problem_id", "question"] and rows.height == 4
    ((_, accuracy),) = about["accuracy"]
    assert accuracy in (0, 0.5) or 0 < accuracy <= 1
    assert [
        name for name in ("reward", "loss", "reflective_words", "degenerate_groups", "truncated") if name not in about
    ] == []
    assert about["null_rewards"] == [[1, 0.0]] and about["degenerate_groups"][0][1] in (0.0, 0.5)
    advantage = rows["advantage"].to_numpy()
    spread = rows["reward"].to_numpy()
    assert advantage == pytest.approx((spread - spread.mean()) / (spread.std() or 1), abs=1e-6)


def test_so_many_rollouts_are_kept_in_whole_groups(same: Path):
    trained(same, ["one?", "two?"], max_steps=6, keep_rollouts=8)
    assert kept(same).group_by("step", maintain_order=True).len().rows() == [(1, 4), (4, 4)]
    trained(same, ["one?", "two?"], max_steps=1, keep_rollouts=0, seed=9)
    assert kept(same).height == 8  # of before


def test_text_where_a_reward_needs_a_number_is_said_before_a_model_is_loaded(same: Path):
    (same / "base").mkdir()
    (same / "base" / "config.json").write_text("{}")  # nothing that could be loaded
    with pytest.raises(StageError, match=r"reward: 'mine \+ answer' cannot be made of these columns: .*'answer'"):
        trained(same, ["one?", "two?"], reward="mine + answer")
    with pytest.raises(StageError, match="the model .* cannot be loaded"):
        trained(same, ["one?", "two?"], reward="CASE WHEN answer = 'a' THEN mine ELSE 0 END")


def test_what_is_learned_from_twice_takes_twice_the_steps(same: Path, judged: list[Batch]):  # noqa: F811
    about = trained(same, ["one?", "two?", "three?", "four?"], num_iterations=2, max_steps=-1)
    assert about["steps"] == 4
    assert sorted(prompt[-1]["content"] for prompts, *_ in judged for prompt in prompts[::4]) == [
        *("four?", "one?", "three?", "two?")
    ]


# --- dynamic sampling


def test_groups_that_tell_nothing_give_way_to_fresh_problems(same: Path, judged: list[Batch]):  # noqa: F811
    questions = ["right 1?", "right 2?", "right 3?", "one?", "two?", "three?"]
    usual = {"with": ["./same.py"], "max_steps": 3, "beta": 0.01}
    plain = trained(same, questions, **usual)
    before = [[prompt[-1]["content"] for prompt in prompts] for prompts, *_ in judged]
    judged.clear()
    about = trained(same, questions, dynamic_sampling=9, **usual)
    after = [[prompt[-1]["content"] for prompt in prompts] for prompts, *_ in judged]
    for step, (old, new) in enumerate(zip(before, after, strict=True)):
        assert not any("right" in question for question in new)
        assert set(Counter(new).values()) == {4}
        assert [question for question in new if question in old] == [q for q in old if "right" not in q]
        lost = sum("right" in question for question in old) / 8
        assert about["replaced_groups"][step] == [step + 1, lost]
    assert any("right" in question for old in before for question in old)
    assert (
        sum(share for _, share in about["degenerate_groups"])
        > 0
        < sum(share for _, share in plain["degenerate_groups"])
    )
    assert all(any(advantages) for *_, advantages in judged)


def test_what_cannot_be_replaced_is_kept_without_an_advantage(same: Path, judged: list[Batch]):  # noqa: F811
    about = trained(
        same, ["right 1?", "right 2?", "right 3?"], dynamic_sampling=2, max_steps=1, **{"with": ["./same.py"]}
    )
    assert about["replaced_groups"] == [[1, 0.0]] and about["degenerate_groups"] == [[1, 1.0]]
    assert about["statuses"]["same"] == {"correct": 8 + 4}  # the one other problem, once
    assert not any(judged[0][3])


# --- nothing decided


def test_a_step_of_which_nothing_is_decided_moves_neither_weights_nor_momentum(
    same: Path, monkeypatch: pytest.MonkeyPatch
):
    weights: list[tuple[float, torch.Tensor]] = []
    real = Grpo._compute_loss

    def spy(self: Grpo, model: Any, inputs: Any) -> Any:
        weights.append((float(inputs["decided"]), torch.cat([each.detach().flatten() for each in model.parameters()])))
        return real(self, model, inputs)

    monkeypatch.setattr(Grpo, "_compute_loss", spy)
    usual = {"per_device_train_batch_size": 4, "learning_rate": 1e-3, "weight_decay": 0.1, "max_steps": 8}
    about = trained(same, ["never?", "one?", "two?"], **{"with": ["./same.py"]}, **usual)
    assert {share for share, _ in weights} == {0.0, 1.0}
    for (share, before), (_, after) in pairwise(weights):
        assert before.equal(after) == (share == 0)
    idle = [step for step, (share, _) in enumerate(weights, 1) if not share]
    assert not {step for step, _ in about["reward"] + about["kl"] + about["entropy"]} & set(idle)
    assert [step for step, share in about["null_rewards"] if share] == idle


def test_rewards_that_are_never_decided_end_the_training(same: Path):
    with pytest.raises(StageError, match="no reward could be decided, of all rollouts of 6 problems: "):
        trained(same, ["never 1?", "never 2?"], max_steps=3, **{"with": ["./same.py"]})


# --- killed


def test_a_killed_training_goes_on_to_the_same_end(same: Path, monkeypatch: pytest.MonkeyPatch):
    questions = ["right 1?", "right 2?", "one?", "two?", "never?"]
    usual = {
        "with": ["./same.py"],
        "max_steps": 6,
        "dynamic_sampling": 2,
        "ref_model_sync_steps": 2,
        "per_device_train_batch_size": 4,
        "generation_batch_size": 8,
        "learning_rate": 1e-2,
        "save_steps": 1,
    }
    whole = trained(same, questions, **usual)
    samples = kept(same)
    (same / "zero").rename(same / "uninterrupted")
    real = Grpo._compute_loss

    def dies(self: Grpo, *arguments: Any) -> Any:
        if self.state.global_step == 3:  # in the midst of what a sampling is shared out to
            raise KeyboardInterrupt
        return real(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Grpo, "_compute_loss", dies)
        with pytest.raises(KeyboardInterrupt):
            trained(same, questions, **usual)
    assert [path.name for path in (same / "zero" / "checkpoints").glob("checkpoint-*")] == ["checkpoint-2"]
    assert trained(same, questions, **usual) == whole
    assert kept(same).equals(samples)


# --- all scenarios


@pytest.fixture
def scenarios(same: Path) -> Path:
    """A recipe with problems, general rows, a judge and two reward models."""
    tiny_model(same / "base", "qwen2")
    config = AutoConfig.from_pretrained(same / "base", num_labels=1)
    for name in ("helpful", "safe"):
        torch.manual_seed(len(name))
        AutoModelForSequenceClassification.from_config(config).save_pretrained(same / name)
        AutoTokenizer.from_pretrained(same / "base").save_pretrained(same / name)
    write_rows(same / "problems.jsonl", [{"question": f"{n}?", "answer": "a"} for n in range(4)])
    write_rows(same / "chat.jsonl", [{"question": f"Hi {n}", "answer": "x"} for n in range(4)])
    (same / "referee.py").write_text(
        HONEST + "\ndef reply(messages, rollout, seed):\n"
        "    return says(messages, readable=5, coherent=4, friendly=1 + len(fields(messages)['response']) % 5)\n"
    )
    return same


RECIPE = """name: all
seed: 3
models:
  base: {model: ./base}
  helpful: {model: ./helpful}
  safe: {model: ./safe}
  referee: {engine: scripted, function: ./referee.py, batch_size: 4}
stages:
  problems: {do: load, path: problems.jsonl}
  chat: {do: load, path: chat.jsonl}
  zero:
    do: grpo
    from: problems
    model: base
    prompt: "Think first. {question}"
    with: [./same.py, format]
    judges: {with: [clarity], model: referee}
    reward: same + format + 0.1 * COALESCE(clarity, 3)
    general:
      from: chat
      reward_models: {helpfulness: {model: helpful}, safety: {model: safe, of: completion}}
      reward: COALESCE(helpfulness, -1) + safety + format
      last_steps: 2
    group_size: 4
    max_completion_length: 8
    per_device_train_batch_size: 16
    gradient_accumulation_steps: 1
    max_steps: 4
    report_to: []
"""


def test_rl_for_all_scenarios_from_a_recipe(
    scenarios: Path,
    judged: list[Batch],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
):
    graded: list[list[Message]] = []
    real = Scorer.rewards
    monkeypatch.setattr(Scorer, "rewards", lambda self, turns, said: graded.extend(turns) or real(self, turns, said))
    (scenarios / "recipe.yaml").write_text(RECIPE)
    planned = plan(read_recipe(scenarios / "recipe.yaml"), scenarios / "outputs")
    with Progress() as progress:
        build(planned, progress)
    general = [["Hi" in str(prompt) for prompt in prompts] for prompts, *_ in judged]
    assert all(prompt[-1]["content"].startswith("Think first. ") for prompts, *_ in judged for prompt in prompts)
    # what a reward model learned from has no prompt around the question
    assert graded and {str(turns) for turns in graded} <= {
        str([{"role": "user", "content": f"Hi {n}"}]) for n in range(4)
    }
    assert [any(rows) for rows in general] == [False, False, True, True]
    assert not all(general[2]) or not all(general[3])
    folder = planned.steps["zero"].folder
    rows = pl.concat([pl.read_parquet(path) for path in sorted((folder / "rollouts").iterdir())], how="diagonal")
    reasoning, chatting = (rows.filter(pl.col("question").str.starts_with("Hi") == kind) for kind in (False, True))
    assert reasoning["clarity_status"].is_in(["scored", "no_verdict"]).all()
    wanted = reasoning.select(pl.col("same") + pl.col("format") + 0.1 * pl.col("clarity").fill_null(3)).to_series()
    assert reasoning["reward"].to_list() == pytest.approx(wanted.to_list())
    about = planned.steps["zero"].dataset.manifest["counts"]
    assert {step for name in ("helpfulness", "safety") for step, _ in about[name]} == {3, 4}
    assert [step for step, _ in about["clarity"]] == [1, 2, 3, 4]
    assert sum(about["statuses"]["same"].values()) == sum(not kind for step in general for kind in step)
    if chatting.height:
        assert chatting["same"].null_count() == chatting["clarity"].null_count() == chatting.height
    again = plan(read_recipe(scenarios / "recipe.yaml"), scenarios / "outputs")
    assert again.steps["zero"].state == "finished"


def test_the_reward_models_weights_are_part_of_what_a_training_is(scenarios: Path):
    (scenarios / "recipe.yaml").write_text(RECIPE)
    before = plan(read_recipe(scenarios / "recipe.yaml"), scenarios / "outputs").steps["zero"].fingerprint
    (scenarios / "recipe.yaml").write_text(RECIPE.replace("safety: {model: safe", "safety: {model: helpful"))
    assert plan(read_recipe(scenarios / "recipe.yaml"), scenarios / "outputs").steps["zero"].fingerprint != before
    (scenarios / "recipe.yaml").write_text(RECIPE.replace("max_steps: 4", "max_steps: 4\n    keep_rollouts: 8"))
    assert plan(read_recipe(scenarios / "recipe.yaml"), scenarios / "outputs").steps["zero"].fingerprint == before
    assert json.dumps(read_recipe(scenarios / "recipe.yaml").stages["zero"].models)  # names, to be resolved
