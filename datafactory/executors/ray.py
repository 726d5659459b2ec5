"""Ray: work on the machines of a Ray cluster, for more than one of them. The same stages, the same bytes.

    --executor ray                  the cluster of this machine or of RAY_ADDRESS; a new one of this machine without
    --executor ray://HOST:10001     a cluster from outside, through its Ray client server

Shards are read and written by the nodes in place, so that --outputs and the recipe's own files are to be on a file
system that all nodes share under the same paths; every node is asked, once, whether it sees them and runs the same
code, and the build ends with one line where one does not. Completions come to the driver, which alone journals them.

Verification and whatever else is done shard by shard are tasks of one CPU each. Models with weights are actors, one
for as many GPUs as a copy takes, on a cluster without GPUs one a node. A task whose node or process dies is begun
again elsewhere; a stage of the user's own file, and an engine that only calls a server, run on the driver.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from datafactory.errors import StageError, UserError
from datafactory.executors import local
from datafactory.executors._ray_tasks import alive, brief, result_of, tried, unwrapped

if TYPE_CHECKING:
    from datafactory.models import Model

T = TypeVar("T")
Task = Callable[[], T]
RETRIES = 3  # Ray's default, of a task whose worker or node died
AHEAD = 2  # tasks handed out per worker: the next is there when one is done
ASKED = 120  # seconds a node has to start its first process and to say what it has


@contextmanager
def opened(name: str, folder: Path, files: Mapping[Path, str]) -> Iterator[Ray]:
    """The cluster; it is connected to when there is something to do, and what was started is ended."""
    if importlib.util.find_spec("ray") is None:
        raise UserError(f"--executor {name} needs Ray: pip install 'datafactory[ray]'")
    with ExitStack() as closing:
        yield Ray(name if "://" in name else None, folder, files, closing)


class Ray:
    rows_per_worker = 1  # its workers are there

    def __init__(self, address: str | None, folder: Path, files: Mapping[Path, str], closing: ExitStack):
        self.address = address
        self.folder = folder
        self.files = files
        self.closing = closing

    @cached_property
    def ray(self) -> Any:
        """Ray, connected, and every node found to be like this machine."""
        from datafactory.executors._ray_nodes import marked

        ray = _connected(self.address, self.closing)
        self.alike = self.closing.enter_context(marked(self.folder, self.files))
        self._ask_all(ray)
        return ray

    def cores(self) -> int:
        return max(1, int(self.ray.cluster_resources().get("CPU", 1)))

    def run(self, tasks: Sequence[Task[T]], workers: int) -> Iterator[T]:
        """Each task's result, in the order they finish."""
        return self._each(tasks, workers, in_order=False) if workers > 1 else local.run(tasks, 1)

    def stream(self, tasks: Iterable[Task[T]], workers: int) -> Iterator[T]:
        """Each task's result, in the tasks' order, of as many as there come."""
        return self._each(tasks, workers, in_order=True) if workers > 1 else local.stream(tasks, 1)

    def pool(self, workers: int) -> Pool:
        return Pool(self.ray, self._task)

    def start(self, model: Model) -> Any:
        """The model's engine: copies of it in the cluster, or on this machine where it only calls a server."""
        if model.weights is None:
            return model.start()
        from datafactory.executors._ray_replicas import Replicas

        return Replicas(self.ray, model, self.alike)

    @cached_property
    def _task(self) -> Callable[[Task[Any]], Any]:
        # an error of the task's own comes back as its result: Ray's errors are then about workers and nodes alone
        remote = self.ray.remote(num_cpus=1, max_retries=RETRIES)(tried)
        return partial(remote.remote, self.alike)

    def _each(self, tasks: Iterable[Task[T]], workers: int, in_order: bool) -> Iterator[T]:
        ray, left = self.ray, iter(tasks)
        begun: list[Any] = []
        try:
            while True:
                begun += map(self._task, islice(left, workers * AHEAD - len(begun)))
                if not begun:
                    return
                done = begun[0] if in_order else ray.wait(begun, num_returns=1)[0][0]
                result = result_of(ray, done)
                begun.remove(done)
                yield result
        finally:
            for ref in begun:  # what was begun is begun again next time
                ray.cancel(ref, force=True)

    def _ask_all(self, ray: Any) -> None:
        """UserError where a node that could be given work is not like this machine."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        asked = {}
        for node in alive(ray):
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            remote = ray.remote(num_cpus=0, max_retries=RETRIES, scheduling_strategy=there)(tried)
            asked[remote.remote(self.alike, nothing)] = node
        done, silent = ray.wait(list(asked), num_returns=len(asked), timeout=ASKED)
        for ref in done:
            try:
                result_of(ray, ref)
            except StageError as error:
                if asked[ref]["NodeID"] in {node["NodeID"] for node in alive(ray)}:
                    raise UserError(f"the Ray node {asked[ref]['NodeManagerHostname']} cannot work: {error}") from error
        if silent:
            names = ", ".join(asked[ref]["NodeManagerHostname"] for ref in silent)
            raise UserError(f"the Ray node {names} started no worker within {ASKED} seconds")


class Pool:
    """Tasks one by one as they come up."""

    def __init__(self, ray: Any, begin: Callable[[Task[Any]], Any]):
        self.ray = ray
        self.begin = begin
        self.begun: dict[Any, Future[Any]] = {}

    def submit(self, task: Task[T]) -> Future[T]:
        ref = self.begin(task)
        promised: Future[T] = Future()
        self.begun[ref] = promised
        ref.future().add_done_callback(lambda done: self._ended(ref, done))
        return promised

    def close(self) -> None:
        for ref in list(self.begun):
            self.ray.cancel(ref, force=True)

    def _ended(self, ref: Any, done: Future[Any]) -> None:
        promised = self.begun.pop(ref)
        try:
            promised.set_result(unwrapped(self.ray, done.result))
        except BaseException as error:
            promised.set_exception(error)


def nothing() -> None:
    """What a node is given to do to be asked what it has."""


def _connected(address: str | None, closing: ExitStack) -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")  # else it warns
    import ray

    if ray.is_initialized():
        return ray
    here = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if address or os.environ.get("RAY_ADDRESS"):
            ray.init(address or "auto", **quiet)
        else:
            try:
                ray.init("auto", **quiet)
            except ConnectionError:
                ray.init("local", include_dashboard=False, **quiet)
    except (ConnectionError, TimeoutError, ValueError) as error:
        name = address or os.environ.get("RAY_ADDRESS") or "this machine"
        raise UserError(f"no Ray cluster answers at {name}: {brief(error)}") from error
    finally:
        if here:
            signal.signal(signal.SIGTERM, handler)  # Ray takes it for itself
    closing.callback(ray.shutdown)
    return ray
