"""Rows: the traces of a dataset under their ids, each read when it is asked for.

In   a stage's folder, a published one, or a file (Parquet, JSONL, CSV); a condition; how many
Out  ids in the order of the dataset, and a row by its place. What is held of a row is its id and its number; texts are
     read by the row group, a few at a time, and the last ones are remembered
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, OrderedDict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from datafactory.beside import write
from datafactory.conditions import columns_in, expression
from datafactory.errors import StageError, UserError, did_you_mean
from datafactory.foreign import mapping_of, table_of
from datafactory.report.opened import opened
from datafactory.sources import rows_of
from datafactory.types import trace_id

BATCH = 16  # rows that are read together
REMEMBERED = 64 << 20  # bytes of them that are kept
# what nobody reads on the page: it may be megabytes, or says again what stands beside it
UNREAD = {"messages", "tests", "synthetic_tests"}
PUBLISHED = {"question": "problem", "answer": "solution"}
OURS = ("problem_id", "question", "answer", "reasoning", "response", "choices")


class Rows:
    """`scratch` is a folder for what has to be turned into Parquet to be read row by row."""

    def __init__(
        self, path: Path, scratch: Path, where: str | None = None, first: int | None = None, sample: int | None = None
    ):
        self.path = path
        self.files = [_as_parquet(file, scratch, number) for number, file in enumerate(opened(path).files)]
        if not self.files:
            raise UserError(f"{path} holds no rows")
        self._names = mapping_of(self.files[0], {})
        self._made = False  # whether the ids are made here
        self._groups = [(file, group, rows) for file in self.files for group, rows in enumerate(_groups(file))]
        self._starts = np.cumsum([0, *(rows for _, _, rows in self._groups)])
        self._recent: OrderedDict[tuple[int, int], pa.Table] = OrderedDict()
        self._reading: tuple[int, int, Iterator[pa.RecordBatch]] | None = None
        found = self._found(where)
        if sample is not None and sample < found.height:
            drawn = pl.Series([hashlib.sha256(name.encode()).digest() for name in found["trace_id"]]).arg_sort()
            found = found[drawn.head(sample).sort()]  # the same ones for every reviewer
        self.ids = (found.head(first) if first is not None else found)["trace_id"]
        self._at = found["at"].to_numpy()
        if not len(self.ids):
            raise UserError(f"{path} has no trace to review" + (f" with {where}" if where else ""))
        self._order = self.ids.arg_sort()
        self._sorted = self.ids.gather(self._order)

    def __len__(self) -> int:
        return len(self.ids)

    def place(self, name: str) -> int | None:
        """The place of the trace of that id, or of the first whose id begins so."""
        at = self._sorted.search_sorted(name)
        if name and at < len(self._sorted) and self._sorted[at].startswith(name):
            return int(self._order[at])
        return None

    def __contains__(self, name: str) -> bool:
        place = self.place(name)
        return place is not None and self.ids[place] == name

    def row(self, place: int) -> dict[str, Any]:
        """The row under the project's names, whatever the file calls them."""
        number = int(self._at[place])
        group = int(np.searchsorted(self._starts, number, side="right")) - 1
        batch, within = divmod(number - int(self._starts[group]), BATCH)
        row: dict[str, Any] = self._batch(group, batch).slice(within, 1).to_pylist()[0]
        if not self._made:  # a row of ours says itself what it is
            ours = {name: row[theirs] for name, theirs in PUBLISHED.items() if name not in row and theirs in row}
            return {**row, **ours}
        mapped = table_of([row], self._names).row(0, named=True)
        return {**row, **{name: mapped[name] for name in OURS}, "trace_id": self.ids[place]}

    def _batch(self, group: int, batch: int) -> pa.Table:
        found = self._recent.get((group, batch))
        if found is None:
            file, number, _ = self._groups[group]
            if self._reading is None or self._reading[0] != group or self._reading[1] > batch:
                self._reading = (group, 0, _batches(file, number, self._names))
            _, at, batches = self._reading
            part = next(islice(batches, batch - at, None))
            self._reading = (group, batch + 1, batches)
            # a copy: a batch may hold on to the whole group that it was cut from
            found = self._recent[(group, batch)] = pa.Table.from_batches([part]).take(list(range(part.num_rows)))
        self._recent.move_to_end((group, batch))
        while len(self._recent) > 1 and sum(table.nbytes for table in self._recent.values()) > REMEMBERED:
            self._recent.popitem(last=False)
        return found

    def _found(self, where: str | None) -> pl.DataFrame:
        """`at`, the number of a row in the dataset, and its `trace_id`: one row for each trace that is meant."""
        table = pl.concat([pl.scan_parquet(file) for file in self.files], how="diagonal_relaxed").with_row_index("at")
        columns = [name for name in table.collect_schema().names() if name != "at"]
        if where is not None:
            table = table.filter(_condition(where, columns))
        self._made = "trace_id" not in columns
        try:
            if not self._made:
                found = table.select("at", "trace_id").drop_nulls().collect(engine="streaming")
            else:
                met = table.select("at").collect(engine="streaming")
                found = met.with_columns(self._made_ids().gather(met["at"]))
        except pl.exceptions.PolarsError as error:
            problem = f"'{where}' does not fit the columns" if where is not None else f"{self.path} is not readable"
            raise UserError(f"{problem}: {str(error).splitlines()[0]}") from error
        # a trace that stands there several times is read once; decisions count for every copy
        return found.sort("at").unique("trace_id", keep="first", maintain_order=True)

    def _made_ids(self) -> pl.Series:
        """Ids for rows that bring none: those that a `load` stage gives them."""
        ids: list[str] = []
        rollouts: Counter[str] = Counter()
        known: dict[str, str] = {}
        for file, group, _ in self._groups:
            for batch in _batches(file, group, self._names):
                for row in table_of(batch.to_pylist(), self._names).iter_rows(named=True):
                    said = trace_id(row["problem_id"], 0, row["reasoning"], row["response"])
                    if said not in known:
                        at = rollouts[row["problem_id"]]
                        rollouts[row["problem_id"]] += 1
                        known[said] = trace_id(row["problem_id"], at, row["reasoning"], row["response"])
                    ids.append(known[said])
        return pl.Series("trace_id", ids, dtype=pl.String)


def _as_parquet(file: Path, scratch: Path, number: int) -> Path:
    file = file.resolve()  # a link that is turned elsewhere meanwhile changes nothing
    if file.suffix == ".parquet":
        return file
    out = scratch / f"{number}.parquet"
    write(out, (json.dumps(row, ensure_ascii=False, default=str) + "\n" for _, row in rows_of(file)))
    return out


def _groups(file: Path) -> list[int]:
    try:
        about = pq.read_metadata(file)
    except (OSError, pa.ArrowException) as error:
        raise StageError(f"{file} is not readable Parquet: {error}") from error
    return [about.row_group(group).num_rows for group in range(about.num_row_groups)]


def _batches(file: Path, group: int, names: dict[str, str]) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(file) as source:
            columns = [name for name in source.schema_arrow.names if name not in UNREAD or name in names.values()]
            yield from source.iter_batches(BATCH, row_groups=[group], columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise StageError(f"{file} cannot be read: {error}") from error


def _condition(where: str, columns: list[str]) -> pl.Expr:
    try:
        wanted = columns_in(where)
    except ValueError as error:
        raise UserError(str(error)) from error
    unknown = [name for name in wanted if name not in columns]
    if unknown:
        raise UserError(*[f"--where: no column '{name}'.{did_you_mean(name, columns)}" for name in unknown])
    return expression(where)
