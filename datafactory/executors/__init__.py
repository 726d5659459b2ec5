"""Executors: where the shards of a stage are worked on and where engines run; a file each.

local              processes of this machine
ray                the Ray cluster of this machine, or of RAY_ADDRESS; one of this machine alone where there is none
ray://HOST:10001   the cluster behind that Ray client server
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from datafactory.errors import UserError

if TYPE_CHECKING:
    from datafactory.models import Model

T = TypeVar("T")


class Pool(Protocol):
    """Tasks one by one as they come up."""

    def submit(self, task: Callable[[], T]) -> Future[T]: ...

    def close(self) -> None: ...


class Executor(Protocol):
    """rows_per_worker: with fewer rows another worker is not worth its start."""

    rows_per_worker: int

    def cores(self) -> int:
        """How many workers there can be at once."""
        ...

    def run(self, tasks: Sequence[Callable[[], T]], workers: int) -> Iterator[T]:
        """Each task's result, in the order they finish; in this process when one worker is enough."""
        ...

    def stream(self, tasks: Iterable[Callable[[], T]], workers: int) -> Iterator[T]:
        """Each task's result, in the tasks' order, of as many as there come."""
        ...

    def pool(self, workers: int) -> Pool: ...

    def start(self, model: Model) -> Any:
        """The model's engine, where there is room for it."""
        ...


def opened(name: str, folder: Path, files: Mapping[Path, str]) -> AbstractContextManager[Executor]:
    """The executor of that name, as long as it is needed.

    folder is where the datasets are; files are those of the user's own that run, with the hashes of what is in them.
    """
    kind, _, _ = name.partition("://")
    if name != "local" and kind != "ray":
        raise UserError(f"--executor {name}: there is local, ray and ray://HOST:10001")
    found: AbstractContextManager[Executor] = importlib.import_module(f"datafactory.executors.{kind}").opened(
        name, folder, files
    )
    return found
