"""Tasks: how work is done on a Ray worker, and how what came of it is told from what became of the worker."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from datafactory.errors import StageError, UserError

if TYPE_CHECKING:
    from datafactory.executors._ray_nodes import Alike

T = TypeVar("T")


def tried(alike: Alike, task: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    """What the task returns, or what it raises, on a node that is like the driver's."""

    def work() -> T:
        alike.demand()
        return task()

    return caught(work)


def caught(work: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    """What it returns, or what it raises."""
    try:
        return work(), None
    except BaseException as error:
        if not isinstance(error, StageError | UserError):
            error.add_note(f"On a Ray worker:\n{traceback.format_exc()}")
        return None, error


def result_of(ray: Any, ref: Any) -> Any:
    """What a task returned; what it raised is raised, and StageError where it ended its worker again and again."""
    return unwrapped(ray, lambda: ray.get(ref))


def alive(ray: Any) -> list[dict[str, Any]]:
    """The nodes that can be given work."""
    return [
        node for node in ray.nodes() if node["Alive"] and (node["Resources"].get("CPU") or node["Resources"].get("GPU"))
    ]


def brief(error: BaseException) -> str:
    """The line of a Ray error that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    # a traceback ends with what it is about
    return lines[-1] if type(error).__name__.startswith("RayTaskError") or lines[0].endswith(":") else lines[0]


def unwrapped(ray: Any, get: Callable[[], Any]) -> Any:
    try:
        result, error = get()
    except ray.exceptions.RayTaskError as failed:  # it could not be sent there or back
        raise StageError(brief(failed)) from failed
    except ray.exceptions.RayError as lost:
        raise StageError(f"workers died again and again ({brief(lost)}); what was finished is kept") from lost
    if error is not None:
        raise error
    return result
