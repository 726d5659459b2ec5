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
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from datafactory.engines import Output, Request
from datafactory.errors import StageError
from datafactory.executors._ray_copies import Copies, Copy
from datafactory.executors._ray_nodes import Alike
from datafactory.executors._ray_replica import Step
from datafactory.executors._ray_tasks import brief, result_of
from datafactory.feed import Feed
from datafactory.types import Message

if TYPE_CHECKING:
    from datafactory.models import Model

TICK = 0.3  # seconds without an output after which the caller is told so
RENDERED = 10_000  # prompts remembered, of an engine that has to be asked for them


class Replicas:
    def __init__(self, ray: Any, model: Model, alike: Alike):
        self.ray = ray
        self.turn = 0
        self.copies = Copies(ray, model, alike)
        self.again: deque[tuple[list[Request], set[str]]] = deque()  # what dead copies left, and the leaves they had
        self._prompts: dict[Any, str] = {}
        self._lock = threading.RLock()  # prompts are rendered while a thread of the caller's listens to the copies
        self._leave_asked = False
        self.about = self.copies.first()
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
                    self.copies.begin_due()
                    dealt = self._deal(feed)
                    self._step_on()
                    waits = {ref: copy for copy in self.copies for ref in self._refs(copy)}
                    busy = any(copy.steps for copy in self.copies) or not self.copies.ready()
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
        self.copies.close()

    def _under_way(self) -> bool:
        return bool(self.again) or any(copy.open for copy in self.copies)

    def _has_room(self) -> bool:
        return any(not copy.chunk if self.batches else self._free(copy) > 0 for copy in self.copies.ready())

    def _free(self, copy: Copy) -> int:
        return max(0, copy.room - copy.waiting - sum(map(len, copy.put)))

    # what is given to the copies

    def _deal(self, feed: Feed) -> bool:
        """Give the copies what they have room for; whether they were given anything."""
        return self._deal_chunks(feed) if self.batches else self._deal_requests(feed)

    def _deal_chunks(self, feed: Feed) -> bool:
        dealt = False
        for copy in self.copies.ready():
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
        ready = self.copies.ready()
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
        for copy in self.copies.ready():
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
        if copy.open and self.batches:
            chunk = [replace(request, owed=request.key in copy.open) for request in copy.chunk]
            self.again.append((chunk, copy.admitted & copy.open.keys()))
        elif copy.open:
            self.again.append((list(copy.open.values()), set()))
        self.copies.lost(copy, error)

    def _asked(self, messages: list[Message], prefill: str) -> str:
        while True:
            with self._lock:
                self.copies.begin_due()
                copy = min(self.copies.ready() or self.copies, key=lambda copy: len(copy.open), default=None)
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
