"""Problems set apart: as many as asked, of every domain, and none of their questions among what is trained on."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from datafactory.errors import StageError
from datafactory.leaks import leaks
from datafactory.store import Dataset, dataset_at

from ..stages.merged import dataset, merged, row, rows, table


def split(made: Dataset) -> tuple[pl.DataFrame, pl.DataFrame]:
    return table(made.split("train")), table(made.split("validation"))


def shared(made: Dataset) -> tuple[int, int]:
    found = leaks(made)
    return found.shared_problems, found.shared_questions


def folded(rows: pl.DataFrame) -> set[str]:
    return {"".join(letter for letter in text.lower() if letter.isalnum()) for text in rows["problem"]}


def test_as_many_problems_as_asked_with_all_their_rows_in_proportion(tmp_path: Path):
    source = {"a": dataset(tmp_path / "a", [*rows("math", 80, 3), *rows("code", 15, 2), *rows(None, 5)])}
    made = merged(tmp_path / "out", source, validation={"problems": 20})
    train, held = split(made)
    assert dict(held.group_by("domain").agg(pl.col("problem_id").n_unique()).iter_rows()) == {
        "math": 16,
        "code": 3,
        None: 1,
    }
    assert held.filter(pl.col("domain") == "math").height == 48 and train.height + held.height == 275
    assert not set(train["problem_id"]) & set(held["problem_id"])
    assert made.manifest["counts"]["splits"]["validation"]["problems"] == 20
    assert shared(made) == (0, 0)


def test_a_share_is_of_the_problems(tmp_path: Path):
    source = {"a": dataset(tmp_path / "a", rows("math", 200, 2))}
    assert split(merged(tmp_path / "out", source, validation={"share": 0.05}))[1]["problem_id"].n_unique() == 10


def test_the_same_question_spelled_otherwise_goes_to_the_same_side(tmp_path: Path):
    again = [row(f"MATH  {n} !", answer=str(n), response=f"Another {n}.", source="other") for n in range(60)]
    sources = {"a": dataset(tmp_path / "a", rows("math", 60)), "b": dataset(tmp_path / "b", again)}
    for seed in range(5):
        made = merged(tmp_path / f"out{seed}", sources, validation={"problems": 20}, seed=seed)
        train, held = split(made)
        assert held.height == 20 and not folded(train) & folded(held)


def test_a_question_that_stands_in_a_conversation_goes_where_that_goes(tmp_path: Path):
    said = [{"role": "user", "content": "math 3?"}, {"role": "assistant", "content": "It is 0."}]
    talk = [row(f"And {n}?", history=json.dumps(said)) for n in range(3)]
    source = {"a": dataset(tmp_path / "a", [*rows("math", 30), *talk], history=True)}
    for seed in range(12):
        train, held = split(merged(tmp_path / f"out{seed}", source, validation={"problems": 8}, seed=seed))
        sides = {problem in set(held["problem"]) for problem in ("math 3?", "And 0?", "And 1?", "And 2?")}
        assert len(sides) == 1
        assert train.height + held.height == 33


def test_fewer_problems_than_asked_are_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    talk = [row("And?", n, history=json.dumps([{"role": "user", "content": f"math {n}?"}])) for n in range(30)]
    source = {"a": dataset(tmp_path / "a", [*rows("math", 34), *talk], history=True)}
    _, held = split(merged(tmp_path / "out", source, validation={"problems": 10}))
    assert held.height == 4
    assert "asks for 10 problems, and 4 are set apart" in capfd.readouterr().err.replace("\n", " ")
    merged(tmp_path / "few", source, validation={"problems": 3})
    assert "set apart" not in capfd.readouterr().err


def test_copies_stay_in_train_and_the_mixture_is_met_all_the_same(tmp_path: Path):
    source = {"a": dataset(tmp_path / "a", [*rows("math", 100), *rows("code", 40)])}
    mixture = {"math": 100, "code": {"rows": 70, "upsample": 2}}
    train, held = split(merged(tmp_path / "out", source, mixture=mixture, validation={"problems": 14}))
    both = pl.concat([train, held])
    assert dict(both.group_by("domain").len().iter_rows()) == {"math": 100, "code": 70}
    assert held["trace_id"].is_unique().all() and set(held["copy"]) == {0}
    assert not set(train["trace_id"]) & set(held["trace_id"])
    full = {"math": 100, "code": {"rows": 80, "upsample": 2}}  # every row has to stand twice: none can be set apart
    train, held = split(merged(tmp_path / "full", source, mixture=full, validation={"problems": 14}))
    assert train.filter(pl.col("domain") == "code").height == 80 and set(held["domain"]) == {"math"}


def test_a_larger_dataset_of_the_same_questions_has_the_same_drawn(tmp_path: Path):
    once, twice = ({"a": dataset(tmp_path / f"a{each}", rows("math", 50, each))} for each in (1, 2))
    drawn = [
        set(split(merged(tmp_path / f"o{n}", part, validation={"problems": 9}))[1]["problem"])
        for n, part in enumerate((once, twice))
    ]
    assert drawn[0] == drawn[1]


def test_more_problems_than_there_are_is_one_line(tmp_path: Path):
    with pytest.raises(StageError, match="asks for 5 problems, and there are 5"):
        merged(tmp_path / "out", {"a": dataset(tmp_path / "a", rows("math", 5))}, validation={"problems": 5})


def test_leaks_are_found_where_there_are_some(tmp_path: Path):
    draft = merged(tmp_path / "out", {"a": dataset(tmp_path / "a", rows("math", 40))}, validation={"problems": 9})
    folder = draft.folder
    manifest = json.loads((folder / "manifest.json").read_text())
    held = folder / manifest["splits"]["validation"][0]
    leaked = pl.concat([pl.read_parquet(held), pl.read_parquet(folder / "shard-00000.parquet").head(3)])
    leaked = leaked.with_columns(pl.col("problem").str.to_uppercase())
    leaked.write_parquet(held)
    assert shared(dataset_at(folder)) == (3, 3)


def test_a_split_is_read_alone_and_an_unknown_one_is_told(tmp_path: Path):
    made = merged(tmp_path / "out", {"a": dataset(tmp_path / "a", rows("math", 40))}, validation={"problems": 9})
    assert made.split("train").rows + made.split("validation").rows == made.rows == 40
    assert made.split("train").scan().collect().height == 31 and made.split("train").splits == {
        "train": ["shard-00000.parquet"]
    }
    with pytest.raises(StageError, match="has no split 'test'. There is: train, validation"):
        made.split("test")
    whole = merged(tmp_path / "whole", {"a": dataset(tmp_path / "b", rows("math", 4))})
    assert whole.split("train").rows == 4
