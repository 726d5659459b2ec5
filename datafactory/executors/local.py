"""Local: work on processes of this machine.

A worker that dies takes nothing with it: what it had not finished is given to new workers, and only work that ends
its workers `ATTEMPTS` times without anything finished between ends the run. Ctrl-C reaches the parent alone, which
stops handing out work.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from datafactory.models import Model

T = TypeVar("T")
Task = Callable[[], T]
ATTEMPTS = 3
rows_per_worker = 2000  # fewer are done before a worker process has started
AHEAD = 2  # tasks handed out per worker: the next waits when one is done, and no more are held in memory


@contextmanager
def opened(name: str, folder: Path, files: Mapping[Path, str]) -> Iterator[ModuleType]:
    """This file; there is nothing to open."""
    yield sys.modules[__name__]


def cores() -> int:
    return os.cpu_count() or 1


def run(tasks: Sequence[Task[T]], workers: int) -> Iterator[T]:
    """Each task's result, in the order they finish; in this process when one worker is enough."""
    workers = min(workers, len(tasks))
    return _pooled(tasks, workers, in_order=False) if workers > 1 else _here(tasks)


def stream(tasks: Iterable[Task[T]], workers: int) -> Iterator[T]:
    """Each task's result, in the tasks' order, of as many as there come; a first task alone is done in this process."""
    remaining = iter(tasks)
    first = list(islice(remaining, 2))
    tasks = chain(first, remaining)
    return _pooled(tasks, workers, in_order=True) if workers > 1 and len(first) > 1 else _here(tasks)


def start(model: Model) -> Any:
    """The model's engine, in this process."""
    return model.start()


def pool(workers: int) -> Pool:
    return Pool(workers)


class Pool:
    """Tasks one by one as they come up; a worker that dies is replaced, and what it had is begun again."""

    def __init__(self, workers: int):
        self.workers = workers
        self._lock = threading.Lock()
        self._closed = False
        self._processes = _processes(workers)

    def submit(self, task: Task[T]) -> Future[T]:
        """The task's result, once there is one; BrokenProcessPool where it ended its worker `ATTEMPTS` times."""
        promised: Future[T] = Future()
        self._begin(task, promised, 1)
        return promised

    def close(self) -> None:
        with self._lock:
            self._closed = True
        _end(self._processes)

    def _begin(self, task: Task[T], promised: Future[T], attempt: int) -> None:
        with self._lock:
            processes = self._processes
            try:
                begun = processes.submit(task)
            except BrokenProcessPool:
                processes.shutdown(wait=False)
                processes = self._processes = _processes(self.workers)
                begun = processes.submit(task)
        begun.add_done_callback(lambda done: self._ended(done, task, promised, attempt))

    def _ended(self, done: Future[T], task: Task[T], promised: Future[T], attempt: int) -> None:
        if done.cancelled() or self._closed:
            promised.cancel()
        elif isinstance(done.exception(), BrokenProcessPool) and attempt < ATTEMPTS:
            self._begin(task, promised, attempt + 1)
        elif (error := done.exception()) is not None:
            promised.set_exception(error)
        else:
            promised.set_result(done.result())


def _here(tasks: Iterable[Task[T]]) -> Iterator[T]:
    for task in tasks:
        yield task()


def _pooled(tasks: Iterable[Task[T]], workers: int, in_order: bool) -> Iterator[T]:
    left = iter(tasks)
    begun: list[Task[T]] = []
    attempt = 0
    while True:
        with _processes(workers) as pool:
            try:
                futures: dict[Future[T], Task[T]] = {pool.submit(task): task for task in begun}
                while True:
                    for task in islice(left, workers * AHEAD - len(futures)):
                        begun.append(task)
                        futures[pool.submit(task)] = task
                    if not futures:
                        return
                    done = next(iter(futures)) if in_order else _first(futures)
                    result = done.result()
                    begun.remove(futures.pop(done))
                    attempt = 0
                    yield result
            except BrokenProcessPool:
                attempt += 1
                if attempt == ATTEMPTS:
                    raise
            except BaseException:
                _end(pool)
                raise


def _processes(workers: int) -> ProcessPoolExecutor:
    # spawned, not forked: a fork of a process with polars' or torch's threads can hang
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(os.getpid(),))


def _end(pool: ProcessPoolExecutor) -> None:
    # what was begun is begun again next time; waiting for it could take for ever
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)


def _first(futures: dict[Future[T], Task[T]]) -> Future[T]:
    finished = wait(futures, return_when=FIRST_COMPLETED).done
    # what was finished before a worker died counts before the death is told
    return next((future for future in finished if future.exception() is None), next(iter(finished)))


def _begin(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """A worker whose parent was killed writes nothing more."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
