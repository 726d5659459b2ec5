"""Replicas: one engine to the stage, copies of it in the cluster. Each copy is an actor.

A copy of an engine that streams is given requests as it has room for them; one that decodes in batches is given a
chunk whole, since with whom a request is decoded can decide its text. What a copy had not answered when it died is
asked of another, a chunk with the same batches. The budget is held here: a copy decodes nothing without leave.

Prompts are rendered here, by the template that the engine gives away; an engine without one is asked.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from datafactory.engines import Output, Request
from datafactory.errors import StageError
from datafactory.executors._ray_nodes import Alike
from datafactory.executors._ray_replica import About, Replica, Step, environment
from datafactory.executors._ray_tasks import alive, brief, result_of
from datafactory.feed import Feed
from datafactory.types import Message

if TYPE_CHECKING:
    from datafactory.models import Model

ATTEMPTS = 6  # of a copy that dies without having given an output
PAUSE = 1.0  # seconds before a second attempt, twice as long before each further one: a dead node is noticed late
TICK = 0.3  # seconds without an output after which the caller is told so
PLACED = 600  # seconds until a copy has its place: a cluster that grows takes minutes
GRACE = 10.0  # seconds an engine has to close
RENDERED = 10_000  # prompts remembered, of an engine that has to be asked for them


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


class Replicas:
    def __init__(self, ray: Any, model: Model, alike: Alike):
        self.ray = ray
        self.model = model
        self.alike = alike
        self.turn = 0
        self.again: deque[tuple[list[Request], set[str]]] = deque()  # what dead copies left, and the leaves they had
        self.gpus = _gpus(ray, model)
        self.copies = [self._begin(node, 1) for node in _places(ray, model, self.gpus)]
        self.due: list[tuple[float, str | None, int]] = []  # when, where and the how maniest attempt a copy is to begin
        self._prompts: dict[Any, str] = {}
        self._lock = threading.RLock()  # prompts are rendered while a thread of the caller's listens to the copies
        self._leave_asked = False
        try:
            self.about = self._first()
        except BaseException:
            self.close()
            raise
        self.batches, self.rendered = self.about.batches, self.about.rendered

    @property
    def room(self) -> int:
        return max(1, sum(copy.room for copy in self.copies))

    def render(self, messages: Sequence[Message], prefill: str) -> str:
        if self.about.template is not None:
            return str(self.about.template.render(messages, prefill))
        key = (tuple((message["role"], message["content"]) for message in messages), prefill)
        if key not in self._prompts:
            if len(self._prompts) >= RENDERED:
                self._prompts.clear()
            self._prompts[key] = self._asked(list(messages), prefill)
        return self._prompts[key]

    def generate(self, feed: Feed) -> Iterator[list[Output]]:
        self.turn += 1
        try:
            while not (feed.closed and not len(feed) and not self._under_way()):
                with self._lock:
                    self._begin_due()
                    dealt = self._deal(feed)
                    self._step_on()
                    waits = {ref: copy for copy in self.copies for ref in self._refs(copy)}
                    busy = any(copy.steps for copy in self.copies) or not self._ready()
                done = self._done(waits, TICK if busy and not (dealt and self._has_room()) else 0.0)
                with self._lock:
                    self._leave_asked = False
                    outputs = [output for ref in done for output in self._heard(ref, waits[ref])]
                if outputs or not self._leave_asked:
                    yield outputs
                if not busy and not self.batches:
                    feed.wait(TICK)
        finally:
            self.again.clear()
            for copy in self.copies:
                copy.stale = copy.stale or bool(copy.steps)
                copy.steps, copy.put, copy.granted = deque(), [], set()
                copy.chunk, copy.open, copy.admitted, copy.wanted, copy.waiting = [], {}, set(), [], 0

    def close(self) -> None:
        closing = [copy.actor.close.remote() for copy in self.copies if not copy.starting and not copy.stale]
        if closing:
            self.ray.wait(closing, num_returns=len(closing), timeout=GRACE)
        for copy in self.copies:
            self.ray.kill(copy.actor)
        self.copies = []

    def _under_way(self) -> bool:
        return bool(self.again) or any(copy.open for copy in self.copies)

    def _ready(self) -> list[Copy]:
        return [copy for copy in self.copies if copy.starting is None]

    def _has_room(self) -> bool:
        return any(not copy.chunk if self.batches else self._free(copy) > 0 for copy in self._ready())

    def _free(self, copy: Copy) -> int:
        return max(0, copy.room - copy.waiting - sum(map(len, copy.put)))

    # what is given to the copies

    def _deal(self, feed: Feed) -> bool:
        """Give the copies what they have room for; whether they were given anything."""
        return self._deal_chunks(feed) if self.batches else self._deal_requests(feed)

    def _deal_chunks(self, feed: Feed) -> bool:
        dealt = False
        for copy in self._ready():
            if copy.wanted and feed.admit([copy.open[key] for key in copy.wanted]):
                copy.granted.update(copy.wanted)
                copy.admitted.update(copy.wanted)
                copy.wanted = []
            if copy.chunk:
                continue
            chunk, admitted = self.again.popleft() if self.again else (feed.chunk(), set())
            if chunk is None:
                continue
            copy.chunk, copy.put, copy.granted, copy.admitted = chunk, [chunk], set(admitted), set(admitted)
            copy.open = {request.key: request for request in chunk if request.owed}
            dealt = True
        return dealt

    def _deal_requests(self, feed: Feed) -> bool:
        ready = self._ready()
        free = {copy: self._free(copy) for copy in ready}
        taken: list[Request] = []
        while self.again and len(taken) < sum(free.values()):
            taken += self.again.popleft()[0]
        taken += feed.take(max(0, sum(free.values()) - len(taken)))
        given: dict[Copy, list[Request]] = {}
        for request in taken:
            # one that is to be asked again may find no room; it goes where the fewest are under way
            copy = min(ready, key=lambda copy: (free[copy] <= 0, len(copy.open)))
            free[copy] -= 1
            copy.open[request.key] = request
            given.setdefault(copy, []).append(request)
        for copy, requests in given.items():
            copy.put.append(requests)
            copy.granted.update(request.key for request in requests)
        return bool(taken)

    def _step_on(self) -> None:
        for copy in self._ready():
            depth = 1 if self.batches else 2  # the next step is there when one has ended
            while len(copy.steps) < depth and (copy.put or (copy.open and not copy.wanted)):
                count = sum(map(len, copy.put))
                copy.steps.append((copy.actor.step.remote(self.turn, copy.put, copy.granted), count))
                copy.waiting += count
                copy.put, copy.granted = [], set()

    # what is heard of them

    def _refs(self, copy: Copy) -> list[Any]:
        return [copy.starting] if copy.starting is not None else [ref for ref, _ in list(copy.steps)[:1]]

    def _done(self, waits: Collection[Any], seconds: float) -> list[Any]:
        """The steps and starts that have ended."""
        if not waits:
            time.sleep(seconds)
            return []
        done: list[Any] = self.ray.wait(list(waits), num_returns=1, timeout=seconds)[0]
        return self.ray.wait(list(waits), num_returns=len(waits), timeout=0)[0] if done else []

    def _heard(self, ref: Any, copy: Copy) -> list[Output]:
        """The outputs of a step that has ended; a copy that has started or died is noted."""
        try:
            result, error = self.ray.get(ref)
        except self.ray.exceptions.RayTaskError as failed:
            raise StageError(brief(failed)) from failed
        except self.ray.exceptions.RayError as lost:
            self._died(copy, lost)
            return []
        if error is not None:
            raise error
        if copy not in self.copies:  # it was found dead meanwhile; what it had is asked again
            return []
        if copy.starting is not None:
            copy.starting, copy.room = None, result.room
            return []
        copy.steps.popleft()
        copy.stale = False
        return self._took(copy, result)

    def _took(self, copy: Copy, step: Step) -> list[Output]:
        for output in step.outputs:
            del copy.open[output.key]
            copy.attempt = 1
        copy.room = step.room
        copy.waiting = step.waiting + sum(count for _, count in copy.steps)
        copy.wanted = [key for key in step.wanted if key not in copy.admitted]
        self._leave_asked = self._leave_asked or bool(copy.wanted)
        if not copy.open:
            copy.chunk = []
        return step.outputs

    def _died(self, copy: Copy, error: Exception) -> None:
        """What it had is asked again, and another takes its place."""
        if copy not in self.copies:
            return
        self.copies.remove(copy)
        self.ray.kill(copy.actor)  # it may be out of reach only
        if copy.open and self.batches:
            chunk = [replace(request, owed=request.key in copy.open) for request in copy.chunk]
            self.again.append((chunk, copy.admitted & copy.open.keys()))
        elif copy.open:
            self.again.append((list(copy.open.values()), set()))
        nodes = {node["NodeID"] for node in alive(self.ray)}
        others = self.copies or self.due
        if copy.attempt < ATTEMPTS and (self.gpus or copy.node in nodes or not others):
            self.due.append((time.monotonic() + PAUSE * 2 ** (copy.attempt - 1), copy.node, copy.attempt + 1))
        elif not others:
            raise StageError(f"the model {self.model.name} died on Ray again and again: {brief(error)}")

    def _begin_due(self) -> None:
        due = [each for each in self.due if each[0] <= time.monotonic()]
        for each in due:
            self.due.remove(each)
            self.copies.append(self._begin(*each[1:]))

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
        """What the first copy to be ready says of its engine."""
        placed = [copy.actor.node.remote() for copy in self.copies]
        if not self.ray.wait(placed, num_returns=1, timeout=PLACED)[0]:
            raise StageError(
                f"no room for the model {self.model.name} on the Ray cluster within {PLACED} seconds: a copy takes "
                f"{self.gpus} GPUs of one node"
            )
        while True:
            self._begin_due()
            started = {copy.starting: copy for copy in self.copies}
            if not started:
                time.sleep(TICK)
                continue
            for ref in self.ray.wait(list(started), num_returns=1, timeout=TICK)[0]:
                try:
                    about: About = result_of(self.ray, ref)
                except StageError as error:
                    if not isinstance(error.__cause__, self.ray.exceptions.RayError):
                        raise
                    self._died(started[ref], error)
                    continue
                started[ref].starting, started[ref].room = None, about.room
                return about

    def _asked(self, messages: list[Message], prefill: str) -> str:
        while True:
            with self._lock:
                self._begin_due()
                copy = min(self._ready() or self.copies, key=lambda copy: len(copy.open), default=None)
                asked = copy and copy.actor.render.remote(messages, prefill)
            if copy is None:
                time.sleep(TICK)
                continue
            try:
                return str(result_of(self.ray, asked))
            except StageError as error:
                if not isinstance(error.__cause__, self.ray.exceptions.RayError):
                    raise
                with self._lock:
                    self._died(copy, error)


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
