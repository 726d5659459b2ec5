"""Driving: many works at once put to one engine, which is never left without requests while there are any.

A work is a generator. It yields requests, and is sent their outputs under their keys once all of them are there; or it
yields a Task, and is sent what it returned, made by a worker process while the engine goes on. What it returns in the
end is its result.

What gives the works may give None: none for now.

    def work():
        outputs = yield requests
        verdicts = yield Task(verify, rows)
        return verdicts
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from datafactory.arrivals import Arrivals, arrivals
from datafactory.engines import Output, Request
from datafactory.errors import StageError
from datafactory.feed import Feed

if TYPE_CHECKING:
    from datafactory.asking import Asker

T = TypeVar("T")
TICK = 0.5  # seconds between two looks at the engine while workers are waited for
TOGETHER = 64  # tasks that a worker is handed at once


@dataclass(frozen=True)
class Task:
    """What a worker process is to do, for this work and others at once; picklable.

    run takes a list of what was given, and returns as many results in order; tasks with the same one go together.
    """

    run: Callable[[Sequence[Any]], Sequence[Any]]
    given: Any


Work = Generator[Sequence[Request] | Task, Any, T]


class BudgetReached(StageError):
    """The next request might overrun the budget; what arrived is kept."""


@dataclass(eq=False)
class _Open:
    """A work that waits for outputs."""

    work: Work[Any]
    requests: Sequence[Request]
    missing: set[str]


class Driver(Generic[T]):
    arrivals: Arrivals

    def __init__(self, asker: Asker, works: Iterable[Work[T] | None]):
        self.asker = asker
        self.works = iter(works)
        self.feed = Feed(asker.purse)
        self.waiting: dict[str, list[_Open]] = {}  # key -> the works that wait for it
        self.due: deque[tuple[Task, Work[T]]] = deque()  # for the workers
        self.tasks: dict[Future[Any], list[Work[T]]] = {}  # with them
        self.failed: dict[str, Output] = {}  # what came to nothing
        self.ended: list[T] = []
        self.begun = False  # every work there is

    def run(self) -> Generator[T]:
        self.arrivals = arrivals(self.asker.engine, self.feed, self.asker.journal)
        try:
            while True:
                self._begin()
                self._hand_out()
                yield from self._results()
                if self.waiting:
                    batch = self.arrivals.next()
                    self._arrived(batch)
                    if not batch and not self.asker.purse.under_way:
                        self._idle()
                elif self.tasks:
                    wait(self.tasks, return_when=FIRST_COMPLETED)
                elif self.begun:
                    self.feed.close()
                    return
                self._tasks_done()
                yield from self._results()
        finally:
            self.arrivals.close()
            if "pool" in self.__dict__:
                self.pool.close()

    @cached_property
    def pool(self) -> Any:
        return self.asker.job.executor.pool(self.asker.job.workers)

    def _begin(self) -> None:
        """New works, until the engine has enough that waits for it."""
        while not self.begun and not self.ended and self._hungry():
            try:
                work = next(self.works)
            except StopIteration:
                self.begun = True
                return
            if work is None:
                return
            self._step(work, None)

    def _hungry(self) -> bool:
        engine = self.asker.engine
        room = 1 if engine.batches else engine.room
        return len(self.feed) < room and len(self.due) < room

    def _results(self) -> Iterator[T]:
        while self.ended:
            yield self.ended.pop(0)

    def _step(self, work: Work[T], value: Any) -> None:
        """The work goes on with what it waited for, to where it waits again."""
        while True:
            try:
                wanted = work.send(value)
            except StopIteration as end:
                self.ended.append(end.value)
                return
            if isinstance(wanted, Task):
                if self.asker.job.workers > 1 or not self.asker.engine.batches:  # one that streams is not kept waiting
                    self.due.append((wanted, work))
                    return
                (value,) = wanted.run([wanted.given])
                continue
            missing = self._ask(wanted)
            if missing:
                waits = _Open(work, wanted, missing)
                for key in missing:
                    self.waiting.setdefault(key, []).append(waits)
                return
            value = self._read(wanted)

    def _ask(self, requests: Sequence[Request]) -> set[str]:
        """Put what is owed of these to the engine; the keys that have not arrived."""
        journal = self.asker.journal
        chunk: dict[str, Request] = {}
        missing: set[str] = set()
        here = journal.held(request.key for request in requests)
        for request in requests:
            owed = request.key not in here
            if owed:
                missing.add(request.key)
            put = owed and request.key not in self.waiting
            chunk[request.key] = request if put else replace(request, owed=False)
        unbooked = [key for key in here if key not in self.asker.job.account.ledger]
        if unbooked:
            self.asker.purse.find(journal.read(unbooked), chunk)
        if any(request.owed for request in chunk.values()):
            self.feed.put(list(chunk.values()))
        return missing

    def _read(self, requests: Sequence[Request]) -> dict[str, Output]:
        keys = {request.key for request in requests}
        found = self.asker.journal.read(keys) | {key: self.failed[key] for key in keys & self.failed.keys()}
        if len(found) < len(keys):
            raise StageError(f"the journal has lost {len(keys) - len(found)} completions; build again to ask anew")
        return found

    def _arrived(self, batch: list[Output]) -> None:
        if not batch:
            return
        self.asker.progress.advance(tokens=sum(output.completion_tokens or 0 for output in batch))
        self.asker.purse.book(batch)
        if self.feed.blocked:  # there may be money again
            self.feed.wake()
        for output in batch:
            if output.finish_reason == "error":
                self.failed[output.key] = output
        for output in batch:
            for waits in self.waiting.pop(output.key, ()):
                waits.missing.discard(output.key)
                if not waits.missing:
                    self._step(waits.work, self._read(waits.requests))

    def _tasks_done(self) -> None:
        for future in [future for future in self.tasks if future.done()]:
            for work, value in zip(self.tasks.pop(future), future.result(), strict=True):
                self._step(work, value)

    def _hand_out(self) -> None:
        """What is due to the workers, as much of it together as leaves none of them without."""
        workers = self.asker.job.workers
        while self.due and len(self.tasks) < 2 * workers:
            run = self.due[0][0].run
            size = min(TOGETHER, -(-len(self.due) // workers))
            some: list[tuple[Task, Work[T]]] = []
            while self.due and len(some) < size and self.due[0][0].run is run:
                some.append(self.due.popleft())
            future = self.pool.submit(partial(run, [task.given for task, _ in some]))
            self.tasks[future] = [work for _, work in some]
            future.add_done_callback(self.arrivals.wake)

    def _idle(self) -> None:
        """The engine is at work on nothing: it waits for the workers, for money, or to be handed what was just put."""
        if self.tasks:
            wait(self.tasks, timeout=TICK, return_when=FIRST_COMPLETED)
        elif self.feed.stuck:
            short = self.asker.purse.refused or self.asker.job.account
            raise BudgetReached(
                f"{short.name} is reached: spent {short.told()}, and what comes next could take more; "
                "everything is kept: raise it and build again to go on"
            )
