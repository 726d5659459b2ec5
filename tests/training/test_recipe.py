"""A trained stage is a model: a recipe from problems to a student and its scores, with nothing but files."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from datafactory.build import build, plan
from datafactory.errors import UserError
from datafactory.factory import make
from datafactory.progress import Progress
from datafactory.recipe import read_recipe
from tests.tiny import tiny_model

TEACHER = """
def answer(question, rollout, seed):
    a, b = (int(word) for word in question.rstrip("?").split(" + "))
    return f"<think>\\nI add {a} and {b}.\\n</think>\\n\\nThe answer is {a + b + rollout % 2}."
"""
MINE = '''
"""Mine: the gold answer stands in the response."""
from datafactory.types import Verdict

VERSION = 1

def verify(problem, completion, config):
    return Verdict.correct() if f" {problem.answer}." in completion.response else Verdict.incorrect()
'''
RECIPE = """name: whole
seed: 1
models:
  teacher: {engine: scripted, function: ./teacher.py}
  base: {model: ./base, device: cpu}
stages:
  problems: {do: load, path: problems.jsonl, limit: 10}
  test: {do: load, path: problems.jsonl, skip: 10}
  traces: {do: generate, from: problems, model: teacher, group_size: 4}
  checked: {do: verify, from: traces, with: [./mine.py]}
  accepted: {do: select, from: checked, where: mine = 1}
  dataset: {do: merge, from: [accepted]}
  student: {do: distill, from: dataset, model: base, epochs: 2, learning_rate: 1e-2, per_device_train_batch_size: 4,
    gradient_accumulation_steps: 1}
  further: {do: grpo, from: problems, model: student, with: [./mine.py, format], group_size: 4, max_steps: 1,
    per_device_train_batch_size: 8, gradient_accumulation_steps: 1, max_completion_length: 8}
  again: {do: generate, from: test, model: further, sampling: {max_tokens: 8}}
  scores: {do: evaluate, from: test, models: [base, student], with: [./mine.py], group_size: 2, sampling: {max_tokens: 8}}
"""


LEFT_OUT = {"traces", "checked", "accepted", "dataset", "student", "gradient_accumulation_steps", "again"}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    rows = [{"question": f"{n} + {n}?", "answer": 2 * n} for n in range(14)]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "teacher.py").write_text(TEACHER)
    (tmp_path / "mine.py").write_text(MINE)
    tiny_model(tmp_path / "base", "llama")
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return path


def test_a_trained_stage_works_wherever_a_model_does(recipe: Path):
    progress = Progress(Console(file=StringIO()))
    planned = plan(read_recipe(recipe), recipe.parent / "outputs")
    assert len(build(planned, progress)) == 10
    said = {name: step.dataset.manifest for name, step in planned.steps.items()}
    assert said["dataset"]["rows"] == 10, "two of four rollouts are right, and equal: one of each problem is left"
    assert (said["student"]["counts"]["rows"], said["student"]["counts"]["steps"]) == (10, 6)
    assert said["further"]["counts"]["statuses"]["mine"].keys() <= {"correct", "incorrect"}

    labels = {name: planned.models[name].label for name in ("base", "student", "further")}
    assert labels["student"].startswith("distill-") and labels["further"].startswith("grpo-")
    again = planned.steps["again"].dataset.scan().collect()
    assert again.height == 4 and set(again["model"]) == {labels["further"]}
    scored = planned.steps["scores"].dataset.scan().collect()
    counted = dict(scored.group_by("model").len().iter_rows())
    assert counted == {labels["base"]: 8, labels["student"]: 8}
    for found, name in zip(said["scores"]["counts"]["scores"], ("base", "student"), strict=True):
        own = scored.filter(pl.col("model") == labels[name])
        assert found["pass@1"] == own["mine"].mean() and found["completion_tokens"] == own["completion_tokens"].mean()

    manifest = planned.steps["student"].folder / "model" / "model.safetensors"
    assert said["student"]["counts"]["files"]["model.safetensors"]["bytes"] == manifest.stat().st_size
    published = make(recipe, recipe.parent / "outputs", progress).published
    for page in (published / "dataset" / "report.html", published / "report.html"):
        assert all(name in page.read_text() for name in ("student", "further", "completion length", "pass@1")), page


def test_a_recipe_without_a_dataset_has_a_report_of_its_models_too(recipe: Path):
    text = recipe.read_text()
    kept = [line for line in text.splitlines(keepends=True) if line.lstrip().split(":")[0] not in LEFT_OUT]
    recipe.write_text(
        "".join(kept)
        .replace("models: [base, student]", "models: [base, further]")
        .replace("model: student, ", "model: base, ")
    )
    progress = Progress(Console(file=StringIO()))
    planned = make(recipe, recipe.parent / "outputs", progress)
    page = (planned.published / "report.html").read_text()
    assert "1 model trained and 1 evaluation made" in page
    assert all(name in page for name in ("further", "pass@1", "completion length", "<svg"))


def test_a_setting_of_a_student_trains_it_and_what_follows_anew(recipe: Path):
    outputs = recipe.parent / "outputs"
    before = plan(read_recipe(recipe), outputs).steps
    after = plan(read_recipe(recipe, ("stages.student.epochs=3",)), outputs).steps
    changed = {name for name in before if before[name].fingerprint != after[name].fingerprint}
    assert changed == {"student", "further", "again", "scores"}
    moved = plan(read_recipe(recipe, ("stages.student.device=cpu",)), outputs).steps
    assert all(moved[name].fingerprint == before[name].fingerprint for name in before)


def test_a_dataset_is_no_model_and_a_script_has_no_weights(recipe: Path):
    text = recipe.read_text()
    recipe.write_text(text.replace("from: dataset, model: base", "from: dataset, model: traces"))
    with pytest.raises(UserError, match=r"recipe.yaml:13: stages.student.model: 'traces' makes a dataset, not a model"):
        read_recipe(recipe)
    recipe.write_text(text.replace("from: dataset, model: base", "from: dataset, model: teacher"))
    with pytest.raises(UserError, match=r"stages.student: 'teacher' has no weights to train on"):
        plan(read_recipe(recipe), recipe.parent / "outputs")
