"""The files of an export, written a batch at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datafactory.exports import Part, Record
from datafactory.fingerprint import sha256_of

Entry = dict[str, Any]


class Lines:
    """JSON lines, one file per split, hashed while they are written."""

    def __init__(self, folder: Path, part: Part, split: str):
        self.name, self.rows, self.longest = f"{part.named(split)}.jsonl", 0, 0
        (folder / self.name).parent.mkdir(parents=True, exist_ok=True)
        self._stream = (folder / self.name).open("wb")
        self._hash, self._bytes = hashlib.sha256(), 0

    def shard(self, last: bool = False) -> None:
        """One file takes them all."""

    def write(self, records: Sequence[Record]) -> None:
        texts = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
        content = "".join(texts).encode()
        self._stream.write(content)
        self._hash.update(content)
        self._bytes += len(content)
        self.rows += len(records)
        self.longest = max([self.longest, *map(len, texts)])

    def close(self) -> dict[str, Entry]:
        self._stream.close()
        return {self.name: {"rows": self.rows, "bytes": self._bytes, "sha256": self._hash.hexdigest()}}


class Tables:
    """Parquet, one file per split or per shard of it."""

    def __init__(self, folder: Path, part: Part, split: str):
        assert part.schema is not None
        self.folder, self.part, self.split, self.schema = folder, part, split, part.schema
        self.rows, self.longest = 0, 0
        self._writer: pq.ParquetWriter | None = None
        self._paths: list[Path] = []

    def shard(self, last: bool = False) -> None:
        """What comes is the next shard's, where shards are kept apart."""
        if self.part.sharded or last:
            self._end()

    def write(self, records: Sequence[Record]) -> None:
        if self._writer is None:
            path = self.folder / f"{self.part.named(self.split)}-{len(self._paths):05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._paths.append(path)
            self._writer = pq.ParquetWriter(path, self.schema, compression="zstd")
        self._writer.write_table(pa.Table.from_pylist(list(records), schema=self.schema))
        self.rows += len(records)

    def close(self) -> dict[str, Entry]:
        if not self._paths:  # a split without a row has a file all the same
            self.write([])
        self._end()
        count, entries = len(self._paths), {}
        for k, path in enumerate(self._paths):
            final = f"{self.part.named(self.split)}.parquet"
            if self.part.sharded:
                final = f"{self.part.named(self.split)}-{k:05d}-of-{count:05d}.parquet"
            path = path.rename(self.folder / final)
            rows = pq.read_metadata(path).num_rows
            entries[final] = {"rows": rows, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
        return entries

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def written(folder: Path, part: Part, split: str) -> Lines | Tables:
    return Lines(folder, part, split) if part.schema is None else Tables(folder, part, split)
