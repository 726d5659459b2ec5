"""Copies: those of one engine that are in a Ray cluster, each an actor. Where one dies another is begun, after a pause.

There are as many as the cluster's GPUs hold, or one a node.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from datafactory.engines import Request
from datafactory.errors import StageError
from datafactory.executors._ray_nodes import Alike
from datafactory.executors._ray_replica import About, Replica, environment
from datafactory.executors._ray_tasks import alive, brief, result_of

if TYPE_CHECKING:
    from datafactory.models import Model

ATTEMPTS = 6  # of a copy that dies without having given an output
PAUSE = 1.0  # seconds before a second attempt, twice as long before each further one: a dead node is noticed late
TICK = 0.3  # seconds between two looks at copies that are starting
PLACED = 600  # seconds until a copy has its place: a cluster that grows takes minutes
GRACE = 10.0  # seconds an engine has to close


@dataclass(eq=False)
class Copy:
    """A replica as the driver sees it."""

    actor: Any
    node: str | None  # where it was put, on a cluster without GPUs
    attempt: int
    starting: Any = None
    steps: deque[tuple[Any, int]] = field(default_factory=deque)  # begun, with how many requests went along
    put: list[list[Request]] = field(default_factory=list)  # to go with the next step, as are these leaves
    granted: set[str] = field(default_factory=set)
    chunk: list[Request] = field(default_factory=list)
    open: dict[str, Request] = field(default_factory=dict)  # owed and not answered
    admitted: set[str] = field(default_factory=set)
    wanted: list[str] = field(default_factory=list)
    waiting: int = 0
    room: int = 0
    stale: bool = False  # at work on what was given up


class Copies:
    def __init__(self, ray: Any, model: Model, alike: Alike):
        self.ray = ray
        self.model = model
        self.alike = alike
        self.gpus = _gpus(ray, model)
        self._there = [self._begin(node, 1) for node in _places(ray, model, self.gpus)]
        self._due: list[tuple[float, str | None, int]] = []  # when, where and the how maniest attempt one is to begin

    def __iter__(self) -> Iterator[Copy]:
        return iter(self._there)

    def ready(self) -> list[Copy]:
        return [copy for copy in self._there if copy.starting is None]

    def first(self) -> About:
        """What the first copy to be ready says of its engine."""
        try:
            return self._first()
        except BaseException:
            self.close()
            raise

    def begin_due(self) -> None:
        due = [each for each in self._due if each[0] <= time.monotonic()]
        for each in due:
            self._due.remove(each)
            self._there.append(self._begin(*each[1:]))

    def lost(self, copy: Copy, error: Exception) -> None:
        """Another takes its place."""
        self._there.remove(copy)
        self.ray.kill(copy.actor)  # it may be out of reach only
        nodes = {node["NodeID"] for node in alive(self.ray)}
        others = self._there or self._due
        if copy.attempt < ATTEMPTS and (self.gpus or copy.node in nodes or not others):
            self._due.append((time.monotonic() + PAUSE * 2 ** (copy.attempt - 1), copy.node, copy.attempt + 1))
        elif not others:
            raise StageError(f"the model {self.model.name} died on Ray again and again: {brief(error)}")

    def close(self) -> None:
        closing = [copy.actor.close.remote() for copy in self._there if not copy.starting and not copy.stale]
        if closing:
            self.ray.wait(closing, num_returns=len(closing), timeout=GRACE)
        for copy in self._there:
            self.ray.kill(copy.actor)
        self._there = []

    def _begin(self, node: str | None, attempt: int) -> Copy:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = NodeAffinitySchedulingStrategy(node, soft=True) if node else "SPREAD"
        # next to no CPU: where it took the last one, what is verified meanwhile would wait for ever; with none at all
        # Ray puts it where it likes
        remote = self.ray.remote(num_cpus=0.001, num_gpus=self.gpus, scheduling_strategy=there)(Replica)
        actor = remote.remote()
        copy = Copy(actor, node, attempt)
        copy.starting = actor.start.remote(self.alike, self.model, environment())
        return copy

    def _first(self) -> About:
        placed = [copy.actor.node.remote() for copy in self._there]
        if not self.ray.wait(placed, num_returns=1, timeout=PLACED)[0]:
            raise StageError(
                f"no room for the model {self.model.name} on the Ray cluster within {PLACED} seconds: a copy takes "
                f"{self.gpus} GPUs of one node"
            )
        while True:
            self.begin_due()
            started = {copy.starting: copy for copy in self._there}
            if not started:
                time.sleep(TICK)
                continue
            for ref in self.ray.wait(list(started), num_returns=1, timeout=TICK)[0]:
                try:
                    about: About = result_of(self.ray, ref)
                except StageError as error:
                    if not isinstance(error.__cause__, self.ray.exceptions.RayError):
                        raise
                    self.lost(started[ref], error)
                    continue
                started[ref].starting, started[ref].room = None, about.room
                return about


def _gpus(ray: Any, model: Model) -> int:
    """GPUs that a copy takes; 0 on a cluster without any, and for a model that is to run on the CPU."""
    config = model.engine.config
    most = max((int(node["Resources"].get("GPU", 0)) for node in alive(ray)), default=0)
    if not most or getattr(config, "device", None) == "cpu":
        return 0
    gpus = int(getattr(config, "tensor_parallel_size", 1) * getattr(config, "pipeline_parallel_size", 1))
    if gpus > most:
        raise StageError(f"a copy of the model {model.name} takes {gpus} GPUs, and no Ray node has more than {most}")
    return gpus


def _places(ray: Any, model: Model, gpus: int) -> list[str | None]:
    """A place for each copy: as many as the GPUs hold, or every node; `data_parallel_size` says otherwise."""
    nodes = alive(ray)
    if not nodes:
        raise StageError("the Ray cluster has no node to work on")
    wanted = getattr(model.engine.config, "data_parallel_size", None)
    if gpus:
        hold = sum(int(node["Resources"].get("GPU", 0)) // gpus for node in nodes)
        return [None] * min(wanted or hold, hold)
    return [nodes[at % len(nodes)]["NodeID"] for at in range(wanted or len(nodes))]
