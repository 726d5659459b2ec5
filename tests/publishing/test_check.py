"""check tells what is wrong with a folder, each failure in a line that names the file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datafactory.checking.folder import checked
from datafactory.errors import UserError
from tests.conftest import command

FIRST = "data/train-00000-of-00003.parquet"
VALIDATION = "data/validation-00000-of-00001.parquet"


def rewritten(folder: Path, name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """A file with other rows, its checksum and count in the manifest made to fit: only the rows tell."""
    table = change(pl.read_parquet(folder / name))
    table.write_parquet(folder / name)
    manifest = json.loads((folder / "manifest.json").read_text())
    content = (folder / name).read_bytes()
    before = manifest["files"][name]["rows"]
    manifest["files"][name] = {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "rows": table.height,
    }
    manifest["rows"] += table.height - before if name.startswith("data/") else 0
    (folder / "manifest.json").write_text(json.dumps(manifest))


def first_row(**columns: Any) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """The table with other cells in its row 3."""

    def change(table: pl.DataFrame) -> pl.DataFrame:
        row = {**table.row(3, named=True), **columns}
        return pl.concat([table[:3], pl.DataFrame([row], schema=table.schema), table[4:]])

    return change


def failures(folder: Path) -> list[str]:
    return checked(folder, 1).failures


def test_a_folder_as_it_was_published_is_in_order(dataset: Path):
    ended = command("check", dataset)
    assert (ended.returncode, ended.stderr) == (0, "")
    rows = {split: pl.read_parquet(dataset / f"data/{split}-*").height for split in ("train", "validation")}
    assert (
        f"{rows['train']} rows in train, {rows['validation']} rows in validation: all as it was written" in ended.stdout
    )


@pytest.mark.parametrize("stage", ["problems", "traces", "clean", "accepted"])
def test_a_stages_folder_is_in_order(factory: Path, stage: str):
    assert failures(factory.parent / "outputs/small" / stage) == []


def test_a_flipped_byte_names_the_file_and_how_to_mend_it(dataset: Path):
    content = bytearray((dataset / FIRST).read_bytes())
    content[200] ^= 4
    (dataset / FIRST).write_bytes(content)
    ended = command("check", dataset)
    assert ended.returncode == 1
    assert ended.stdout.startswith(f"{dataset}/{FIRST}: is not what was written: its sha256 is ")
    assert len(ended.stdout.splitlines()) == 1
    assert (
        "remove the files named above" in ended.stderr and "`datafactory build` with the recipe 'small'" in ended.stderr
    )


def test_what_is_cut_short_missing_or_beside_is_told(dataset: Path):
    (dataset / FIRST).write_bytes((dataset / FIRST).read_bytes()[:-9])
    (dataset / "report.html").unlink()
    (dataset / "data/train-00003-of-00003.parquet").write_bytes(b"x")
    (dataset / "notes.txt").write_text("mine")
    assert [line.partition(",")[0] for line in failures(dataset)] == [
        f"{FIRST}: is not what was written: it has {(dataset / FIRST).stat().st_size:,} bytes".partition(",")[0],
        "report.html: is missing",
        "data/train-00003-of-00003.parquet: is not in manifest.json",
        "notes.txt: is not in manifest.json",
    ]


def test_several_workers_find_what_one_finds(dataset: Path, monkeypatch: pytest.MonkeyPatch):
    (dataset / FIRST).write_bytes(b"x")
    (dataset / VALIDATION).unlink()
    alone = failures(dataset)
    monkeypatch.setattr("datafactory.checking.folder.PER_WORKER", 1)
    assert checked(dataset, 2).failures == alone != []


TURN = {"role": "user", "content": "a"}
SAID = {"role": "assistant", "content": "b"}


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"messages": []}, "row 3 has no messages"),
        ({"messages": None}, "row 3 has no messages"),
        ({"messages": [TURN, {"role": "assistant", "content": ""}]}, "row 3 has a message without content"),
        ({"messages": [TURN, {"role": "assistant", "content": None}]}, "row 3 has a message without content"),
        ({"messages": [TURN]}, "row 3 does not end with a question of the user and an answer of the assistant"),
        ({"messages": [SAID, TURN]}, "row 3 does not end with"),
        ({"reasoning": "other"}, "row 3 has messages that end otherwise than its reasoning and response"),
        ({"reasoning": None}, "row 3 has messages that end otherwise"),
        ({"response": "other"}, "row 3 has messages that end otherwise"),
        ({"problem": "other"}, "row 3 has messages that ask something else than its problem"),
    ],
)
def test_messages_that_are_not_what_stands_beside_them_are_told(dataset: Path, columns: dict[str, Any], told: str):
    rewritten(dataset, FIRST, first_row(**columns))
    [failure] = failures(dataset)
    assert failure.startswith(f"{FIRST}: {told}")


def test_a_row_that_stands_twice_is_told_by_its_trace(dataset: Path):
    row = pl.read_parquet(dataset / FIRST)[:1]
    rewritten(dataset, "data/train-00001-of-00003.parquet", lambda table: pl.concat([table[:-1], row]))
    found = failures(dataset)
    assert "data/train-00001-of-00003.parquet: 1 rows have the trace_id of a row before them" in found


def test_copies_that_a_mixture_asks_for_are_no_duplicates(dataset: Path):
    def twice(table: pl.DataFrame) -> pl.DataFrame:
        return pl.concat([table.with_columns(copy=pl.lit(k, pl.Int32)) for k in range(2)])

    for name in [path.relative_to(dataset).as_posix() for path in (dataset / "data").iterdir()]:
        rewritten(dataset, name, twice)
    assert not [line for line in failures(dataset) if "trace_id" in line]


def test_a_problem_in_both_splits_is_told(dataset: Path):
    leaked = pl.read_parquet(dataset / FIRST)[:1].with_columns(trace_id=pl.lit("0" * 16))
    rewritten(dataset, VALIDATION, lambda table: pl.concat([table[:-1], leaked]))
    assert f"{VALIDATION}: 1 problems stand in the split train too" in failures(dataset)


def test_counts_that_differ_from_the_cards_are_told(dataset: Path):
    domain = pl.read_parquet(dataset / FIRST)["domain"][0]
    held = pl.read_parquet(dataset / "data/*.parquet")
    rewritten(dataset, FIRST, lambda table: table[1:])
    found = failures(dataset)
    train = sum(pl.read_parquet(path).height for path in (dataset / "data").glob("train-*"))
    count = held.filter(pl.col("domain") == domain).height
    assert f"README.md: says {train + 1} rows in the split train; data/ holds {train} rows" in found
    assert f"README.md: says {count} rows of '{domain}'; data/ holds {count - 1} rows" in found
    assert "README.md: says 63 rows of 'total'; data/ holds 62 rows" in found


def test_rows_that_the_manifest_counts_otherwise_are_told(dataset: Path):
    manifest = json.loads((dataset / "manifest.json").read_text())
    manifest["files"][FIRST]["rows"] += 1
    manifest["rows"] += 1
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    held = pl.read_parquet(dataset / FIRST).height
    assert failures(dataset) == [f"{FIRST}: holds {held} rows; the manifest says {held + 1}"]


def test_a_shard_with_other_columns_is_told(dataset: Path):
    rewritten(dataset, FIRST, lambda table: table.drop("source").with_columns(rollout=pl.col("rollout").cast(pl.Int64)))
    assert f"{FIRST}: has other columns than the rest: rollout, source" in failures(dataset)


def test_what_is_no_dataset_is_said_to_be_none(tmp_path: Path, dataset: Path):
    with pytest.raises(UserError, match="no finished dataset"):
        checked(tmp_path, 1)
    (dataset / "manifest.json").write_text("{")
    ended = command("check", dataset)
    assert (ended.returncode, len(ended.stdout.splitlines())) == (1, 1)
    assert ended.stdout.startswith(f"{dataset}/manifest.json: is not readable")
