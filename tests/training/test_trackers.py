"""A tracker is told what the report draws, step by step, and goes on in the same place after a kill."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from datafactory.errors import StageError
from datafactory.stages.distill import Config
from datafactory.training.trackers import demand_account, reported

from .nursery import born, killed_after, ran
from .test_resume import SFT, begun, steps


def test_tensorboard_is_told_what_the_report_draws(tmp_path: Path):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    folder = begun(tmp_path, "distill")
    child = born(folder, "distill", {**SFT, "report_to": "tensorboard"})
    assert killed_after(child, lambda: 4 in steps(folder / "made/checkpoints"), 0)
    ran(folder, "distill", {**SFT, "report_to": ["tensorboard"]})
    read = accumulators.EventAccumulator(str(folder / "made/logs/made"))
    read.Reload()
    about = json.loads((folder / "made/training.json").read_text())
    for name, curve in {"train/loss": about["loss"], "train/grad_norm": about["grad_norm"]}.items():
        told = {event.step: event.value for event in read.Scalars(name)}
        assert told == pytest.approx(dict(curve)), name
    tokens = [event.value for event in read.Scalars("train/num_tokens")]
    assert tokens == sorted(set(tokens)), "counted on, and not from 0 again"
    assert not (folder / "made/runs").exists()


def config(*trackers: str) -> Config:
    return Config.model_validate({"from": "d", "model": "m", "report_to": list(trackers)}, context={"folder": Path()})


def test_wandb_without_an_account_is_said_before_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StageError, match="wandb knows no account here; `wandb login`"):
        demand_account(config("wandb"))
    demand_account(config("tensorboard"))
    (tmp_path / ".netrc").write_text("machine api.wandb.ai login user password x\n")
    demand_account(config("wandb"))
    (tmp_path / ".netrc").unlink()
    monkeypatch.setenv("WANDB_MODE", "offline")
    demand_account(config("wandb"))


def test_the_environment_is_as_it_was_afterwards(tmp_path: Path):
    before = dict(os.environ)
    with reported(config("wandb", "trackio"), tmp_path / "sft-1", []):
        assert os.environ["WANDB_DIR"] == os.environ["TRACKIO_DIR"] == str(tmp_path / "sft-1/logs")
        assert (os.environ["WANDB_RUN_ID"], os.environ["WANDB_RESUME"]) == ("sft-1", "allow")
    assert dict(os.environ) == before
    with reported(config(), tmp_path / "sft-2", []):
        assert dict(os.environ) == before
    assert not (tmp_path / "sft-2").exists()
