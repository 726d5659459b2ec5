"""Measured: what a finished stage came to, and else the rates that a pilot of the recipe saw in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.build import Plan, Step
from datafactory.store import MANIFEST, Dataset, is_finished

LINKS = ("from", "target")  # settings in which a pilot's stage differs from the recipe's


@dataclass(frozen=True)
class Measured:
    """Of a finished stage its sums; of it or its pilot the means. None where nothing was measured.

    keep    rows that come out, of one that goes in
    tokens_per_second  that the model generated
    """

    rows: int | None = None
    bytes: int | None = None
    requests: int | None = None
    tokens_in_all: int | None = None
    prompt_tokens_in_all: int | None = None
    seconds: float | None = None
    keep: float | None = None
    rollouts: float | None = None
    completion_tokens: float | None = None
    prompt_tokens: float | None = None
    tokens: float | None = None
    tokens_per_second: float | None = None


def measured(plan: Plan, step: Step) -> Measured:
    """What is known of a stage."""
    if is_finished(step.folder):
        manifest = step.dataset.manifest
        files = [entry for key in ("shards", "rejected") for entry in manifest[key] if entry]
        size = sum(entry["bytes"] for entry in files)
        if step.stage.makes == "model":
            size = sum(path.stat().st_size for path in step.folder.rglob("*") if path.is_file())
        spent = manifest.get("spent") or {}
        return replace(
            _means(step.dataset, step),
            rows=manifest["rows"] if step.stage.makes == "dataset" else None,
            bytes=size,
            seconds=manifest.get("seconds"),
            requests=spent.get("requests"),
            tokens_in_all=spent.get("tokens"),
            prompt_tokens_in_all=spent.get("prompt_tokens"),
        )
    pilot = plan.outputs / f"{plan.recipe.name[:90]}.pilot" / step.stage.name
    if step.stage.kind != "load" and _is_of(pilot, step):
        return _means(Dataset(pilot), step)
    return Measured()


def _is_of(pilot: Path, step: Step) -> bool:
    """Whether a pilot's stage is this one, but for what it reads."""
    try:
        then: dict[str, Any] = json.loads((pilot / MANIFEST).read_text(encoding="utf-8"))["identity"]
    except (OSError, ValueError, KeyError):
        return False
    one, other = ({**each, "config": _own(each["config"])} for each in (then, step.identity))
    return bool(json.loads(json.dumps(one)) == json.loads(json.dumps(other)))


def _own(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in LINKS}


def _means(dataset: Dataset, step: Step) -> Measured:
    manifest = dataset.manifest
    spent, pace = manifest.get("spent") or {}, manifest.get("pace") or {}
    rows, dropped, requests = manifest["rows"], manifest["dropped"], spent.get("requests") or 0
    columns = dataset.columns if dataset.shards else []
    rollouts = tokens = None
    if rows and "completion_tokens" in columns:
        means = dataset.scan().select(pl.col("completion_tokens").mean(), pl.col("problem_id").n_unique()).collect()
        tokens, problems = means.row(0)
        rollouts = rows / problems if step.stage.kind == "generate" else None
    rate = None
    seconds = (manifest.get("seconds") or 0) - (pace.get("loading") or 0)
    if requests and pace.get("asked") == requests and seconds > 0:
        rate = spent["tokens"] / seconds
    return Measured(
        keep=rows / (rows + dropped) if rows and step.stage.kind != "load" else None,
        rollouts=rollouts,
        completion_tokens=spent["tokens"] / requests if requests and spent.get("tokens") else None,
        prompt_tokens=spent["prompt_tokens"] / requests if requests and spent.get("prompt_tokens") else None,
        tokens=tokens,
        tokens_per_second=rate,
    )
