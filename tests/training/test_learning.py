"""Learning, not only running: SFT on what was verified and GRPO on true rewards raise held-out accuracy, others do not.

A question is a digit between two letters, and right is the digit. The teacher says the next digit six times in ten;
the start is a tiny model that was taught by it, unverified, and does so too. Each model is asked once for 200 questions
that none was trained on, at temperature 1, and has an exact 95 % interval (Clopper and Pearson 1934). Significant is
what keeps the intervals apart.
"""

from __future__ import annotations

import json
import math
import random
import string
from io import StringIO

import pytest
from rich.console import Console

from datafactory.build import Plan, build, plan
from datafactory.progress import Progress
from datafactory.recipe import read_recipe
from tests.tiny import tiny_model

TEACHER = """
import random

def answer(question, rollout, seed):
    digit = int(question[1])
    right = random.Random(f"{question} {rollout}").random() < 0.4
    return str(digit if right else (digit + 1) % 10)
"""
SHUFFLED = '''
"""Shuffled: the verdict on another rollout of the step, drawn at random."""
import random

from datafactory.verifiers import exact

VERSION = 1

def verify(problem, completion, config):
    raise TypeError("a rollout alone has no other")

def verify_all(pairs, config):
    verdicts = [exact.verify(problem, completion, exact.Config()) for problem, completion in pairs]
    random.Random(str(pairs)).shuffle(verdicts)
    return verdicts
'''
BATCH = "per_device_train_batch_size: 64, gradient_accumulation_steps: 1"
ROLLOUTS = "per_device_train_batch_size: 256, gradient_accumulation_steps: 1, group_size: 8, max_completion_length: 4"
TAUGHT = f"{BATCH}, max_length: 128, max_steps: 20, learning_rate: 5e-3"
# SGD, as Adam's steps are no shorter where the gradient is mere noise: by shuffled rewards the model would drift far
REWARDED = f"{ROLLOUTS}, max_steps: 32, learning_rate: 0.3, optim: sgd, beta: 0"
RECIPE = f"""name: learning
seed: 0
models:
  teacher: {{engine: scripted, function: ./teacher.py}}
  base: {{model: ./base, device: cpu}}
stages:
  problems: {{do: load, path: problems.jsonl, limit: 400}}
  held_out: {{do: load, path: problems.jsonl, skip: 1000, limit: 200}}
  traces: {{do: generate, from: problems, model: teacher, group_size: 2}}
  checked: {{do: verify, from: traces, with: [exact]}}
  accepted: {{do: select, from: checked, where: exact = 1}}
  verified: {{do: merge, from: [accepted]}}
  unverified: {{do: merge, from: [checked]}}
  start: {{do: sft, from: unverified, model: base, {BATCH}, max_length: 128, max_steps: 60, learning_rate: 1e-2}}
  taught: {{do: sft, from: verified, model: start, {TAUGHT}}}
  untaught: {{do: sft, from: unverified, model: start, {TAUGHT}}}
  rewarded: {{do: grpo, from: problems, model: start, with: [exact], {REWARDED}}}
  shuffled: {{do: grpo, from: problems, model: start, with: [./shuffled.py], {REWARDED}}}
  scores: {{do: evaluate, from: held_out, models: [start, taught, untaught, rewarded, shuffled], with: [exact],
    group_size: 1, sampling: {{temperature: 1, top_p: 1, max_tokens: 4}}}}
"""
MARGIN = 0.25  # of accuracy, between the ends of the intervals that face each other


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("learning")
    (folder / "teacher.py").write_text(TEACHER)
    (folder / "shuffled.py").write_text(SHUFFLED)
    (folder / "recipe.yaml").write_text(RECIPE)
    letters = string.ascii_lowercase
    questions = [f"{first}{digit}{last}" for first in letters for digit in range(10) for last in letters]
    random.Random(0).shuffle(questions)
    rows = [{"question": question, "answer": question[1]} for question in questions]
    (folder / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tiny_model(folder / "base", "qwen2")
    planned = plan(read_recipe(folder / "recipe.yaml"), folder / "outputs")
    build(planned, Progress(Console(file=StringIO())))
    return planned


@pytest.fixture(scope="module")
def intervals(built: Plan) -> dict[str, tuple[float, float]]:
    """The exact 95 % interval of each model's accuracy on the held-out questions."""
    scored = built.steps["scores"].dataset.scan().collect()
    found = {}
    for name in built.steps["scores"].stage.config.models:
        right = scored.filter(model=built.models[name].label)["exact"].to_list()
        assert len(right) == 200 and None not in right
        found[name] = exact(int(sum(right)), 200)
    return found


def exact(right: int, of: int) -> tuple[float, float]:
    """The shares under which no more than 2.5 % of draws would have so many right, and so few."""

    def at_least(count: int, share: float) -> float:
        return sum(math.comb(of, n) * share**n * (1 - share) ** (of - n) for n in range(count, of + 1))

    shares = [step / 1000 for step in range(1001)]
    low = max((share for share in shares if at_least(right, share) <= 0.025), default=0.0) if right else 0.0
    high = min(share for share in shares if 1 - at_least(right + 1, share) <= 0.025) if right < of else 1.0
    return low, high


def test_the_start_is_as_good_as_who_taught_it(intervals: dict[str, tuple[float, float]]):
    """There is something to learn and something to reward: between 20 and 50 % are right."""
    low, high = intervals["start"]
    assert low > 0.15 and high < 0.55


def test_sft_on_what_was_verified_raises_accuracy_and_on_what_was_not_does_not(
    intervals: dict[str, tuple[float, float]],
):
    assert intervals["taught"][0] > intervals["start"][1] + MARGIN
    assert intervals["taught"][0] > intervals["untaught"][1] + MARGIN
    assert intervals["untaught"][0] < intervals["start"][1]


def test_grpo_raises_accuracy_by_true_rewards(intervals: dict[str, tuple[float, float]]):
    assert intervals["rewarded"][0] > intervals["start"][1] + MARGIN


def test_the_rewards_of_others_are_the_true_ones_in_another_order(built: Plan):
    """The first rollouts of both runs are the same, and so is the sum of what they were given; none got nothing."""
    true, shuffled = (built.steps[name].dataset.manifest["counts"] for name in ("rewarded", "shuffled"))
    assert true["reward"][0] == shuffled["reward"][0]
    assert {share for _, share in shuffled["null_rewards"]} == {0.0}


def test_grpo_does_not_raise_accuracy_by_the_rewards_of_others(intervals: dict[str, tuple[float, float]]):
    assert intervals["shuffled"][0] < intervals["start"][1]
    assert intervals["shuffled"][1] + MARGIN < intervals["rewarded"][0]
