"""Local: the shards of a stage on processes of this machine.

A worker that dies takes nothing with it: what it had not finished is given to new workers, `ATTEMPTS` times in all.
Ctrl-C reaches the parent alone, which stops handing out work.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

T = TypeVar("T")
ATTEMPTS = 3


def run(tasks: Sequence[Callable[[], T]], workers: int) -> Iterator[T]:
    """Each task's result, in the order they finish; in this process when one worker is enough."""
    workers = min(workers, len(tasks))
    if workers <= 1:
        for task in tasks:
            yield task()
        return
    left = list(tasks)
    for attempt in range(ATTEMPTS):
        done: set[int] = set()
        # spawned, not forked: a fork of a process with polars' or torch's threads can hang
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(os.getpid(),)) as pool:
            futures = {pool.submit(task): place for place, task in enumerate(left)}
            try:
                for future in as_completed(futures):
                    result = future.result()
                    done.add(futures[future])
                    yield result
                return
            except BrokenProcessPool:
                if attempt == ATTEMPTS - 1:
                    raise
            except BaseException:
                # a shard that was begun is begun again next time; waiting for it could take for ever
                for process in list((pool._processes or {}).values()):
                    process.kill()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        left = [task for place, task in enumerate(left) if place not in done]


def _begin(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """A worker whose parent was killed writes nothing more."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
