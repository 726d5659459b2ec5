"""What trains on a merge reads its training rows alone, from a stage's folder and from a published one."""

from __future__ import annotations

import json
from pathlib import Path

from datafactory.distilling import distill_into
from datafactory.progress import Progress
from datafactory.store import dataset_at

from ..conftest import built, write_rows
from ..tiny import tiny_model

RECIPE = """name: split
stages:
  rows: {do: load, path: rows.jsonl, question: ask, response: say}
  data: {do: merge, from: [rows], validation: {problems: 9}}
"""


def test_rows_set_apart_are_not_trained_on(tmp_path: Path):
    write_rows(tmp_path / "rows.jsonl", [{"ask": f"{n}?", "say": f"It is {n}."} for n in range(20)])
    (tmp_path / "r.yaml").write_text(RECIPE)
    planned = built(tmp_path / "r.yaml")
    base = tiny_model(tmp_path / "base", "qwen2")
    published = planned.published / "data"
    for place, folder in {"stage": planned.steps["data"].folder, "published": published}.items():
        found = dataset_at(folder)
        assert {name: found.split(name).rows for name in found.splits} == {"train": 11, "validation": 9}
        assert found.split("train").scan().collect().height == 11
        settings = ("max_steps=1", "per_device_train_batch_size=4", "gradient_accumulation_steps=1")
        with Progress() as progress:
            distill_into(folder, str(base), tmp_path / place, settings, progress, tell=print)
        assert json.loads((tmp_path / place / "training.json").read_text())["rows"] == 11
    assert sorted(path.name for path in (published / "data").iterdir()) == [
        "train-00000-of-00001.parquet",
        "validation-00000-of-00001.parquet",
    ]
