"""Trackers: tensorboard, trackio and wandb, told of every step if a recipe asks for them; by default nobody is.

Logs stand in the stage's folder under `logs`, or in `logging_dir`. A training that is started again goes on in the same
run.
"""

from __future__ import annotations

import netrc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from datafactory.errors import StageError
from datafactory.tables import cannot_write
from datafactory.trainable import Trainable

QUIET = {"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false", "GRADIO_ANALYTICS_ENABLED": "False"}


def demand_account(config: Trainable) -> None:
    """StageError for wandb without an account: it would ask at a prompt that nobody sees."""
    if "wandb" not in config.report_to or os.environ.get("WANDB_MODE") in ("offline", "disabled", "dryrun"):
        return
    if not os.environ.get("WANDB_API_KEY") and not _logged_in():
        raise StageError("wandb knows no account here; `wandb login`, set WANDB_API_KEY, or WANDB_MODE=offline")


def _logged_in() -> bool:
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    file = os.environ.get("NETRC") or Path("~/.netrc").expanduser()  # named: unnamed, others may not be able to read it
    try:
        return netrc.netrc(file).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


@contextmanager
def reported(config: Trainable, folder: Path, callbacks: Sequence[Any]) -> Iterator[None]:
    """The environment in which the trackers keep their logs where they belong, put back afterwards."""
    if not config.report_to:
        yield
        return
    logs = Path(config.logging_dir).expanduser().resolve() if config.logging_dir else folder / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(logs, error) from error
    wanted = {
        **QUIET,
        "TRACKIO_DIR": str(logs),
        "WANDB_DIR": str(logs),
        "WANDB_RUN_ID": os.environ.get("WANDB_RUN_ID", folder.name),
        "WANDB_RESUME": "allow",
    }
    from transformers.integrations import TensorBoardCallback  # seconds to import, and a launcher has no need of it

    for callback in callbacks:
        if isinstance(callback, TensorBoardCallback):
            callback.logging_dir = str(logs / folder.name)
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
