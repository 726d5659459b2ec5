"""What the tests of load share: a stage over a file, and what it set aside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from datafactory.build import build, plan
from datafactory.progress import Progress
from datafactory.recipe import read_recipe
from datafactory.store import Dataset


def loaded(folder: Path, settings: str) -> Dataset:
    (folder / "r.yaml").write_text(f"name: r\nstages:\n  it: {{do: load, {settings}}}\n")
    planned = plan(read_recipe(folder / "r.yaml"), folder / "outputs")
    with Progress() as progress:
        build(planned, progress)
    return planned.steps["it"].dataset


def rows_of(dataset: Dataset) -> list[dict[str, Any]]:
    return dataset.scan().collect().to_dicts()


def rejected(dataset: Dataset) -> list[dict[str, Any]]:
    tables = [dataset.rejected(k) for k in range(len(dataset.shards))]
    found = [table for table in tables if table is not None]
    return pl.concat(found).to_dicts() if found else []
