"""OpenAI: any server that speaks OpenAI's API, such as vLLM, SGLang, or a hosted one.

    teacher: {engine: openai, model: deepseek-ai/DeepSeek-R1, base_url: http://localhost:8000/v1}
    hosted:  {engine: openai, model: deepseek-reasoner, base_url: https://api.example.com/v1, api_key_env: EXAMPLE_KEY}
    several: {engine: openai, model: Qwen/Qwen3-32B, base_url: [http://one:8000/v1, http://two:8000/v1]}

Prompts go to /chat/completions, and those that take no chat template to /completions. A server that is overloaded gets
fewer at once; what fails is asked again; a server that is gone is waited for, and what it had goes to the others.
Where a server hands the thinking over apart, it is taken from there.

What the stage's `sampling` leaves out, a server fills in as it is set up: vLLM takes `top_k` and others from the
model's generation_config.json, unless it is started with `--generation-config vllm`.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from datafactory.engines import Engine, Output
from datafactory.engines._openai.settings import Config as Config
from datafactory.types import Message

if TYPE_CHECKING:
    from datafactory.engines._openai.running import Running
    from datafactory.feed import Feed

VERSION = 1
WEIGHTS = False
WAIT = 0.25  # seconds in which nothing may finish before that is said


def start(config: Config, weights: str | None) -> Engine:
    return Served(config)


def cannot_continue(config: Config) -> str | None:
    """Why it cannot go on behind the beginning of an answer, where that is known before it is asked."""
    hosted = [url for url in config.base_url if urlsplit(url).hostname == "api.openai.com"]
    return f"{hosted[0]} only begins answers" if hosted else None


class Served:
    batches = False
    rendered = False

    def __init__(self, config: Config):
        from datafactory.engines._openai.keys import Keys

        self.config = config
        self.keys = Keys(config.api_key_env, config.headers_env)
        self.room = config.concurrency * len(config.base_url)
        self._running: Running | None = None
        _allow_files(2 * self.room + 256)

    def render(self, messages: Sequence[Message], prefill: str) -> str:
        """The turns and the beginning of the answer as JSON: the server, which has the template, shows no more."""
        return json.dumps([list(messages), prefill], ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    def generate(self, feed: Feed) -> Iterator[list[Output]]:
        running = self._run()
        try:
            while True:
                running.put(feed.take(max(0, running.room)))
                if running.under_way:
                    yield running.outputs(WAIT)
                elif feed.closed and not len(feed):
                    return
                else:
                    yield []
        finally:
            if running.under_way or running.failure:
                self.close()  # what is under way is given up

    def close(self) -> None:
        if self._running:
            self._running.close()
            self._running = None

    def _run(self) -> Running:
        from datafactory.engines._openai.asked import Wording
        from datafactory.engines._openai.dispatch import Dispatch
        from datafactory.engines._openai.running import Running

        if self._running is None:
            config = self.config
            wording = Wording(config.model, config.seed, config.max_tokens_name, config.prefill, config.extra_body)
            self._running = Running(
                lambda out, fail: Dispatch(config, wording, self.keys, out, fail),
                config.n is not False and not config.seed,
            )
        return self._running


def _allow_files(count: int) -> None:
    """A connection is an open file, and 1,024 are allowed where nobody asked for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
