from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from datafactory.report.card import card
from datafactory.report.card_header import header
from datafactory.store import Draft
from datafactory.story import Chapter, Story
from tests.report.stories import published, read


def merged(folder: Path, **columns: list[Any]) -> Story:
    """A story of one merge with these columns."""
    draft = Draft(folder / "store" / "merge-x")
    draft.folder.mkdir(parents=True)
    draft.write(0, pl.DataFrame(columns))
    chapter = Chapter("dataset", "merge", "f", draft.finish(1, {"stage": "merge"}), (), {"do": "merge"})
    return Story("r", (chapter,), chapter, {})


def test_the_yaml_header_parses_and_says_what_the_rows_say(told: Story) -> None:
    text = card(told, {})
    assert text.startswith("---\n")
    parsed = yaml.safe_load(text.split("---\n")[1])
    assert parsed["license"] == ["apache-2.0", "mit"]
    assert "language" not in parsed  # the rows do not say
    assert parsed["size_categories"] == ["n<1K"]
    assert {"synthetic", "reasoning", "datafactory", "math", "logic", "general"} <= set(parsed["tags"])
    assert parsed["annotations_creators"] == ["machine-generated"]
    assert "configs" not in parsed  # datasets would cache by the pattern, not by the files


@pytest.mark.parametrize(
    ("licenses", "expected"),
    [
        (["MIT", "MIT"], {"license": "mit"}),
        (["MIT", None], {"license": ["mit", "unknown"]}),
        ([None, None], {"license": "unknown"}),
        (["MIT", "Our own terms"], {"license": "other", "license_name": "MIT, Our own terms"}),
    ],
)
def test_the_license_is_that_of_the_rows(tmp_path: Path, licenses: list[str | None], expected: dict[str, Any]) -> None:
    found = header(merged(tmp_path, problem_id=["a", "b"], license=pl.Series(licenses, dtype=pl.String)))
    assert {key: value for key, value in found.items() if key.startswith("license")} == expected


def test_the_languages_are_those_of_the_rows(tmp_path: Path) -> None:
    assert header(merged(tmp_path, problem_id=["a", "b", "c"], language=["zh", "en", "zh"]))["language"] == ["en", "zh"]


@pytest.mark.parametrize(("rows", "category"), [(999, "n<1K"), (1000, "1K<n<10K"), (10_000, "10K<n<100K")])
def test_the_size_is_one_of_the_hubs_categories(tmp_path: Path, rows: int, category: str) -> None:
    assert header(merged(tmp_path, problem_id=["a"] * rows))["size_categories"] == [category]


def test_the_composition_equals_a_plain_count(told: Story) -> None:
    rows = read(told.merged.dataset)
    text = card(told, {})
    for domain in ("math", "logic", "general"):
        of_it = rows.filter(pl.col("domain") == domain)
        tokens = of_it["completion_tokens"].mean()
        shown = "-" if tokens is None else f"{tokens:,.0f}"
        line = next(line for line in text.splitlines() if line.startswith(f"| {domain} |"))
        assert [cell.strip() for cell in line.strip("|").split("|")][1:4:2] == [str(of_it.height), shown]
    sums = rows.filter(pl.col("source") == "sums").height
    assert f"| sums | Apache-2.0 | {sums} |" in text


def test_every_column_and_every_stage_of_the_lineage_is_told(told: Story) -> None:
    text = card(told, {})
    for name in read(told.merged.dataset).columns:
        assert f"| `{name}` |" in text
    for chapter in told.lineage():
        assert f"1. `{chapter.name}` ({chapter.kind})" in text
        for reason, count in chapter.dataset.manifest["reasons"].items():
            assert f"{count} {reason}" in text
    assert "`scores`" not in text  # it stands below the merge


def test_other_peoples_words_cannot_break_a_table(tmp_path: Path) -> None:
    text = card(merged(tmp_path, problem_id=["a"], source=["a|b\n<img src=x>"]), {})
    assert "| a\\|b &lt;img src=x> | 1 |" in text


def test_datasets_loads_the_folder_that_the_card_describes(
    told: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    folder = published(told, tmp_path / "out", card(told, {}))
    (folder / "report.html").write_text("<p>")
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert list(loaded) == ["train"]
    assert loaded["train"].num_rows == told.merged.dataset.rows
    assert loaded["train"][0]["messages"][0]["role"] == "user"


def test_the_card_counts_the_files(told: Story) -> None:
    files = {
        "data/train-00000-of-00001.parquet": {"rows": 17, "bytes": 2048, "sha256": "x"},
        "rejected/a.parquet": {"bytes": 9},
    }
    assert "in 1 Parquet file (2.0 KiB)" in card(told, files)
