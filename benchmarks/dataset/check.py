"""Check: whether a merged dataset is what it says, by other means than the merge's own."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from datafactory.fingerprint import sha256_of
from datafactory.leaks import leaks
from datafactory.store import Dataset

NEAR = 0.001  # of Table 5


def checked(folder: Path, wanted: dict[str, int]) -> None:
    """Prints a line per check; ends with an error where one fails."""
    merged = Dataset(folder / "merge")
    sizes = Counter({split: merged.split(split).rows for split in merged.splits})
    megabytes = [shard["bytes"] // 10**6 for shard in merged.shards]
    print(f"splits: {dict(sizes)}; {len(merged.shards)} shards of {megabytes} MB")
    known = Counter(dict(merged.scan().group_by("domain").len().collect().iter_rows()))
    far = {name: known[name] / count - 1 for name, count in wanted.items()}
    _told("composition", max(map(abs, far.values())) <= NEAR, f"{dict(known)}, {merged.rows:,} in all")
    distinct = merged.scan().select(pl.struct("problem", "reasoning", "response").hash(7).n_unique()).collect().item()
    _told("no duplicate", distinct == merged.rows, f"{distinct:,} texts in {merged.rows:,} rows")
    found = leaks(merged)
    _told("no leak", found.shared_problems == found.shared_questions == found.repeated == 0, str(found))
    files = [(merged.folder / shard["file"], shard["sha256"]) for shard in merged.shards]
    _told("checksums", all(sha256_of(path) == sum_ for path, sum_ in files), f"{len(files)} files")
    published = _published(merged, folder / "published")
    ours = _digest(_by_polars(published))
    theirs = _digest(_by_datasets(published))
    _told("polars and datasets agree", ours == theirs and ours[0] == merged.rows, f"{ours[0]:,} rows, {ours[1]:x}")


def _told(what: str, holds: bool, figures: str) -> None:
    print(f"{what}: {'yes' if holds else 'NO'} ({figures})", flush=True)
    if not holds:
        raise SystemExit(1)


def _published(merged: Dataset, folder: Path) -> Path:
    """The shards under the names that publishing gives them."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for split, files in merged.splits.items():
        for k, file in enumerate(files):
            place = folder / "data" / f"{split}-{k:05d}-of-{len(files):05d}.parquet"
            place.unlink(missing_ok=True)
            os.link(merged.folder / file, place)
    return folder


def _by_polars(folder: Path) -> Iterable[dict]:
    for path in sorted((folder / "data").glob("*.parquet")):
        for batch in pl.scan_parquet(path).select("trace_id", "messages").collect_batches(chunk_size=5000):
            yield from batch.iter_rows(named=True)


def _by_datasets(folder: Path) -> Iterable[dict]:
    import datasets

    for split in datasets.load_dataset(str(folder), streaming=True).values():
        yield from split.select_columns(["trace_id", "messages"])


def _digest(rows: Iterable[dict]) -> tuple[int, int]:
    """How many rows, and a number that depends on what they say and not on their order."""
    count = total = 0
    for row in rows:
        said = "\0".join([row["trace_id"], *(turn["role"] + turn["content"] for turn in row["messages"])])
        total += int.from_bytes(hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
        count += 1
    return count, total % 2**64
