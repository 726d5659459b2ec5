"""A training that is killed and started again ends in the very bytes of one that was not."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datafactory.store import Draft
from tests.tiny import tiny_model

from .nursery import PATIENCE, born, killed_after, ran

VERIFIER = '''
"""Mine: the share of small letters in what was written; undecided for every fifth length."""
from datafactory.types import Verdict

VERSION = 1

def verify(problem, completion, config):
    text = (completion.reasoning or "") + completion.response
    if len(text) % 5 == 0:
        return Verdict.undecided("timeout")
    return Verdict.correct(reward=sum("a" <= letter <= "z" for letter in text) / 16)
'''
SFT = {
    "epochs": 3,
    "learning_rate": 1e-2,
    "per_device_train_batch_size": 2,
    "gradient_accumulation_steps": 2,
    "weight_decay": 0.1,
    "train_sampling_strategy": "group_by_length",
    "save_steps": 2,
}
GRPO = {
    "with": ["./mine.py"],
    "group_size": 4,
    "max_completion_length": 8,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 2,
    "epochs": 4,
    "learning_rate": 1e-2,
    "beta": 0.1,
    "ref_model_sync_steps": 3,
    "max_errors": 1,
    "save_steps": 2,
}

KINDS = {"distill": SFT, "grpo": GRPO}


def begun(folder: Path, kind: str, count: int = 13) -> Path:
    """A folder with a base, a verifier and what that kind of stage reads."""
    tiny_model(folder / "base", "qwen2")
    (folder / "mine.py").write_text(VERIFIER)
    draft = Draft(folder / "source")
    numbers = range(count if kind == "distill" else 6)
    rows: list[dict[str, Any]] = [{"problem_id": f"p{n}", "question": f"{n} and {n}?", "answer": "a"} for n in numbers]
    if kind == "distill":
        rows = [
            {
                "problem_id": f"p{n}",
                "problem": f"{n} and {n}?",
                "choices": None,
                "domain": None,
                "source": None,
                "reasoning": "I add them. " * (1 + n % 5),
                "response": f"It is {n + n}.",
                "messages": [{"role": "user", "content": "x"}],
            }
            for n in numbers
        ]
    kinds = {"choices": pl.List(pl.String), "domain": pl.String, "source": pl.String} if kind == "distill" else {}
    draft.write(0, pl.DataFrame(rows, schema_overrides=kinds))
    draft.finish(1, {"stage": "load", "fingerprint": "x"})
    return folder


def made(folder: Path) -> dict[str, Any]:
    """All that a stage left, its files' bytes and what is told of them; nothing of the training is beside them."""
    files = {
        path.relative_to(folder / "made").as_posix(): path for path in (folder / "made").rglob("*") if path.is_file()
    }
    found: dict[str, Any] = {name: path.read_bytes() for name, path in files.items() if name != ".lock"}
    assert "model/model.safetensors" in found and not [name for name in found if "checkpoint" in name or ".tmp" in name]
    found["training.json"] = json.loads(found["training.json"])
    found["training.json"].pop("planned_hours", None)  # as fast as the machine was then
    return found


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """What the training of a kind leaves that nobody killed and that made no checkpoint."""

    @cache
    def found(kind: str) -> dict[str, Any]:
        folder = begun(tmp_path_factory.mktemp("whole"), kind)
        assert "checkpoint" not in ran(folder, kind, {**KINDS[kind], "save_steps": 1000})
        assert made(folder)["training.json"]["steps"] == 12
        return made(folder)

    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_killed_again_and_again_ends_in_the_same_bytes(
    tmp_path: Path, kind: str, uninterrupted: Callable[[str], dict[str, Any]]
):
    broken, settings, wanted = begun(tmp_path, kind), KINDS[kind], uninterrupted(kind)

    stream, checkpoints = random.Random(1), broken / "made/checkpoints"
    for reached in (2, 10):  # in the middle of the first epoch and of the last, after the reference was renewed
        child = born(broken, kind, settings)
        assert killed_after(
            child, lambda least=reached: max(steps(checkpoints), default=0) >= least, stream.uniform(0, 0.03)
        ), (broken / "error.txt").read_text()
    said = ran(broken, kind, settings)
    went_on = [line for line in said.splitlines() if "goes on from the checkpoint of step" in line]
    assert len(went_on) == 1
    found = made(broken)
    assert found["training.json"] == wanted["training.json"]
    assert [name for name in wanted | found if found.get(name) != wanted.get(name)] == []


def steps(checkpoints: Path) -> list[int]:
    """The steps whose checkpoints are whole."""
    return [int(path.parent.name.partition("-")[2]) for path in checkpoints.glob("checkpoint-*/whole.json")]


def test_a_torn_checkpoint_is_passed_over(tmp_path: Path, uninterrupted: Callable[[str], dict[str, Any]]):
    broken = begun(tmp_path, "distill")
    checkpoints = broken / "made/checkpoints"
    child = born(broken, "distill", SFT)
    assert killed_after(child, lambda: 6 in steps(checkpoints), 0)
    (last,) = [n for n in (6, 8, 10) if n in steps(checkpoints)][-1:]
    newest = checkpoints / f"checkpoint-{last}"
    shutil.rmtree(checkpoints / f"checkpoint-{last + 2}", ignore_errors=True)
    marked = json.loads((newest / "whole.json").read_text())["files"]
    there = {path.relative_to(newest).as_posix(): path for path in newest.rglob("*") if path.is_file()}
    assert marked == {name: path.stat().st_size for name, path in there.items() if name != "whole.json"}
    unmarked, truncated, lacking = (checkpoints / f"checkpoint-{last + n}" for n in (1, 2, 3))
    for torn in (unmarked, truncated, lacking):
        shutil.copytree(newest, torn)
    (unmarked / "whole.json").unlink()
    weights = (truncated / "model.safetensors").read_bytes()
    (truncated / "model.safetensors").write_bytes(weights[:-1])
    (lacking / "optimizer.pt").unlink()
    assert f"goes on from the checkpoint of step {last}\n" in ran(broken, "distill", SFT)
    assert made(broken) == uninterrupted("distill")


def test_a_checkpoint_that_cannot_be_written_is_one_line(tmp_path: Path):
    folder = begun(tmp_path, "distill")
    child = born(folder, "distill", SFT, {"LARGEST": "100000"})
    child.join(PATIENCE)
    assert child.exitcode == 1
    said = (folder / "error.txt").read_text()
    assert re.match(rf"StageError: cannot write {folder}/made/checkpoints: .*file too large.*kept$", said, re.I), said
    assert "\n" not in said


def test_a_checkpoint_of_another_training_is_not_gone_on_from(tmp_path: Path):
    folder = begun(tmp_path, "distill")
    child = born(folder, "distill", SFT)
    assert killed_after(child, lambda: 4 in steps(folder / "made/checkpoints"), 0)
    child = born(folder, "distill", {**SFT, "learning_rate": 2e-2})
    child.join(PATIENCE)
    said = (folder / "error.txt").read_text()
    assert re.search(r"checkpoint-\d+ was made with learning_rate 0.01, and it is 0.02 now; remove .*checkpoints", said)
    for mark in (folder / "made/checkpoints").glob("checkpoint-*/whole.json"):
        told = json.loads(mark.read_text())
        told["packages"]["trl"] = "1.2.3"
        mark.write_text(json.dumps(told))
    said = ran(folder, "distill", SFT)
    assert "made with trl 1.2.3: it will not end in the very same weights" in said
