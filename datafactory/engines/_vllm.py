"""Copies of a model under vLLM that share one stream of requests: the engine itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from datafactory.engines import Output, Request
from datafactory.engines._chat_template import chat_template
from datafactory.engines._vllm_process import Replica, speaking
from datafactory.engines._vllm_replica import Ask, Ended
from datafactory.engines._vllm_setup import copies, cores, environment, setup
from datafactory.errors import StageError
from datafactory.types import Message

if TYPE_CHECKING:
    from datafactory.engines.vllm import Config
    from datafactory.feed import Feed

UNEVEN = 8  # requests that a copy may have before another for a prompt that it has computed
TICK = 0.3  # seconds without an output after which the caller is told so
HANDFUL = 32  # requests given to a copy at a time, so that copies are given theirs in turn


class Replicas:
    """The engine: its copies are started with the first request, so that a prompt can be shown without."""

    batches = False
    rendered = True

    def __init__(self, config: Config, weights: str):
        self.config = config
        self.setup = setup(config, weights)
        adapter = self.setup.lora or ""
        own = (Path(adapter) / "tokenizer_config.json").is_file()
        self.template = chat_template(adapter if own else self.setup.arguments["model"])
        self.copies = copies(config)
        self.room = (config.max_num_seqs or 1024) * self.copies
        self.replicas: list[Replica] = []
        self._asked = 0
        self._last: tuple[str, Replica] | None = None  # the prompt that was given last, and to which copy
        self._tokens: tuple[tuple[str, bool], list[int]] = (("", False), [])

    def render(self, messages: Sequence[Message], prefill: str) -> str:
        """The prompt by the model's own chat template."""
        return self.template.render(messages, prefill)

    def generate(self, feed: Feed) -> Iterator[list[Output]]:
        try:
            while not (feed.closed and not len(feed)) or self._under_way():
                if len(feed) and not self.replicas:
                    yield from self._start()
                more = self._hand_out(feed)
                yield self._arrived(0 if more else TICK) if self._under_way() else []
        finally:
            self._give_up()

    def close(self) -> None:
        for replica in self.replicas:
            replica.close()
        self.replicas = []

    def _start(self) -> Iterator[list[Output]]:
        """Every copy loaded, side by side."""
        try:
            for place in range(self.copies):
                own = replace(self.setup, cores=cores(place, self.copies))
                self.replicas.append(Replica(own, environment(self.config, place, self.copies)))
            while loading := [replica for replica in self.replicas if not replica.room]:
                yield []
                for replica in speaking(loading, TICK):
                    for ready in replica.received():
                        # as many again wait in it, for all of a batch can end at one step
                        replica.room = 2 * ready.most
        except BaseException:
            self.close()
            raise

    def _under_way(self) -> bool:
        return any(replica.under_way for replica in self.replicas)

    def _hand_out(self, feed: Feed) -> bool:
        """Some of the requests that the copies have room for; whether there may be more."""
        free = sum(replica.room - len(replica.under_way) for replica in self.replicas)
        taken = feed.take(min(HANDFUL * len(self.replicas), free))
        asks: dict[Replica, list[Ask]] = {}
        for request in taken:
            replica = self._copy_for(request.prompt)
            self._asked += 1
            replica.under_way[self._asked] = request.key
            asks.setdefault(replica, []).append(self._ask(request))
        for replica, given in asks.items():
            replica.send(given)
        return bool(taken)

    def _copy_for(self, prompt: str) -> Replica:
        """The copy with the fewest requests, or the one that has computed this prompt, unless that has too many."""
        freest = min(self.replicas, key=lambda replica: len(replica.under_way))
        prompt_before, copy = self._last or (prompt, freest)
        most = min(copy.room, len(freest.under_way) + UNEVEN)
        if prompt_before != prompt or len(copy.under_way) >= most:
            copy = freest
        self._last = (prompt, copy)
        return copy

    def _ask(self, request: Request) -> Ask:
        what = (request.prompt, bool(request.messages))
        if self._tokens[0] != what:  # the rollouts of a prompt come one after another
            self._tokens = (what, self.template.tokens(request.prompt, request.messages))
        seed = request.seed if self.config.seeded else None
        return Ask(self._asked, self._tokens[1], request.sampling, seed)

    def _arrived(self, timeout: float) -> list[Output]:
        """What has finished, or nothing after a while."""
        found: list[Output] = []
        for replica in speaking(self.replicas, timeout):
            for message in replica.received():
                for ended in message:
                    key = replica.under_way.pop(ended.number, None)  # None: it was given up
                    if key is not None:
                        found.append(_output(key, ended))
        return found

    def _give_up(self) -> None:
        for replica in self.replicas:
            if replica.under_way:
                with suppress(StageError):
                    replica.send(list(replica.under_way))
                replica.under_way = {}


def _output(key: str, ended: Ended) -> Output:
    if ended.error is not None:
        return Output(key, "", "error", ended.prompt_tokens, 0, error=ended.error)
    return Output(key, ended.text, ended.reason, ended.prompt_tokens, ended.completion_tokens, stop=ended.stop)
