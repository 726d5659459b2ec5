"""What docs/extend.md shows: its files, copied into a folder, run in the recipe beside them."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from datafactory import plugins
from datafactory.build import build, plan
from datafactory.executors import local
from datafactory.plugins import PACKAGES
from datafactory.progress import Progress
from datafactory.recipe import read_recipe

from .conftest import REPOSITORY
from .test_docs import blocks

FILES = {block.file: block.text for block in blocks(REPOSITORY / "docs" / "extend.md") if block.file}
KINDS = {"compression": "filter", "within": "verifier", "terse": "judge", "command": "engine", "vote": "stage"}


def built(recipe: Path, workers: int = 1) -> pl.DataFrame:
    """The rows of the recipe's last stage, built now."""
    planned = plan(read_recipe(recipe), recipe.parent / "outputs")
    with Progress() as progress:
        build(planned, progress, workers=workers)
    return list(planned.steps.values())[-1].dataset.scan().collect()


def written(folder: Path) -> Path:
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "recipe.yaml"


def check(rows: pl.DataFrame) -> None:
    rows = rows.sort("answer", descending=True)
    # 3 + 4 is 7, 1.5 + 1.1 is within a hundredth of 2.61, 10 + 5 is not 16: two problems, two rollouts each
    assert rows["answer"].to_list() == ["7", "7", "2.61", "2.61"]
    assert rows["response"].to_list() == [r"\boxed{7}", r"\boxed{7}", r"\boxed{2.6}", r"\boxed{2.6}"]
    assert rows["reasoning"].to_list() == ["3 and 4", "3 and 4", "1.5 and 1.1", "1.5 and 1.1"]
    assert rows["within"].to_list() == rows["vote"].to_list() == rows["terse"].to_list() == [1.0] * 4
    assert rows["compression"].is_between(0.1, 2.4).all()


def test_the_examples_run_beside_a_recipe(tmp_path: Path):
    check(built(written(tmp_path)))


def test_the_examples_run_in_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local, "rows_per_worker", 1)
    recipe = written(tmp_path)
    text = recipe.read_text(encoding="utf-8")
    recipe.write_text(text.replace("path: problems.jsonl", "path: problems.jsonl, rows_per_shard: 1"), encoding="utf-8")
    check(built(recipe, workers=2))


@pytest.fixture
def in_the_package(tmp_path: Path) -> Iterator[Path]:
    """The recipe with bare names, and each example where a file of the package would be found."""
    recipe = written(tmp_path)
    for name, kind in KINDS.items():
        folder = tmp_path / kind
        folder.mkdir()
        for file in tmp_path.glob(f"{name}.*"):
            file.rename(folder / file.name)
        package = importlib.import_module(PACKAGES[kind])
        package.__path__.append(str(folder))
    recipe.write_text(re.sub(r"\./(\w+)\.py", r"\1", recipe.read_text(encoding="utf-8")), encoding="utf-8")
    importlib.invalidate_caches()
    yield recipe
    for name, kind in KINDS.items():
        importlib.import_module(PACKAGES[kind]).__path__.remove(str(tmp_path / kind))
        sys.modules.pop(f"{PACKAGES[kind]}.{name}", None)
    plugins._module_named.cache_clear()


def test_the_examples_run_in_the_package(in_the_package: Path):
    check(built(in_the_package))


def test_the_examples_in_the_package_are_listed_with_their_first_lines(in_the_package: Path):
    for name, kind in KINDS.items():
        assert name in plugins.names(kind)
        assert plugins.summary(kind, name).startswith(f"{name.capitalize()}: ")


def test_an_edit_of_ones_own_file_runs_its_stage_again_and_what_follows(tmp_path: Path):
    recipe = written(tmp_path)
    before = {name: step.fingerprint for name, step in plan(read_recipe(recipe), tmp_path).steps.items()}
    filter_file = tmp_path / "compression.py"
    filter_file.write_text(filter_file.read_text(encoding="utf-8") + "# another byte\n", encoding="utf-8")
    after = {name: step.fingerprint for name, step in plan(read_recipe(recipe), tmp_path).steps.items()}
    changed = [name for name in before if before[name] != after[name]]
    assert changed == ["measured", "voted", "judged", "accepted"]


def test_an_edit_of_ones_own_stage_runs_it_again(tmp_path: Path):
    recipe = written(tmp_path)
    before = {name: step.fingerprint for name, step in plan(read_recipe(recipe), tmp_path).steps.items()}
    stage_file = tmp_path / "vote.py"
    stage_file.write_text(stage_file.read_text(encoding="utf-8") + "# another byte\n", encoding="utf-8")
    after = {name: step.fingerprint for name, step in plan(read_recipe(recipe), tmp_path).steps.items()}
    assert [name for name in before if before[name] != after[name]] == ["voted", "judged", "accepted"]


def test_a_rollout_that_is_in_the_journal_is_not_run_again(tmp_path: Path):
    recipe = written(tmp_path)
    log = tmp_path / "log"
    text = recipe.read_text(encoding="utf-8")
    text = re.sub(r"command: \[awk, '\{.*\]", f"command: [sh, -c, {json.dumps(f'echo $SEED >> {log}; cat')}]", text)
    text = text[: text.index("  checked:")]
    recipe.write_text(text, encoding="utf-8")
    assert built(recipe).height == 6
    recipe.write_text(text.replace("group_size: 2", "group_size: 3"), encoding="utf-8")
    assert built(recipe).height == 9
    seeds = log.read_text().split()
    assert len(seeds) == len(set(seeds)) == 9
