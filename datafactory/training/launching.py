"""Launching: a training run here, or in several processes under accelerate, which tell this one how far they are.

    launch("datafactory.training.sft", config, source, weights, folder, progress)

calls `train` of that module with these arguments, in this process where one is enough. Otherwise `accelerate launch`
starts `worker.py` so often, with the arguments pickled; the worker's progress and its error become this process's.
Workers end with the process that launched them, however it ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from datafactory.errors import StageError
from datafactory.models import Weights
from datafactory.progress import StageProgress
from datafactory.tables import cannot_write
from datafactory.trainable import Trainable
from datafactory.training.processes import Together, devices, together
from datafactory.training.trackers import demand_account

TICK = 0.1
LOG = "training.log"


@dataclass(frozen=True)
class Call:
    """What a worker is to do, and where it tells of it; picklable."""

    module: str
    config: Trainable
    source: Any
    weights: Weights
    folder: Path
    more: tuple[Any, ...]
    name: str
    desk: Path


def launch(
    module: str, config: Trainable, source: Any, weights: Weights, folder: Path, progress: StageProgress, *more: Any
) -> None:
    """The training of that module; StageError as from the training itself."""
    demand_account(config)
    _demand_rollouts(config)
    shared = together(config)
    if not shared.file and devices(config) <= 1:
        import_module(module).train(config, source, weights, folder, progress, *more)
        return
    weights.fetch()  # once, and not by every worker
    with _desk(folder) as desk:
        call = Call(module, config, source, weights, folder, more, progress.name, desk)
        (desk / "call.pickle").write_bytes(pickle.dumps(call))
        command, environment = _command(config, shared, desk)
        if shared.machines > 1:
            at = command.index("--module")
            there = shlex.join([*command[:at], "--machine_rank", "1", *command[at:]])
            progress.note(f"waits for the other machines; on each, with its own rank: {there}")
        _watched(command, environment, folder, desk, progress)


def _demand_rollouts(config: Trainable) -> None:
    """StageError where vLLM is to write the rollouts and cannot."""
    if config.trl.get("use_vllm"):
        if find_spec("vllm") is None:
            raise StageError("use_vllm needs a package that is not installed: pip install 'datafactory[vllm]'")
        if not devices(config):
            raise StageError("use_vllm needs a GPU, which gives vLLM the weights after every step, and there is none")


def _command(config: Trainable, shared: Together, desk: Path) -> tuple[list[str], dict[str, str]]:
    """What starts the workers, and the environment they start in."""
    worker = ["--module", "datafactory.training.worker", str(desk / "call.pickle")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    if not shared.file:  # one of several GPUs: with all in sight, transformers would split every batch
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
        return [sys.executable, "-m", *worker[1:]], {**environment, "CUDA_VISIBLE_DEVICES": visible}
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(shared.file)]
    command += ["--num_processes", str(shared.processes)]
    if shared.machines == 1:
        command += ["--main_process_port", "0"]  # any that is free
    if not devices(config):
        threads = max(1, len(os.sched_getaffinity(0)) // shared.here)
        environment = {"OMP_NUM_THREADS": str(threads), **environment}
        environment |= {"ACCELERATE_USE_CPU": "true", "CUDA_VISIBLE_DEVICES": ""}
    return command + worker, environment


@contextmanager
def _desk(folder: Path) -> Iterator[Path]:
    """A folder where workers find their call and leave what they say; it is locked while this process lives."""
    desk = folder / f".launch.{os.getpid()}.tmp"
    try:
        desk.mkdir(parents=True)
        handle = os.open(desk / "alive", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise cannot_write(desk, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield desk
    finally:
        os.close(handle)
        shutil.rmtree(desk, ignore_errors=True)


def _watched(
    command: list[str], environment: dict[str, str], folder: Path, desk: Path, progress: StageProgress
) -> None:
    """The workers run to their end, what they tell handed on; StageError for the first that failed."""
    log = folder / LOG
    with log.open("wb") as stream:
        running = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
        )
    read = 0
    try:
        while True:
            ended = running.poll() is not None
            read = _hand_on(desk / "told.jsonl", read, progress)
            if ended:
                break
            time.sleep(TICK)
    finally:
        if running.poll() is None:
            _end(running)
    if running.returncode:
        raise _failure(desk, log, running.returncode)
    log.unlink(missing_ok=True)


def _hand_on(told: Path, read: int, progress: StageProgress) -> int:
    """The lines that a worker added, handed on; where the next begins."""
    if not told.exists():
        return read
    with told.open("rb") as stream:
        stream.seek(read)
        lines = stream.read()
    whole = lines[: lines.rfind(b"\n") + 1]
    for line in whole.splitlines():
        said, arguments = json.loads(line)
        if said == "latest":
            progress.latest = arguments
        else:
            getattr(progress, said)(**arguments)
    return read + len(whole)


def _end(running: subprocess.Popen[bytes]) -> None:
    """Ends the launcher, which ends its workers; by force where it does not."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(running.pid, sign)
            running.wait(10)
            return
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


def _failure(desk: Path, log: Path, code: int) -> StageError:
    """The error of the worker that failed first: where one ends, the others fail for want of it."""
    found = [json.loads(path.read_text()) for path in desk.glob("error-*.json")]
    if found:
        first = min(found, key=lambda error: (not error["plain"], error["time"]))
        if first["plain"]:
            log.unlink(missing_ok=True)
            return StageError(first["text"])
        return StageError(f"a process that trained failed: {first['text']}; all that they said is in {log}")
    why = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
    last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-1:]
    return StageError(f"the processes that trained ended {why}: {''.join(last)[:200]}; all that they said is in {log}")
