"""Other people's files: every row with its place, and a line that cannot be read named."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from datafactory.errors import StageError, UserError
from datafactory.sources import columns_of, files_at, rows_of, rows_of_dataset, rows_of_gym

ROWS = [{"q": 'one, "two"\nthree', "a": "1"}, {"q": "é 你好", "a": ""}]


def test_the_same_rows_come_out_of_every_format(tmp_path: Path):
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (tmp_path / "a.jsonl").write_text(lines)
    with gzip.open(tmp_path / "b.jsonl.gz", "wt") as stream:
        stream.write("\ufeff" + lines + "\n\n")
    (tmp_path / "c.json").write_text(json.dumps(ROWS))
    pl.DataFrame(ROWS).write_csv(tmp_path / "d.csv")
    pl.DataFrame(ROWS).write_csv(tmp_path / "e.tsv", separator="\t")
    pl.DataFrame(ROWS).write_parquet(tmp_path / "f.parquet")
    for path in sorted(tmp_path.iterdir()):
        assert [row for _, row in rows_of(path)] == ROWS, path
        assert columns_of(path) == ["q", "a"]
    assert [path.name for path in files_at(tmp_path)] == [
        "a.jsonl",
        "b.jsonl.gz",
        "c.json",
        "d.csv",
        "e.tsv",
        "f.parquet",
    ]


def test_rows_carry_file_and_line(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"q": 1}\n\n{"q": 2}\n')
    assert [place for place, _ in rows_of(path)] == [f"{path}:1", f"{path}:3"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"q": 1}\n[1]\n', r":2: a row is a JSON object, not list"),
        ("a.jsonl", b'{"q": 1}\n{"q": \n', r":2: not JSON"),
        ("a.jsonl", b'{"q": 1}\n{"q": "\xff"}\n', r":2: not UTF-8"),
        ("a.jsonl.gz", gzip.compress(b'{"q": 1}\n' * 99, mtime=0)[:-9], r"cannot be read"),
        ("a.json", b'{"q": 1}', r":1: a .json file holds one list"),
        ("a.json", b'[{"q": 1},\n{]', r":2: not JSON"),
        ("a.csv", b"q,a\n1,2\n3\n", r":3: the header names 2 columns, this line has fewer"),
        ("a.csv", b"q,a\n1,2,3\n", r":2: the header names 2 columns, this line has more"),
        ("a.csv", b'q,a\n"1" 2,3\n', r":2: not CSV"),
        ("a.parquet", b"PAR1 no more", r"not readable Parquet"),
    ],
)
def test_what_cannot_be_read_stops_with_the_place(tmp_path: Path, name: str, content: bytes, message: str):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(StageError, match=message) as caught:
        list(rows_of(path))
    assert name in str(caught.value)


def test_a_folder_without_data_and_a_file_of_another_kind_are_refused(tmp_path: Path):
    (tmp_path / "notes.docx").write_text("")
    with pytest.raises(UserError, match="holds no data file"):
        files_at(tmp_path)
    with pytest.raises(UserError, match="is none of"):
        files_at(tmp_path / "notes.docx")


def test_a_saved_dataset_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "set").mkdir()
    pl.DataFrame(ROWS).write_parquet(tmp_path / "set" / "train.parquet")
    assert [row for _, row in rows_of_dataset(str(tmp_path / "set"), None, "train", None)] == ROWS
    with pytest.raises(StageError, match="cannot be loaded"):
        list(rows_of_dataset(str(tmp_path / "nothing"), None, "train", None))


def test_reasoning_gym_gives_the_same_problems_for_a_seed_and_others_for_another():
    def some(seed: int) -> list:
        return list(rows_of_gym("chain_sum", {"min_terms": 2, "max_terms": 2}, 5, seed))

    assert some(1) == some(1) != some(2)
    place, row = some(1)[3]
    assert place == "reasoning_gym:chain_sum#3" and row["reasoning_gym"] == "chain_sum"
    assert json.loads(json.dumps(row["metadata"])) == row["metadata"]
