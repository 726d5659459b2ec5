from __future__ import annotations

import shutil
from dataclasses import replace
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


def parsed(text: str) -> dict[str, Any]:
    return yaml.safe_load(text.split("---\n")[1])


def section(text: str, heading: str) -> str:
    return text.split(f"\n## {heading}\n\n")[1].split("\n\n## ")[0]


def cells(text: str, first: str) -> list[str]:
    """The line of a table that begins with that cell."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_yaml_header_parses_and_says_what_the_rows_say(told: Story) -> None:
    text = card(told, {})
    assert text.startswith("---\n")
    header = parsed(text)
    assert header["license"] == ["apache-2.0", "mit"]
    assert header["size_categories"] == ["n<1K"]
    assert {"synthetic", "reasoning", "datafactory", "math", "logic", "general"} <= set(header["tags"])
    assert header["annotations_creators"] == ["machine-generated"]
    assert sorted(header["source_datasets"]) == ["extended|chat", "extended|puzzles", "extended|sums"]


def test_the_hubs_own_library_reads_the_header_as_it_is(told: Story) -> None:
    from huggingface_hub import DatasetCard, DatasetCardData

    text = card(told, {})
    data = DatasetCard(text).data
    assert isinstance(data, DatasetCardData)
    assert data.to_dict() == parsed(text)  # nothing is renamed, dropped or added
    assert (data.license, data.task_categories) == (["apache-2.0", "mit"], ["text-generation"])


def test_datasets_finds_columns_and_counts_in_the_header(told: Story) -> None:
    import datasets
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCard

    info = DatasetInfosDict.from_dataset_card_data(DatasetCard(card(told, {})).data)["default"]
    rows = read(told.merged.dataset)
    assert info.splits["train"].num_examples == rows.height
    plain = datasets.Dataset.from_parquet([str(path) for path in told.merged.dataset.folder.glob("shard-*")])
    assert info.features == plain.features
    assert info.download_size == sum(path.stat().st_size for path in told.merged.dataset.folder.glob("shard-*"))


@pytest.mark.parametrize(
    ("licenses", "expected"),
    [
        (["MIT", "MIT"], {"license": "mit"}),
        (["MIT", None], {"license": ["mit", "unknown"]}),
        ([None, None], {"license": "unknown"}),
        (["MIT", "Our own terms"], {"license": ["mit", "other"], "license_name": "Our own terms"}),
    ],
)
def test_the_license_is_that_of_the_rows(tmp_path: Path, licenses: list[str | None], expected: dict[str, Any]) -> None:
    found = header(merged(tmp_path, problem_id=["a", "b"], license=pl.Series(licenses, dtype=pl.String)))
    assert {key: value for key, value in found.items() if key.startswith("license")} == expected


def test_the_languages_are_those_of_the_rows(tmp_path: Path) -> None:
    assert header(merged(tmp_path, problem_id=["a", "b", "c"], language=["zh", "en", "zh"]))["language"] == ["en", "zh"]


def test_languages_that_no_row_names_are_those_of_the_questions(tmp_path: Path) -> None:
    english = "How many apples are left in the basket when two of them have been eaten?"
    german = "Wie viele Äpfel bleiben im Korb, wenn zwei davon gegessen worden sind?"
    told = merged(
        tmp_path, problem_id=["a"] * 300, problem=[english] * 200 + [german] * 99 + ["Que reste-t-il dans le panier ?"]
    )
    assert header(told)["language"] == ["de", "en"]  # one row in 300 may be misread
    assert "language" not in header(merged(tmp_path / "x", problem_id=["a"], problem=["2 + 2"]))


@pytest.mark.parametrize(("rows", "category"), [(999, "n<1K"), (1000, "1K<n<10K"), (10_000, "10K<n<100K")])
def test_the_size_is_one_of_the_hubs_categories(tmp_path: Path, rows: int, category: str) -> None:
    assert header(merged(tmp_path, problem_id=["a"] * rows))["size_categories"] == [category]


def test_the_composition_equals_a_plain_count_beside_r1s(told: Story) -> None:
    rows = read(told.merged.dataset)
    text = section(card(told, {}), "Composition")
    theirs = {"math": ["395,285", "49.1 %", "1.0", "6,094.2"], "logic": ["10,395", "1.3 %", "1.0", "2,739.0"]}
    for domain in ("math", "logic"):
        of_it = rows.filter(pl.col("domain") == domain)
        assert cells(text, domain)[1] == str(of_it.height)
        assert cells(text, domain)[3:5] == ["1.0", f"{of_it['completion_tokens'].mean():,.1f}"]
        assert cells(text, domain)[5:] == theirs[domain]
    assert cells(text, "general")[4] == "-"  # nobody counted their tokens
    assert cells(text, "total")[1:3] == [str(rows.height), "100 %"]
    sums = rows.filter(pl.col("source") == "sums").height
    assert cells(card(told, {}), "sums")[:3] == ["sums", "Apache-2.0", str(sums)]


def test_rounds_are_the_users_turns_and_tokens_the_students(tmp_path: Path) -> None:
    """Lengths that overflow 32 bits in sum."""
    turn = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
    messages = [[*turn], [*turn, *turn], [*turn, *turn, *turn]]
    tokens = pl.Series([2_000_000_000, 2_000_000_000, 1], dtype=pl.Int32)
    told = merged(tmp_path, problem_id=["a", "b", "c"], messages=messages, domain=["code", "code", None], tokens=tokens)
    text = section(card(told, {}), "Composition")
    assert cells(text, "code")[3:5] == ["1.5", "2,000,000,000.0"]
    assert cells(text, "none given")[3:5] == ["3.0", "1.0"]
    assert cells(text, "total")[3:5] == ["2.0", "1,333,333,333.7"]
    assert "Tokens are those of `tokens`" in text


def test_the_mixture_is_told_as_it_was_asked_and_taken(tmp_path: Path) -> None:
    told = merged(tmp_path, problem_id=["a"] * 4)
    assert "## Mixture" not in card(told, {})
    parts = [
        {"part": "math", "asked": 3, "had": 9, "rows": 3, "copies": 0},
        {"part": "code", "asked": 2, "had": 1, "rows": 1, "copies": 0, "within": [{"value": "x", "had": 1, "rows": 1}]},
    ]
    told.merged.dataset.manifest["counts"] = {"by": "domain", "parts": parts}
    text = section(card(told, {}), "Mixture")
    assert cells(text, "math") == ["math", "3", "9", "3", "0", "75 %"]
    assert cells(text, "code") == ["code", "2", "1", "1", "0", "25 %"]
    assert cells(text, "code, x")[2:4] == ["1", "1"]


def test_how_a_judge_did_is_told_where_a_stage_measured_it(tmp_path: Path) -> None:
    told = merged(tmp_path, problem_id=["a"])
    assert "## Judges" not in card(told, {})
    part = {"count": 193, "of": 200, "share": 0.965, "interval": [0.93, 0.99], "bound": 0.9}
    shares = dict.fromkeys(("agreement", "false accepts", "false rejects", "undecided"), part)
    calibration = {"judge": "correctness", "against": "math", "kappa": 0.91, **shares}
    told.merged.dataset.manifest["counts"] = {"calibration": calibration}
    text = section(card(told, {}), "Judges")
    assert "`dataset`: correctness against math. Cohen's kappa: 0.91." in text
    assert cells(text, "agreement")[1:4] == ["193", "200", "96.5 %"]


def test_known_limits_are_counted_from_the_rows(told: Story, tmp_path: Path) -> None:
    text = section(card(told, {}), "Known limits")
    rows = read(told.merged.dataset)
    unsolved = rows.filter(pl.col("solution").is_null()).height
    assert f"{unsolved} of {rows.height} rows ({unsolved / rows.height:.1%}".replace("%", " %") in text
    assert "No stage compared or searched the rows with benchmarks by n-grams (`contamination`)." in text
    bare = section(card(merged(tmp_path, problem_id=["a"]), {}), "Known limits")
    assert "No verifier and no judge scored these rows." in bare


def test_rows_without_a_licence_are_said_to_have_none(tmp_path: Path) -> None:
    text = card(merged(tmp_path, problem_id=["a", "b"], source=["s", "s"], license=["MIT", None]), {})
    assert "1 of 2 rows name no licence" in section(text, "Sources and licences")
    assert cells(text, "none given")[1:3] == ["unknown", "1"]


def test_every_column_and_every_stage_of_the_lineage_is_told(told: Story) -> None:
    text = card(told, {})
    for name in read(told.merged.dataset).columns:
        assert f"| `{name}` |" in text
    for chapter in told.lineage():
        assert f"1. `{chapter.name}` ({chapter.kind})" in text
        for reason, count in chapter.dataset.manifest["reasons"].items():
            assert f"| `{chapter.name}` | {reason} | {count} |" in text
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


def test_datasets_shows_the_rows_of_a_folder_that_was_made_anew(tmp_path: Path) -> None:
    """With `configs` it caches by the header, not by the files: rows of the same number and size are told apart too."""
    import datasets

    for fingerprint, said in (("f" * 64, "b"), ("e" * 64, "c")):
        messages = [[{"role": "user", "content": "a"}, {"role": "assistant", "content": said}]]
        told = merged(tmp_path / fingerprint, problem_id=["a"], messages=messages)
        told = replace(told, merged=replace(told.merged, fingerprint=fingerprint))
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        folder = published(told, tmp_path / "out", card(told, {}))
        loaded = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
        assert loaded[0]["messages"][1]["content"] == said


def test_the_card_counts_the_files(told: Story) -> None:
    files = {
        "data/train-00000-of-00001.parquet": {"rows": 17, "bytes": 2048, "sha256": "x"},
        "rejected/a.parquet": {"bytes": 9},
    }
    assert "in 1 Parquet file (2.0 KiB)" in card(told, files)
