"""Build: the steps of a merge. The rows are spilt into buckets, chosen by their keys, and written shard by shard.

Each step leaves whole files, so that a merge that was stopped goes on where it was and ends in the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from datafactory.errors import NothingLeft, StageError
from datafactory.job import Job
from datafactory.merging.choose import Wanted, choose, demand
from datafactory.merging.parts import DATASET, copied
from datafactory.merging.spill import Keyed, Spill, firsts
from datafactory.merging.tokens import counted
from datafactory.merging.writing import Decided, Order, Written
from datafactory.tables import write_bytes

if TYPE_CHECKING:
    from datafactory.stages.merge import Config

THREADS = min(4, (os.cpu_count() or 1) + 1)
T = TypeVar("T")


def merge(config: Config, job: Job, note: Path) -> None:
    sources = tuple(job.inputs[name] for name in config.sources)
    demand(sources, _wanted(config))
    spill = Spill(job.draft.folder / "spill", sources, counted(config, job))
    spill.open([1])
    job.progress.expect(2 * spill.rows)
    keyed = _keyed(config, spill)
    for rows in threaded(partial(spill.fill, k, keyed) for k in range(len(spill.pieces))):
        job.progress.advance(rows=rows)
    decided, counts = _decided(config, job, spill)
    order = Order(config.shuffle, config.apart, config.shard_bytes, copied(config.mixture or {}))
    written = Written(job.draft, spill, decided, order)
    for rows, taken in threaded(written.training()):
        job.progress.advance(rows=rows, accepted=taken)
    for rows, taken in threaded(written.validation()):
        job.progress.advance(rows=rows, accepted=taken)
    about = {"counts": counts, "splits": written.splits}
    write_bytes(note, json.dumps(about, indent=1, ensure_ascii=False).encode())
    shutil.rmtree(spill.folder)


def _keyed(config: Config, spill: Spill) -> Keyed:
    parts = (config.mixture or {}).values()
    by = {"domain", config.by, *(part.by for part in parts if part.by)} - {DATASET}
    return Keyed(
        seed=config.seed or 0,
        by=tuple(sorted(by)),
        prefer=config.prefer.split()[0] if config.prefer else None,
        leaks=config.validation is not None,
        firsts=None if config.shuffle else firsts(spill.sources),
    )


def _wanted(config: Config) -> Wanted:
    return Wanted(
        names=config.sources,
        mixture=config.mixture,
        by=config.by,
        rows=config.rows,
        other=config.other,
        shortfall=config.shortfall,
        descending=bool(config.prefer) and config.prefer.lower().endswith(" desc"),  # type: ignore[union-attr]
        validation=config.validation,
        seed=config.seed or 0,
    )


def _decided(config: Config, job: Job, spill: Spill) -> tuple[Decided, dict[str, Any]]:
    """The rows bucket after bucket with what was decided of each, and the counts."""
    try:
        chosen = choose(spill.keys(), spill.links() if config.validation else None, _wanted(config))
        if not chosen.rows["times"].sum():
            raise NothingLeft("nothing is left: the mixture takes no row")
    except StageError:
        shutil.rmtree(spill.folder)  # no other mixture would find it
        raise
    for told in chosen.notes:
        job.progress.note(told)
    rows = chosen.rows
    doubles = rows.filter(pl.col("why") == 0)["first"]
    stays = pl.DataFrame(schema={"first": pl.UInt64, "trace": pl.String})
    if len(doubles):
        known = rows["at"].is_in(doubles.implode())
        stays = pl.DataFrame({"first": rows["at"].filter(known), "trace": spill.trace_ids().filter(known)})
    columns = ["bucket", "group", "problem", "order", "at", "size", "times", "apart", "place", "why", "first"]
    rows = rows.select(columns).sort("bucket", maintain_order=True)
    return Decided(rows, chosen.told, stays), chosen.counts


def threaded(tasks: Iterable[Callable[[], T]]) -> Iterator[T]:
    """The result of each task, some at a time; after an error none is begun any more."""
    left = iter(tasks)
    with ThreadPoolExecutor(THREADS) as pool:
        running = {pool.submit(task) for task in islice(left, THREADS)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
            running |= {pool.submit(task) for task in islice(left, len(done))}
