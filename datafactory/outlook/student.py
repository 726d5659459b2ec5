"""What a stage that trains on rows is going to take, in a line, as far as it is known before anything runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datafactory.architecture import Architecture, architecture
from datafactory.build import Plan, Step
from datafactory.errors import StageError
from datafactory.models import HUB
from datafactory.store import is_finished
from datafactory.supervised import Supervised
from datafactory.training_plan import Corpus, Settings, gigabytes, memory, steps


def student(plan: Plan, step: Step) -> str | None:
    """`learning rate 8e-05, batch 64, ...`; None for a stage of another kind, and for one that is finished.

    Memory is that of one process in mixed precision with rows as long as the context; a stage that runs knows more.
    """
    config = step.stage.config
    if not isinstance(config, Supervised) or step.state == "finished":
        return None
    return ", ".join(_parts(plan, step, config))


def _parts(plan: Plan, step: Step, config: Supervised) -> Iterator[str]:
    size = _architecture(plan, config.model)
    try:
        filled = config.filled(plan.weights[config.model].reference, size)[0]
    except StageError:  # the rate is that of the student nearest in size, and the size is not known before it runs
        filled = config
    rate = filled.learning_rate
    yield "learning rate of the student nearest in size" if rate is None else f"learning rate {rate:g}"
    batch = filled.per_device_train_batch_size * filled.gradient_accumulation_steps
    yield f"batch {batch:,}, context {filled.max_length:,}"
    settings = Settings(
        epochs=filled.epochs,
        max_steps=filled.max_steps,
        per_device=filled.per_device_train_batch_size,
        accumulation=filled.gradient_accumulation_steps,
        processes=1,
        sharing="none",
        precision="mixed" if filled.dtype == "auto" else filled.dtype,
        optimizer=str(filled.trl.get("optim", "adamw_torch")),
        longest=filled.max_length,
        recomputed=True,
    )
    source = plan.steps[filled.source]
    if is_finished(source.folder) and not filled.packing:
        rows = source.dataset.split("train").rows
        taken = steps(Corpus(rows, 0, 0, 0, 0, sequences=rows, exact=False), settings)
        yield f"{rows:,} rows, {taken:,} steps"
    if size:
        needed = memory(size, settings).total
        yield f"{size.parameters:,} weights, at most {gigabytes(needed)} of memory where one device holds them"


def _architecture(plan: Plan, model: str) -> Architecture | None:
    """That of the model that a name goes back to, where its config.json is on this machine."""
    while model in plan.steps:
        model = plan.steps[model].stage.models[0]
    reference = plan.weights[model].reference
    place: Any = plan.recipe.path.parent / Path(reference).expanduser() / "config.json"
    if not place.is_file() and HUB.match(reference):
        from huggingface_hub import try_to_load_from_cache

        place = try_to_load_from_cache(reference, "config.json")
    try:
        return architecture(json.loads(Path(place).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):  # it is not here, or of no kind that is known
        return None
