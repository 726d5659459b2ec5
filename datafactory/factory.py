"""The factory from outside: what the commands `build`, `plan`, `distill` and `evaluate` do."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datafactory.build import Plan, Step, build, plan
from datafactory.progress import Progress
from datafactory.publish import publish, story_of
from datafactory.recipe import read_recipe
from datafactory.report.funnel import summary
from datafactory.store import Dataset, is_finished


def make(
    recipe: Path,
    outputs: Path,
    progress: Progress,
    assignments: tuple[str, ...] = (),
    limit: int | None = None,
    until: str | None = None,
    workers: int = 1,
    executor: str = "local",
) -> Plan:
    """Build a recipe and publish each of its merges; the closing summary goes to the progress' console."""
    started = time.monotonic()
    planned = plan(read_recipe(recipe, assignments, limit), outputs)
    ran = build(planned, progress, until, workers, executor)
    places = []
    for step in planned.steps.values():
        if step.stage.kind == "merge" and is_finished(step.folder):
            place, written = publish(planned, step)
            places.append((step, place, written))
    if not ran and not any(written for *_, written in places):
        progress.say(f"{planned.recipe.name}: everything is finished; nothing to do")
    else:
        done = [step for step in planned.until(until) if is_finished(step.folder)]
        summary(_chapters(planned, done), progress.console)
        progress.say(f"{len(ran)} of {len(planned.steps)} stages ran in {time.monotonic() - started:.0f} s")
    for step, place, _ in places:
        progress.say(f"{step.stage.name}: {step.dataset.rows:,} rows in {place} (look at {place / 'report.html'})")
    return planned
