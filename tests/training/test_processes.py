"""Several processes train what one does, tell of it as one does, and end with the process that launched them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from datafactory.errors import StageError
from datafactory.models import Weights
from datafactory.progress import Progress
from datafactory.stages import grpo
from datafactory.trainable import SHIPPED
from datafactory.training.launching import LOG, _failure, launch
from datafactory.training.processes import Together
from datafactory.training.processes import together as decided
from tests.conftest import REPOSITORY

from .nursery import PATIENCE, born, killed_after, ran
from .standing_in import HERE, config, launched
from .test_resume import GRPO, VERIFIER, begun, made, steps

SFT = {
    "epochs": 2,
    "learning_rate": 1e-3,
    "per_device_train_batch_size": 3,
    "gradient_accumulation_steps": 2,
    "train_sampling_strategy": "group_by_length",
}


def test_two_processes_train_what_one_does(tmp_path: Path):
    one, two = begun(tmp_path / "one", "distill", 12), begun(tmp_path / "two", "distill", 12)
    ran(one, "distill", SFT)
    said = ran(two, "distill", {**SFT, "processes": 2})
    alone, together = made(one)["training.json"], made(two)["training.json"]
    assert together["steps"] == alone["steps"] == 4, said
    assert [value for _, value in together["loss"]] == pytest.approx([value for _, value in alone["loss"]], rel=1e-4)
    weights, same = (load_file(folder / "made/model/model.safetensors") for folder in (one, two))
    before = load_file(one / "base/model.safetensors")
    for name, weight in weights.items():
        assert weight.allclose(same[name], atol=2e-5), name
    assert any((weight - before[name]).abs().max() > 1e-3 for name, weight in weights.items())
    AutoModelForCausalLM.from_pretrained(two / "made/model")
    assert (two / "made/model/config.json").read_text() == (one / "made/model/config.json").read_text()


def together(folder: Path, settings: dict[str, Any]) -> list[Any]:
    """Two processes that a launcher has told of each other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    told = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "ACCELERATE_USE_CPU": "true"}
    return [born(folder, "grpo", settings, {**told, "RANK": rank, "LOCAL_RANK": rank}) for rank in ("0", "1")]


def test_two_processes_reinforce_one_model_and_go_on_after_a_kill(tmp_path: Path):
    """One of them never has a reward: the other's are enough."""
    whole, broken = begun(tmp_path / "whole", "grpo"), begun(tmp_path / "broken", "grpo")
    for folder in (whole, broken):
        blind = VERIFIER.replace("if len(text)", 'if os.environ["RANK"] == "1" or len(text)')
        (folder / "mine.py").write_text(blind.replace("from datafactory", "import os\nfrom datafactory"))
    settings = {**GRPO, "max_errors": 0.9}
    for child in together(whole, settings):
        child.join(PATIENCE)
        assert child.exitcode == 0, (whole / "error.txt").read_text()
    wanted = made(whole)
    told = wanted["training.json"]
    assert told["steps"] == 12
    assert sum(told["statuses"]["mine"].values()) == 12 * 8
    first, second = together(broken, settings)
    assert killed_after(first, lambda: 4 in steps(broken / "made/checkpoints"), 0)
    assert killed_after(second, lambda: True, 0)
    for child in together(broken, settings):
        child.join(PATIENCE)
        assert child.exitcode == 0, (broken / "error.txt").read_text()
    assert "goes on from the checkpoint of step" in (broken / "said.txt").read_text()
    assert made(broken)["training.json"] == told
    assert made(broken)["model/model.safetensors"] == wanted["model/model.safetensors"]


def test_the_first_error_of_a_worker_is_the_stages_and_its_progress_too(tmp_path: Path):
    said = Progress(Console(file=StringIO())).stage("student")
    with pytest.raises(StageError) as failed:
        launched(tmp_path / "made", "fails", said)
    assert str(failed.value) == "no gold answer is readable"
    assert (said.rows, said.total, said.unit, said.tokens) == (2, 8, "steps", 5)
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["pid-0", "pid-1"]


def test_an_error_that_nobody_foresaw_leaves_what_the_workers_said(tmp_path: Path):
    (tmp_path / "training.log").write_text("Traceback\nRuntimeError: out of memory\n")
    assert "ended by signal SIGKILL: RuntimeError: out of memory; all" in str(_failure(tmp_path, tmp_path / LOG, -9))
    errors = [("RuntimeError: connection closed", False, 2), ("ValueError: no such thing", False, 1)]
    for rank, (text, plain, when) in enumerate(errors):
        (tmp_path / f"error-{rank}.json").write_text(json.dumps({"text": text, "plain": plain, "time": when}))
    assert "failed: ValueError: no such thing; all that they said is in" in str(_failure(tmp_path, tmp_path / LOG, 1))
    (tmp_path / "error-2.json").write_text(json.dumps({"text": "no rows", "plain": True, "time": 3}))
    assert str(_failure(tmp_path, tmp_path / LOG, 1)) == "no rows"


def test_workers_end_with_what_launched_them(tmp_path: Path):
    script = (
        "from pathlib import Path; from datafactory.progress import Progress; from tests.training.standing_in import launched\n"
        f"launched(Path({str(tmp_path / 'made')!r}), 'waits', Progress().stage('student'))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    files = [tmp_path / "made" / f"pid-{rank}" for rank in range(2)]
    until = time.monotonic() + PATIENCE
    while not all(file.exists() and file.read_text() for file in files):
        assert parent.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    parent.kill()
    parent.wait(30)
    until = time.monotonic() + 30
    while any(running(int(file.read_text())) for file in files):
        assert time.monotonic() < until, "a worker outlived what launched it"
        time.sleep(0.05)


def running(process: int) -> bool:
    try:
        os.kill(process, 0)
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_what_cannot_be_shared_is_said_before_a_model_is_loaded(tmp_path: Path):
    def refused(**settings: Any) -> str:
        with pytest.raises(StageError) as failed:
            launch("no.module", config(**settings), None, Weights("base", "x", lambda: 1 / 0), tmp_path, None)
        return str(failed.value)

    assert "3 processes cannot share gradient_accumulation_steps 4" in refused(processes=3)
    assert "fsdp" not in SHIPPED or "over GPUs, and there is none; on a CPU use ddp" in refused(accelerate="fsdp")
    assert "pip install deepspeed" in refused(accelerate="deepspeed_zero3")
    (tmp_path / "mine.yaml").write_text("num_procs: 3\n")
    assert f"{tmp_path / 'mine.yaml'} is no config file of accelerate" in refused(
        accelerate=str(tmp_path / "mine.yaml")
    )
    for told, said in (
        (
            "num_processes: -1\ndistributed_type: MULTI_GPU",
            "mine.yaml: num_processes should be a whole number from 1 on, not -1",
        ),
        (
            "num_processes: 2\ndistributed_type: MULTI_CPU",
            "accelerate starts one process for distributed_type MULTI_CPU",
        ),
    ):
        (tmp_path / "mine.yaml").write_text(told)
        assert said in refused(accelerate=str(tmp_path / "mine.yaml"))
    values = {"from": "d", "model": "m", "with": ["format"], "device": "cpu", "use_vllm": True}
    learner = grpo.Config.model_validate(values, context={"folder": Path()})
    with pytest.raises(StageError, match="use_vllm needs "):
        launch("no.module", learner, None, HERE, tmp_path, None)


def test_an_accelerate_file_of_ones_own_says_how_many(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("num_processes: 4\nnum_machines: 2\ndistributed_type: MULTI_GPU\n")
    assert decided(config(accelerate=str(file))) == Together(4, file, 2, "ddp")
    assert decided(config(accelerate=str(file), processes=2)) == Together(2, file, 2, "ddp")
    assert decided(config(processes=2)) == Together(2, SHIPPED["ddp"], 1, "ddp")
    assert (decided(config()), decided(config(processes=1))) == (Together(), Together())


@pytest.mark.parametrize("name", SHIPPED)
def test_accelerate_reads_the_configs_that_are_shipped(name: str):
    from accelerate.commands.config.config_args import load_config_from_file

    read = load_config_from_file(str(SHIPPED[name]))
    told = yaml.safe_load(SHIPPED[name].read_text())
    assert read.distributed_type == told["distributed_type"]
    assert str(read.mixed_precision) == "no", "the stage's dtype decides"
