"""Shards: rows written as Parquet files that stream well, group of rows by group of rows.

A row group is small enough to be read alone. Statistics and dictionaries are of the small columns: the smallest and
the largest of all texts help no reader.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from datafactory.merging import keys
from datafactory.merging.render import as_arrow
from datafactory.tables import writing

GROUP_ROWS = 4096
GROUP_BYTES = 16 << 20  # of a row group's text, about half of it said again in `messages`
TEXTS = {
    "messages", "problem", "question", "solution", "answer", "reasoning", "response", "history", "choices", "tests",
    "synthetic_tests", "meta", "error", "rejected_evidence",
}  # fmt: skip
OWN = {"problem_id", "trace_id", "parent_id"}  # each value stands once or a few times


class Sheet:
    """A file that rows are added to: there whole once the context is left, and not at all where no row was added.

    While a row group is packed in a thread, the next is brought into its form.
    """

    def __init__(self, path: Path, form: Callable[[pl.DataFrame], pa.Table] = as_arrow):
        self.path, self.form, self.rows = path, form, 0
        self._held: pl.DataFrame | None = None
        self._writer: pq.ParquetWriter | None = None
        self._packing: Future[None] | None = None
        self._open = ExitStack()

    def __enter__(self) -> Sheet:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            if kind is None:
                if self._held is not None and self._held.height:
                    self._write(self._held)
                self._wait()
                if self._writer is None:
                    self.path.unlink(missing_ok=True)
        except BaseException:
            self._open.__exit__(*sys.exc_info())
            raise
        self._open.__exit__(kind, error, trace)

    def add(self, frame: pl.DataFrame) -> None:
        *full, self._held = grouped(frame if self._held is None else pl.concat([self._held, frame]))
        for group in full:
            self._write(group)

    def _write(self, group: pl.DataFrame) -> None:
        table = self.form(group)
        if self._writer is None:
            stream = self._open.enter_context(writing(self.path))
            self._writer = self._open.enter_context(closing(writer(stream, table.schema)))
            self._thread = self._open.enter_context(ThreadPoolExecutor(1))  # left first: it has ended when the file is
        self._wait()
        self._packing = self._thread.submit(self._writer.write_table, table, row_group_size=table.num_rows)
        self.rows += table.num_rows

    def _wait(self) -> None:
        if self._packing is not None:
            self._packing.result()


def writer(stream: BinaryIO, schema: pa.Schema) -> pq.ParquetWriter:
    flat = [field.name for field in schema if field.name not in TEXTS]
    words = [name for name in flat if name not in OWN and pa.types.is_string(schema.field(name).type)]
    return pq.ParquetWriter(
        stream,
        schema,
        compression="zstd",
        use_dictionary=[*words, "messages.list.element.role"],
        write_statistics=flat,
        write_page_index=True,
    )


def packed(frame: pl.DataFrame) -> int:
    """The bytes that these rows take in a file."""
    stream, table = io.BytesIO(), as_arrow(frame)
    with closing(writer(stream, table.schema)) as into:
        into.write_table(table)
    return stream.getbuffer().nbytes


def grouped(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows in the same order as frames of a row group each; the last one, which may be empty, can take more."""
    ends = np.cumsum(keys.size(frame).to_numpy())
    start = 0
    while True:
        before = ends[start - 1] if start else 0
        end = min(start + GROUP_ROWS, max(start + 1, int(np.searchsorted(ends, before + GROUP_BYTES, side="right"))))
        if end >= frame.height:
            yield frame[start:]
            return
        yield frame[start:end]
        start = end
