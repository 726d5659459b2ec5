"""What a stage that reinforces is going to sample, in a line, as far as it is known before anything runs."""

from __future__ import annotations

from typing import Any

from datafactory.build import Plan, Step
from datafactory.store import is_finished


def rollouts(plan: Plan, step: Step) -> str | None:
    """`1,700 steps of 512 rollouts, ...`; None for a stage that samples none to learn from, and for a finished one."""
    config: Any = step.stage.config
    if not hasattr(config, "sampled") or step.state == "finished":
        return None
    source = plan.steps[config.source]
    return str(config.sampled(source.dataset.rows if is_finished(source.folder) else None))
