"""Scoring a file that exists: verifiers over anyone's JSONL, Parquet or CSV, without a recipe.

The rows are read, scored and written a chunk at a time, several chunks at once where there are several workers; what
is held in memory does not grow with the file. Every column of the source is kept, as JSON spells it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from datafactory.beside import beside, chunks, demand_free, write
from datafactory.errors import StageError
from datafactory.executors import local
from datafactory.foreign import mapping_of, table_of
from datafactory.plugins import Use
from datafactory.scoring import UNDECIDED, score, score_columns
from datafactory.sources import Row
from datafactory.types import DECIDED

MAX_ERRORS = 0.05  # as a verify stage has it


@dataclass(frozen=True)
class Part:
    """A chunk of the file with the scores behind its own columns, as JSON lines; how often each status stands in it."""

    rows: int
    lines: str
    statuses: dict[str, Counter[str]]


def verify_file(
    path: Path,
    uses: tuple[Use, ...],
    out: Path,
    columns: dict[str, str | None],
    prefix: str = "",
    workers: int = 1,
) -> Iterator[str]:
    """The file's rows with the columns of each verifier, written to `out`; yields a line per verifier."""
    found = mapping_of(path, columns)
    demand_free(path, [f"{prefix}{name}" for name in score_columns(uses)])
    counts: dict[str, Counter[str]] = {use.name: Counter() for use in uses}
    total = 0

    def lines() -> Iterator[str]:
        nonlocal total
        tasks = (partial(_scored, path, uses, found, prefix, rows) for rows in chunks(path))
        for part in local.stream(tasks, workers):
            total += part.rows
            for name, statuses in part.statuses.items():
                counts[name].update(statuses)
            yield part.lines

    try:
        write(out, lines())
    except BrokenProcessPool as error:
        raise StageError(f"worker processes died again and again; {out} is not written") from error
    yield f"{total:,} rows in {out}"
    for name, statuses in counts.items():
        decided = sum(statuses[status] for status in DECIDED)
        said = ", ".join(f"{count:,} {status}" for status, count in statuses.most_common())
        rate = f"; {statuses['correct'] / decided:.1%} of the decided are correct" if decided else ""
        yield f"{name}: {said or 'nothing'}{rate}"
    for name, statuses in counts.items():
        failed = sum(statuses[status] for status in UNDECIDED)
        if failed > MAX_ERRORS * total:
            raise StageError(f"the verifier {name} decided too few rows: {failed:,} of {total:,} ended in an error")


def _scored(path: Path, uses: tuple[Use, ...], found: dict[str, str], prefix: str, rows: list[Row]) -> Part:
    table = score(uses, table_of(rows, found)).select(score_columns(uses))
    statuses = {use.name: Counter(table[f"{use.name}_status"].to_list()) for use in uses}
    return Part(len(rows), beside(path, rows, table.rename(lambda name: f"{prefix}{name}")), statuses)
