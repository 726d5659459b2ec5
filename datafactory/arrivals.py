"""Arrivals: what an engine gives, in the journal before anyone looks at it.

An engine that streams runs in a thread of its own, so that what arrives is on disk at once, whatever the stage is busy
with. One that decodes in batches runs in the caller's: it has nothing that could arrive meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from datafactory.engines import Engine, Output
from datafactory.errors import StageError
from datafactory.feed import Feed
from datafactory.journal import Journal

TICK = 0.5  # seconds without news at most
PATIENCE = 20.0  # seconds until an engine that is told to stop is left behind


class Arrivals(Protocol):
    def next(self) -> list[Output]:
        """What arrived; nothing where nothing has for a while, or there is something else to look at."""
        ...

    def wake(self, *_: Any) -> None:
        """Whoever waits for arrivals is to look at something else."""
        ...

    def close(self) -> None:
        """Give up what is under way."""
        ...


def arrivals(engine: Engine, feed: Feed, journal: Journal) -> Arrivals:
    return Called(engine, feed, journal) if engine.batches else Threaded(engine, feed, journal)


def _journaled(batches: Iterator[list[Output]], journal: Journal) -> Iterator[list[Output]]:
    for batch in batches:
        # what came to nothing is not kept: another build asks again
        if sound := [output for output in batch if output.finish_reason != "error"]:
            journal.append(sound)
        yield batch


class Called:
    """An engine that works when it is asked for its next batch."""

    def __init__(self, engine: Engine, feed: Feed, journal: Journal):
        self.outputs = engine.generate(feed)
        self.batches = _journaled(self.outputs, journal)

    def next(self) -> list[Output]:
        batch = next(self.batches, None)
        if batch is None:
            raise StageError("the engine ended before it gave every output")
        return batch

    def wake(self, *_: Any) -> None:
        pass

    def close(self) -> None:
        self.outputs.close()  # type: ignore[attr-defined]


class Threaded:
    """An engine at work in a thread of its own."""

    def __init__(self, engine: Engine, feed: Feed, journal: Journal):
        self.engine, self.feed, self.journal = engine, feed, journal
        self.queue: SimpleQueue[list[Output] | BaseException] = SimpleQueue()
        self.stopped = False
        self.thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self.thread.start()

    def next(self) -> list[Output]:
        found: list[Output] = []
        try:
            told = self.queue.get(timeout=TICK)
            while not isinstance(told, BaseException):
                found += told
                told = self.queue.get_nowait()
        except Empty:
            return found
        if found:
            self.queue.put(told)  # what arrived before counts before it
            return found
        raise told

    def wake(self, *_: Any) -> None:
        self.queue.put([])

    def close(self) -> None:
        self.stopped = True
        self.feed.wake()
        self.thread.join(PATIENCE)

    def _run(self) -> None:
        try:
            outputs = self.engine.generate(self.feed)
            try:
                self._pass_on(_journaled(outputs, self.journal))
            finally:
                outputs.close()  # type: ignore[attr-defined]
        except BaseException as error:  # it is the caller's
            self.queue.put(error)

    def _pass_on(self, batches: Iterator[list[Output]]) -> None:
        given = self.feed.taken
        for batch in batches:
            if self.stopped:
                return
            given += len(batch)
            if batch:
                self.queue.put(batch)
            elif self.feed.taken == given:  # it is at work on nothing
                self.queue.put([])
                self.feed.wait(TICK)
        self.queue.put(StageError("the engine ended before it gave every output"))
