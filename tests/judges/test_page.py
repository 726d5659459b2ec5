"""docs/verifiers/judges.md: its recipe, built as it stands there, and its claims that a table makes."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from datafactory.judges._answer import Unread, answer_in
from datafactory.judges.clarity import Answer as Grades
from datafactory.judges.correctness import Answer
from tests.conftest import REPOSITORY, command
from tests.test_docs import blocks

PAGE = REPOSITORY / "docs" / "verifiers" / "judges.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    for block in blocks(PAGE):
        if block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")
    ended = command("build", "judged.yaml", cwd=folder)
    assert ended.returncode == 0, ended.stderr
    return folder


def rows(folder: Path, stage: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"outputs/judged/{stage}/shard-*.parquet")


def test_the_recipe_is_built_and_accepts_what_is_right(folder: Path):
    judged = rows(folder, "judged")
    assert judged.height == 12 and set(judged["correctness_votes"]) == {3}
    right = judged.filter(pl.col("correctness") == 1)["response"].to_list()
    said = ["It is \\boxed{42}.", "\\boxed{42}", "Six times seven is \\boxed{42}.", "It is \\boxed{42}."]
    assert sorted(right) == sorted([*said, "Air scatters short waves more than long ones."])
    published = pl.read_parquet(folder / "outputs/judged/dataset/data/*.parquet")
    assert published["problem"].n_unique() == published.height == 3
    assert "Six times seven is \\boxed{42}." in published["response"].to_list()  # the clearest of its problem


def test_its_judge_is_calibrated_and_its_pairs_are_there(folder: Path):
    report = (folder / "outputs/judged/dataset/report.html").read_text()
    assert "correctness against math" in report
    pairs = rows(folder, "pairs")
    assert pairs.height and all(mean > 1 for mean in pairs["mean"])


def test_what_the_page_says_is_read_is_read_and_the_rest_is_not():
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("| the judge writes | read? |")[2].partition("\n\n")[0]
    cases = re.findall(r"^\| `(\{[^`]*\})`[^|]*\| (yes|no)", table, re.M)
    assert len(cases) >= 6
    for said, read in cases:
        form = Grades if "readable" in said else Answer
        try:
            answer_in(said, form, "1f0c9a3e")
        except Unread:
            assert read == "no", said
        else:
            assert read == "yes", said
