"""What a stage is handed: its inputs, its models, the folder it fills, and how many may work on it.

job.map_shards(function, source)    the common shape: shard k of the output from shard k of the input
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.budget import Account
from datafactory.errors import StageError
from datafactory.executors import Executor, local
from datafactory.fingerprint import digest
from datafactory.models import Model, Weights
from datafactory.progress import StageProgress
from datafactory.store import EVIDENCE, REASON, Dataset, Draft, Joined, is_finished, locked

SEEN = 90  # seconds until a folder on another machine shows what was written into it: NFS keeps up to 60 (acdirmax)


@dataclass(frozen=True)
class Split:
    """What a stage keeps of a shard and what it drops, the latter with a reason and the evidence for it."""

    kept: pl.DataFrame
    dropped: pl.DataFrame | None = None
    accepted: int | None = None


Function = Callable[..., pl.DataFrame | Split]


@dataclass(frozen=True)
class Job:
    """inputs and models are under the names that the stage's config uses for them."""

    draft: Draft
    store: Path
    progress: StageProgress
    inputs: dict[str, Dataset] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    weights: dict[str, Weights] = field(default_factory=dict)
    workers: int = 1
    executor: Executor = local
    account: Account = field(default_factory=Account)

    def input(self, source: str | tuple[str, ...]) -> Dataset:
        """The dataset that a `from` names; several names are read as one dataset."""
        if isinstance(source, str):
            return self.inputs[source]
        joined = Joined(self.store, tuple(self.inputs[name] for name in source))
        held = [part.scan().select(pl.col("problem_id").unique()).collect() for part in joined.parts]
        if sum(map(len, held)) > pl.concat(held)["problem_id"].n_unique():  # a group would span two shards
            raise StageError(f"{', '.join(source)} hold the same problems; give each a stage of its own")
        return joined

    def map_shards(self, function: Function, *sources: Dataset) -> None:
        """Each missing shard k of the output as `function(shard k of each source)`; the function is picklable."""
        rows = [shard["rows"] for shard in sources[0].shards]
        missing = [k for k in range(len(rows)) if not self.draft.has(k)]
        self.progress.expect(sum(rows))
        self.progress.advance(rows=sum(rows) - sum(rows[k] for k in missing))
        tasks = [partial(_shard, function, sources, self.draft, k) for k in missing]
        workers = min(self.workers, 1 + sum(rows[k] for k in missing) // self.executor.rows_per_worker)
        try:
            for k, accepted in self.executor.run(tasks, workers):
                _see(self.draft, k)
                self.progress.advance(rows=rows[k], accepted=accepted)
        except BrokenProcessPool as error:
            raise StageError("worker processes died again and again; what was finished is kept") from error

    def aside(self, name: str, decided: Any, function: Function, source: Dataset) -> Dataset:
        """A dataset beside the stage's own, under everything that decided it: what many configs of a stage share."""
        draft = Draft(self.store / f"{name}-{digest(decided)[:16]}")
        with locked(draft.folder):
            if not is_finished(draft.folder):
                replace(self, draft=draft).map_shards(function, source)
                self.progress.rows = 0
                draft.finish(len(source.shards), {"stage": name, "fingerprint": digest(decided)})
        return Dataset(draft.folder)

    def aside_whole(self, name: str, decided: Any, function: Callable[[], pl.DataFrame], source: Dataset) -> Dataset:
        """The same of a function over all shards at once, which gives a row per row of the source, in its order."""
        draft = Draft(self.store / f"{name}-{digest(decided)[:16]}")
        with locked(draft.folder):
            if not is_finished(draft.folder):
                whole, start = function(), 0
                for k, shard in enumerate(source.shards):
                    draft.write(k, whole.slice(start, shard["rows"]))
                    start += shard["rows"]
                draft.finish(len(source.shards), {"stage": name, "fingerprint": digest(decided)})
        return Dataset(draft.folder)

    def start(self, model: Model) -> Any:
        """The model's engine, running where the executor has room for it."""
        return self.executor.start(model)

    @property
    def journals(self) -> Path:
        return self.store / "journal"


def _shard(function: Function, sources: tuple[Dataset, ...], draft: Draft, k: int) -> tuple[int, int | None]:
    made = function(*(source.read(k) for source in sources))
    split = made if isinstance(made, Split) else Split(made)
    draft.write(k, split.kept, split.dropped)
    return k, split.accepted


def _see(draft: Draft, k: int) -> None:
    """Wait until a shard that another machine wrote is seen on this one."""
    until = time.monotonic() + SEEN
    while not draft.has(k):
        if time.monotonic() > until:
            raise StageError(f"{draft.shard(k)} was written by a worker, and is not there {SEEN} seconds later")
        time.sleep(0.05)


def parted(table: pl.DataFrame, reasons: list[str | None], evidence: list[str | None]) -> Split:
    """The rows without a reason kept, the others dropped with theirs."""
    kept = pl.Series([reason is None for reason in reasons], dtype=pl.Boolean)
    marked = table.with_columns(
        pl.Series(REASON, reasons, dtype=pl.String), pl.Series(EVIDENCE, evidence, dtype=pl.String)
    )
    return Split(table.filter(kept), marked.filter(~kept), accepted=int(kept.sum()))
