"""A small dataset of two splits, built once; each test gets a copy of what was published."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import RECIPE, TEACHER, built, write_rows

WITH_SPLITS = RECIPE.rstrip().removesuffix("}") + ", validation: {share: 0.2}}\n"


@pytest.fixture(scope="session")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a recipe that was built: 58 sums with thinking and 5 greetings without, in train and validation."""
    folder = tmp_path_factory.mktemp("factory")
    (folder / "teacher.py").write_text(TEACHER)
    write_rows(folder / "problems.jsonl", [{"ask": f"{n} + {2 * n}?", "gold": 3 * n, "n": n} for n in range(40)])
    write_rows(folder / "chat.jsonl", [{"ask": f"Say {n}.", "say": f"Here you are: {n}."} for n in range(5)])
    recipe = folder / "recipe.yaml"
    recipe.write_text(WITH_SPLITS)
    built(recipe)
    return recipe


@pytest.fixture
def recipe(factory: Path, tmp_path: Path) -> Path:
    """A copy of all of it, to be built again."""
    shutil.copytree(factory.parent, tmp_path / "own", symlinks=True)
    return tmp_path / "own" / "recipe.yaml"


@pytest.fixture
def dataset(factory: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the published folder."""
    folder = tmp_path / "dataset"
    shutil.copytree(factory.parent / "outputs/small/dataset", folder)
    yield folder
