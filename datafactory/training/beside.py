"""Beside: what rewards may need beside the problems, as it is handed to the processes that train."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from datafactory.models import Model, Weights
from datafactory.store import Dataset


@dataclass(frozen=True)
class Beside:
    """General rows with their reward models by name; a judge, and the store that keeps what it said."""

    store: Path = Path()
    general: Dataset | None = None
    reward_models: dict[str, Weights] = field(default_factory=dict)
    judge: Model | None = None
