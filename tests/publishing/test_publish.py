"""What is published is the store's rows under its own names, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import datasets
import polars as pl
import pytest

from datafactory import copying
from datafactory.copying import Copy, copied
from datafactory.errors import StageError
from datafactory.store import Dataset
from tests.conftest import built


def place_of(recipe: Path) -> Path:
    return recipe.parent / "outputs/small/dataset"


def stored(recipe: Path) -> Path:
    [folder] = (recipe.parent / "outputs/store").glob("merge-*")
    return folder


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hurt(path: Path) -> None:
    """One byte another; the size stays."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_the_manifest_names_every_file_with_its_sha256_and_rows(dataset: Path):
    manifest = json.loads((dataset / "manifest.json").read_text())
    files = {path.relative_to(dataset).as_posix(): path for path in dataset.rglob("*") if path.is_file()}
    assert files.keys() == manifest["files"].keys() | {"manifest.json"}
    for name, entry in manifest["files"].items():
        assert (entry["bytes"], entry["sha256"]) == (files[name].stat().st_size, sha256(files[name]))
        if name.endswith(".parquet"):
            assert entry["rows"] == pl.read_parquet(files[name]).height
    rows = {
        split: sum(manifest["files"][name]["rows"] for name in names) for split, names in manifest["splits"].items()
    }
    assert set(rows) == {"train", "validation"} and sum(rows.values()) == manifest["rows"] == 63


def test_the_shards_are_those_of_the_store_under_the_names_of_their_split(factory: Path):
    data = place_of(factory) / "data"
    for split, files in Dataset(stored(factory)).splits.items():
        named = [data / f"{split}-{k:05d}-of-{len(files):05d}.parquet" for k in range(len(files))]
        assert [sha256(path) for path in named] == [sha256(stored(factory) / file) for file in files]
    assert len(list(data.iterdir())) == len(Dataset(stored(factory)).shards)


def test_datasets_streams_both_splits_and_agrees_with_polars(dataset: Path, tmp_path: Path):
    for split in ("train", "validation"):
        plain = pl.read_parquet(dataset / f"data/{split}-*.parquet")
        streamed = list(datasets.load_dataset(str(dataset), split=split, streaming=True))
        loaded = datasets.load_dataset(str(dataset), split=split, cache_dir=str(tmp_path / "cache"))
        assert [row["trace_id"] for row in streamed] == loaded["trace_id"][:] == plain["trace_id"].to_list()
        assert [row["messages"] for row in streamed] == plain["messages"].to_list()
    train, validation = (
        set(pl.read_parquet(dataset / f"data/{split}-*")["problem_id"]) for split in ("train", "validation")
    )
    assert train and validation and not train & validation


def test_what_datasets_has_cached_is_not_shown_for_other_rows(dataset: Path, tmp_path: Path, recipe: Path):
    """With `configs` in the card `datasets` does not look at the files; the card has to be another one."""
    cache = str(tmp_path / "cache")
    before = datasets.load_dataset(str(dataset), split="train", cache_dir=cache)["trace_id"][:]
    built(recipe, "seed=2")
    shutil.rmtree(dataset)
    shutil.copytree(place_of(recipe), dataset)
    after = datasets.load_dataset(str(dataset), split="train", cache_dir=cache)["trace_id"][:]
    assert after == pl.read_parquet(dataset / "data/train-*")["trace_id"].to_list() != before


def test_an_edit_of_what_was_published_does_not_reach_the_store(recipe: Path):
    sums = {path.name: sha256(path) for path in stored(recipe).glob("*.parquet")}
    for path in (place_of(recipe) / "data").iterdir():
        with path.open("r+b") as stream:
            stream.write(b"edited")
    assert {path.name: sha256(path) for path in stored(recipe).glob("*.parquet")} == sums


@pytest.mark.parametrize("name", ["data/train-00000-of-00003.parquet", "README.md", "rejected/clean-00001.parquet"])
def test_a_damaged_publication_is_made_again_from_the_store(recipe: Path, name: str):
    path = place_of(recipe) / name
    before = sha256(path)
    hurt(path)
    built(recipe)
    assert sha256(path) == before
    path.unlink()
    built(recipe)
    assert sha256(path) == before


def test_a_damaged_shard_of_the_store_is_told_and_the_publication_stands(recipe: Path):
    files = sorted((place_of(recipe) / "data").iterdir())
    before = [sha256(path) for path in files]
    shard = stored(recipe) / Dataset(stored(recipe)).splits["train"][1]
    hurt(shard)
    hurt(place_of(recipe) / "README.md")  # so that it has to be published again
    for path in files:
        path.rename(path.with_suffix(".away"))
    with pytest.raises(StageError, match=rf"{shard.name} is not what was written .*remove .*merge-.* to make it again"):
        built(recipe)
    for path in files:
        path.with_suffix(".away").rename(path)
    assert [sha256(path) for path in files] == before
    assert not list(place_of(recipe).parent.glob(".dataset.*"))


def test_a_killed_attempt_is_gone_on_with(recipe: Path):
    """What it had copied is kept, what it had torn is not, and nothing else is left."""
    place = place_of(recipe)
    beside = place.with_name(".dataset.new")
    names = sorted(path.name for path in (place / "data").iterdir())
    place.rename(beside)
    for path in (beside / "manifest.json", beside / "data" / names[1]):
        path.unlink()
    hurt(beside / "data" / names[2])
    (beside / "data" / f".{names[1]}.part").write_bytes(b"half")
    (beside / "data/train-00000-of-00009.parquet").write_bytes(b"of another number of shards")
    kept = (beside / "data" / names[0]).stat().st_ino
    built(recipe)
    assert sorted(path.name for path in (place / "data").iterdir()) == names
    assert (place / "data" / names[0]).stat().st_ino == kept
    manifest = json.loads((place / "manifest.json").read_text())
    assert all(sha256(place / name) == entry["sha256"] for name, entry in manifest["files"].items())
    assert [path.name for path in place.parent.iterdir() if path.name.startswith(".dataset")] == []


def test_a_kill_between_the_two_renames_leaves_the_dataset_findable(recipe: Path):
    place = place_of(recipe)
    place.rename(place.with_name(".dataset.old"))
    before = sorted(path.stat().st_ino for path in (place.with_name(".dataset.old") / "data").iterdir())
    built(recipe)
    assert sorted(path.stat().st_ino for path in (place / "data").iterdir()) == before
    assert not place.with_name(".dataset.old").exists()


def test_a_full_disk_is_one_line_and_what_stood_there_stands(recipe: Path, tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("cannot mount a small file system here")
    try:
        shutil.copytree(recipe.parent, disk / "own", symlinks=True)
        own = disk / "own/recipe.yaml"
        (place_of(own) / "data/train-00000-of-00003.parquet").unlink()
        with pytest.raises(StageError, match="no room to publish: .* needed .* free; the finished stages are kept"):
            built(own)
        assert (place_of(own) / "data/train-00001-of-00003.parquet").exists()
        assert not list(place_of(own).parent.glob(".dataset.*"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_fills_up_while_files_are_copied_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    disk, source = tmp_path / "disk", tmp_path / "large"
    disk.mkdir()
    source.write_bytes(bytes(range(256)) * 8192)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("cannot mount a small file system here")
    try:
        monkeypatch.setattr(copying, "_demand_room", lambda *_: None)
        with pytest.raises(OSError, match="No space left"):
            copied([Copy(source, disk / "x", source.stat().st_size, sha256(source))], {})
        assert not (disk / "x").exists()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_what_was_dropped_is_in_rejected_with_stage_reason_and_evidence(factory: Path):
    found = pl.read_parquet(place_of(factory) / "rejected/*.parquet")
    counted = dict(found.group_by("stage").len().iter_rows())
    manifest = json.loads((place_of(factory) / "manifest.json").read_text())
    assert counted == {stage["name"]: stage["dropped"] for stage in manifest["stages"] if stage["dropped"]}
    assert found.select("stage", "reason", "evidence").null_count().row(0) == (0, 0, 0)
    files = list((place_of(factory) / "rejected").iterdir())
    assert len({tuple(pl.read_parquet_schema(path).items()) for path in files}) == 1
    for stage in ("clean", "accepted"):
        folder = place_of(factory).parent / stage
        plain = pl.concat([pl.read_parquet(path) for path in sorted(folder.glob("rejected-*.parquet"))])
        theirs = found.filter(pl.col("stage") == stage).select(
            pl.col("problem_id", "rollout", "response", "reason").exclude("reason"),
            pl.col("reason").alias("rejected_reason"),
        )
        assert theirs.equals(plain.select("problem_id", "rollout", "response", "rejected_reason"))
