"""Replica: the engine in a process of the cluster, put forward step by step by the driver.

In   requests as they come, and leave to decode them
Out  their outputs as they finish
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from datafactory.engines import Engine, Output, Request
from datafactory.errors import StageError
from datafactory.executors._ray_tasks import caught, tried
from datafactory.feed import Feed
from datafactory.types import Message

if TYPE_CHECKING:
    from datafactory.executors._ray_nodes import Alike
    from datafactory.models import Model

STEP = 0.1  # seconds after which a step without an output ends, and new requests are taken
# what decides how a model computes, and what it says meanwhile; the rest of the environment is the node's own
PASSED = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "TOKENIZERS_PARALLELISM", "VLLM_BATCH_INVARIANT", "HF_HUB_OFFLINE")


@dataclass(frozen=True)
class About:
    """What there is to know of a running engine. template renders prompts as it does, where it has one to give away."""

    batches: bool
    rendered: bool
    room: int
    template: Any


@dataclass(frozen=True)
class Step:
    """What came of a step. wanted: requests that are to be decoded next, and for which leave is asked."""

    outputs: list[Output]
    wanted: list[str]
    waiting: int
    room: int


class Granted(Feed):
    """A feed at a replica: the budget is the driver's, and with it the leave to decode."""

    def __init__(self) -> None:
        super().__init__()
        self.granted: set[str] = set()
        self.wanted: list[str] = []

    def admit(self, requests: Sequence[Request]) -> bool:
        self.wanted = [request.key for request in requests if request.key not in self.granted]
        self.blocked = bool(self.wanted)
        return not self.blocked


def environment() -> dict[str, str]:
    return {name: os.environ[name] for name in (*PASSED, "HF_HUB_DISABLE_TELEMETRY") if name in os.environ}


def whole(model: Model) -> Model:
    """The model as one copy, whose engine makes no further copies of its own."""
    settings = tuple((name, value) for name, value in model.engine.settings if name != "data_parallel_size")
    return replace(model, engine=replace(model.engine, settings=settings))


class Replica:
    """Made an actor by the driver. What it raises it returns, so that Ray's errors are about processes alone."""

    def __init__(self) -> None:
        self.turn = -1
        self.open: set[str] = set()

    def node(self) -> str:
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def start(self, alike: Alike, model: Model, passed: Mapping[str, str]) -> Any:
        os.environ.pop("OMP_NUM_THREADS", None)  # Ray's own for an actor: 1
        os.environ.update(passed)
        return tried(alike, lambda: self._started(model))

    def _started(self, model: Model) -> About:
        self.engine: Engine = whole(model).start()
        template = getattr(self.engine, "template", None)
        return About(self.engine.batches, self.engine.rendered, self.engine.room, template)

    def render(self, messages: Sequence[Message], prefill: str) -> Any:
        return caught(lambda: self.engine.render(messages, prefill))

    def step(self, turn: int, chunks: Sequence[Sequence[Request]], granted: Collection[str]) -> Any:
        """The next outputs. Another `turn` begins anew and gives up what is under way."""
        return caught(lambda: self._step(turn, chunks, granted))

    def _step(self, turn: int, chunks: Sequence[Sequence[Request]], granted: Collection[str]) -> Step:
        if turn != self.turn:
            if self.turn >= 0:
                self.outputs.close()  # type: ignore[attr-defined]
            self.turn, self.open, self.feed = turn, set(), Granted()
            self.outputs: Iterator[list[Output]] = self.engine.generate(self.feed)
        self.feed.granted.update(granted)
        for chunk in chunks:
            self.feed.put(chunk)
            self.open.update(request.key for request in chunk if request.owed)
        until = time.monotonic() + STEP
        while True:
            self.feed.wanted = []
            outputs = next(self.outputs, None)
            if outputs is None:
                raise StageError(f"the engine gave no output for {len(self.open)} requests")
            for output in outputs:
                self.open.discard(output.key)
                self.feed.granted.discard(output.key)
            if outputs or self.feed.wanted or not self.open or time.monotonic() > until:
                return Step(outputs, self.feed.wanted, len(self.feed), self.engine.room)

    def close(self) -> None:
        if self.turn >= 0:
            self.outputs.close()  # type: ignore[attr-defined]
        self.engine.close()
