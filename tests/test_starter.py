"""What `datafactory new` writes is the README's recipe, and builds as it is."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from datafactory.page import read_page

from .conftest import REPOSITORY, command


def test_the_starter_is_the_recipe_of_the_readme(tmp_path: Path):
    assert command("new", "mine", cwd=tmp_path).returncode == 0
    text = (REPOSITORY / "README.md").read_text()
    (tmp_path / "readme.yaml").write_text(text.split("```yaml\n")[1].split("```")[0])
    assert read_page(tmp_path / "readme.yaml").values == read_page(tmp_path / "mine" / "recipe.yaml").values


@pytest.mark.model
def test_the_untouched_starter_builds_a_dataset_with_the_real_model(tmp_path: Path):
    assert command("new", "mine", cwd=tmp_path).returncode == 0
    ended = command("build", "mine/recipe.yaml", "--until", "dataset", cwd=tmp_path, HF_HUB_OFFLINE="1")
    assert ended.returncode == 0, ended.stderr
    rows = pl.read_parquet(tmp_path / "outputs/mine/dataset/data/*.parquet")
    assert rows.height >= 3 and rows["reasoning"].null_count() == 0
