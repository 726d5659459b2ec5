"""Recipes with scripted rewriters, built in this process: rows whose rewrites are good or bad in known ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from datafactory.build import Plan, build, plan
from datafactory.progress import Progress
from datafactory.recipe import read_recipe
from tests.conftest import write_rows

# a recipe's writer.py; what follows says what it writes
WRITER = """
import json, os
from tests.judges.scenes import fields

def noted(messages, rollout, seed, text):
    if os.environ.get("WRITER_LOG"):
        with open(os.environ["WRITER_LOG"], "a") as stream:
            stream.write(json.dumps([messages[-1]["content"], rollout, seed, text]) + "\\n")
    return text
"""
RECIPE = """name: rewritten
seed: 5
models:
  writer: {engine: scripted, function: ./writer.py, batch_size: 4}
stages:
  rows: {do: load, path: rows.jsonl, question: ask, answer: gold, response: say, reasoning: think, domain: {column: domain}, rows_per_shard: 20}
"""


def built(
    folder: Path, stages: str, writer: str | None = None, rows: list[dict[str, Any]] | None = None, recipe: str = RECIPE
) -> Plan:
    """The recipe with further stages, built; one that stands there already is continued."""
    folder.mkdir(exist_ok=True)
    if writer is not None:
        (folder / "writer.py").write_text(WRITER + writer, encoding="utf-8")
    if rows is not None:
        write_rows(folder / "rows.jsonl", rows)
    (folder / "recipe.yaml").write_text(recipe + stages, encoding="utf-8")
    planned = plan(read_recipe(folder / "recipe.yaml"), folder / "outputs")
    with Progress() as progress:
        build(planned, progress)
    return planned


def table(planned: Plan, stage: str) -> pl.DataFrame:
    return planned.steps[stage].dataset.scan().collect()


def sums(count: int) -> list[dict[str, Any]]:
    """Sums with thinking and a bare answer, as R1-Zero gives it; all are right."""
    return [
        {
            "ask": f"Anna has {n} apples and buys {n + 5} more apples. How many apples does Anna have now?",
            "gold": str(2 * n + 5),
            "think": f"So Anna has {n} apples. She buys {n + 5} more. That makes {n} + {n + 5} = {2 * n + 5} apples. Let me check it again: {n} plus {n + 5} is {2 * n + 5}.",
            "say": str(2 * n + 5),
            "domain": "math",
        }
        for n in range(10, 10 + count)
    ]
