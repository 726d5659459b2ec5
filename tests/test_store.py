"""Shards appear whole or not at all, and are what their manifest says."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from datafactory.errors import StageError
from datafactory.store import EVIDENCE, REASON, Dataset, Draft, locked
from datafactory.tables import frame, write_bytes, write_parquet

from .conftest import REPOSITORY


def test_a_manifest_holds_rows_reasons_and_the_sha256_of_every_shard(tmp_path: Path):
    draft = Draft(tmp_path)
    lost = pl.DataFrame({"a": [7, 8], REASON: ["too long", "too long"], EVIDENCE: ["9", "10"]})
    draft.write(0, pl.DataFrame({"a": [1, 2, 3]}), lost)
    draft.write(1, pl.DataFrame({"a": [4]}))
    made = draft.finish(2, {"stage": "filter"})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (made.rows, made.dropped, manifest["reasons"]) == (4, 2, {"too long": 2})
    for shard in [*manifest["shards"], manifest["rejected"][0]]:
        assert hashlib.sha256((tmp_path / shard["file"]).read_bytes()).hexdigest() == shard["sha256"]
    assert manifest["rejected"][1] is None
    assert made.scan().collect()["a"].to_list() == [1, 2, 3, 4]


def test_a_changed_byte_in_a_shard_is_noticed_when_it_is_read(tmp_path: Path):
    draft = Draft(tmp_path)
    draft.write(0, pl.DataFrame({"a": list(range(1000))}))
    made = draft.finish(1, {})
    content = bytearray(draft.shard(0).read_bytes())
    content[40] ^= 1
    draft.shard(0).write_bytes(content)
    with pytest.raises(StageError, match=r"shard-00000\.parquet is not what was written"):
        made.read(0)


def test_a_shard_cut_short_is_noticed_when_the_dataset_is_finished(tmp_path: Path):
    draft = Draft(tmp_path)
    draft.write(0, pl.DataFrame({"a": [1]}))
    draft.shard(0).write_bytes(draft.shard(0).read_bytes()[:-7])
    with pytest.raises(StageError, match=r"shard-00000\.parquet is damaged"):
        draft.finish(1, {})


def test_a_column_that_is_all_null_has_the_same_type_as_one_that_is_not(tmp_path: Path):
    columns = ["question", "answer", "rollout"]
    write_parquet(frame([{"question": "a", "answer": "b", "rollout": 1}], columns), tmp_path / "full.parquet")
    write_parquet(frame([{"question": "a"}], columns), tmp_path / "null.parquet")
    assert pq.read_schema(tmp_path / "full.parquet").equals(pq.read_schema(tmp_path / "null.parquet"))


def test_text_that_utf8_cannot_carry_is_written_all_the_same(tmp_path: Path):
    write_parquet(frame([{"question": "a\ud800b\x00"}], ["question"]), tmp_path / "odd.parquet")
    assert pl.read_parquet(tmp_path / "odd.parquet")["question"].to_list() == ["a?b\x00"]


def test_a_full_disk_is_one_line_and_leaves_what_stood_there(tmp_path: Path):
    """A real one: a file system of 256 KiB where the machine lets us mount it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("cannot mount a small file system here")
    try:
        draft = Draft(disk)
        draft.write(0, pl.DataFrame({"a": [1]}))
        noise = pl.DataFrame({"a": [os.urandom(64).hex() for _ in range(8000)]})
        with pytest.raises(StageError, match="the disk is full; what was finished before it is kept"):
            draft.write(1, noise)
        assert sorted(path.name for path in disk.iterdir()) == ["shard-00000.parquet"]
        assert pl.read_parquet(draft.shard(0))["a"].to_list() == [1]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StageError, match="cannot write .*file exists"):
        write_bytes(tmp_path / "file" / "x", b"1")


def test_a_second_build_waits_for_the_first(tmp_path: Path):
    holder = f"""
import sys, time
sys.path.insert(0, {str(REPOSITORY)!r})
from pathlib import Path
from datafactory.store import locked
with locked(Path({str(tmp_path)!r})):
    print("held", flush=True)
    time.sleep(1)
    (Path({str(tmp_path)!r}) / "done").write_text("1")
"""
    first = subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None and first.stdout.readline() == "held\n"
    waited = []
    with locked(tmp_path, lambda: waited.append(True)):
        assert (tmp_path / "done").exists()
    assert waited == [True]
    first.wait()


def test_leftovers_of_a_killed_write_are_cleared(tmp_path: Path):
    (tmp_path / ".shard-00000.parquet.123.tmp").write_bytes(b"half")
    with locked(tmp_path):
        assert not list(tmp_path.glob(".*.tmp"))


def test_an_unreadable_manifest_says_what_to_do(tmp_path: Path):
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(StageError, match="remove its folder to make it again"):
        Dataset(tmp_path).rows  # noqa: B018
