"""Loading: the rows of a source as shards, those that cannot be used beside them; one shard at a time in memory.

fill      shards from rows in the order they have, a group whole in one of them
gathered  the same of finished answers, those to one question brought together first
"""

from __future__ import annotations

import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from datafactory.errors import StageError
from datafactory.gathering import Gathering
from datafactory.gold import grade
from datafactory.job import Job, parted
from datafactory.keys import Keys
from datafactory.mapping import Found, unfit
from datafactory.options import shuffled
from datafactory.plugins import Use
from datafactory.sources import Row
from datafactory.store import Draft
from datafactory.tables import cannot_write, frame
from datafactory.types import trace_id

SHARD = 64 * 2**20  # characters: a thousand rows of a megabyte each would be more than a worker should hold
PAIR = ("prompt", "chosen", "rejected")  # what a preference pair holds as messages
WRITERS = 3  # shards that are written while the next one is read: compressing holds no lock, and a disk takes its time


@dataclass(frozen=True)
class Filling:
    """What rows become: their columns, how many to a shard, what grades gold answers, the seed of options' order."""

    columns: list[str]
    rows_per_shard: int
    verifiers: tuple[Use, ...] = ()
    order_options: int | None = None


def fill(found: Iterable[Found], draft: Draft, filling: Filling, job: Job, done: Draft | None = None) -> Counter[str]:
    """Every shard that neither `draft` nor `done` has yet; how often each reason was given, "" for the rows kept."""
    seen, reasons_given = Keys(), Counter[str]()
    with ThreadPoolExecutor(WRITERS) as writer:
        waiting: deque[Future[None]] = deque()
        for k, chunk in enumerate(_chunks(found, filling.rows_per_shard)):
            rows = _numbered(chunk)
            reasons = [unfit(each, seen) for each in chunk]
            if filling.order_options is not None:
                rows = [shuffled(row, filling.order_options) for row in rows]
            if not draft.has(k) and not (done and done.has(k)):
                evidence: list[str | None] = [
                    f"{each.place}: {each.detail}" if each.detail else each.place for each in chunk
                ]
                grade(filling.verifiers, rows, reasons, evidence)
                split = parted(frame(rows, filling.columns), reasons, evidence)
                waiting.append(writer.submit(draft.write, k, split.kept, split.dropped))
            while len(waiting) > WRITERS:
                waiting.popleft().result()
            reasons_given.update(reason or "" for reason in reasons)
            job.progress.advance(rows=len(chunk))
        for each_written in waiting:
            each_written.result()
    return reasons_given


def gathered(rows: Callable[[], Iterable[Found]], filling: Filling, job: Job) -> Counter[str]:
    """`fill` with finished answers to the same question together, in the order of the first answer to each.

    Shards stand aside until it is known that no answer comes late, since one that does shifts all that follow.
    """
    gathering = Gathering(job.draft.folder / "late")
    aside = Draft(job.draft.folder / "aside")
    try:
        reasons = fill(gathering.first(rows()), aside, filling, job, job.draft)
        if gathering.late:
            shutil.rmtree(aside.folder, ignore_errors=True)
            job.progress.rows = 0
            reasons = fill(gathering.again(rows()), job.draft, filling, job)
    finally:
        gathering.close()
    _moved(aside, job.draft)
    return reasons


def demand_rows(reasons: Counter[str]) -> None:
    """StageError where nothing is left, with what was wrong."""
    if reasons[""]:
        return
    if not reasons:
        raise StageError("the source has no row")
    told = ", ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(3))
    raise StageError(f"the source has no row that can be used; of {reasons.total():,}: {told}")


def _numbered(chunk: list[Found]) -> list[Row]:
    """The rows, finished answers numbered as the rollouts of their problem."""
    rows: list[Row] = []
    problem, number = None, 0
    for each in chunk:
        row = each.row
        if "response" in row:
            number = number + 1 if row["problem_id"] == problem else 0
            problem = row["problem_id"]
            named = trace_id(problem, number, row.get("reasoning"), row["response"])
            row = {**row, "rollout": number, "trace_id": named}
        rows.append(row)
    return rows


def _chunks(found: Iterable[Found], size: int) -> Iterator[list[Found]]:
    """`size` rows at a time, fewer where they are long, and more where a group would be parted."""
    chunk: list[Found] = []
    length = 0
    for each in found:
        full = len(chunk) >= size or length >= SHARD
        if full and each.row["problem_id"] != chunk[-1].row["problem_id"]:
            yield chunk
            chunk, length = [], 0
        chunk.append(each)
        length += sum(len(value) for value in each.row.values() if isinstance(value, str))
        length += sum(len(turn["content"]) for name in PAIR for turn in each.row.get(name, ()))
    if chunk:
        yield chunk


def _moved(aside: Draft, draft: Draft) -> None:
    """The shards that stood aside, in their place: what a shard dropped first, as `write` has it."""
    try:
        for shard in sorted(aside.folder.glob("shard-*.parquet")):
            k = int(shard.stem.removeprefix("shard-"))
            if aside.beside(k).exists():
                aside.beside(k).replace(draft.beside(k))
            shard.replace(draft.shard(k))
        if aside.folder.exists():
            shutil.rmtree(aside.folder)
    except OSError as error:
        raise cannot_write(draft.folder, error) from error
