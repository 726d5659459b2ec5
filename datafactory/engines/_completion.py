"""A completion in the making: it takes a token at a time, and knows when it is over."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from datafactory.engines import Output, Request
from datafactory.types import FinishReason


class Completion:
    def __init__(self, request: Request, prompt: list[int], context: int, tokenizer: Any, ends: Collection[int]):
        self.request = request
        self.prompt = prompt
        self.tokens: list[int] = []
        self.finish_reason: FinishReason | None = None
        self.stop: str | None = None
        self._tokenizer = tokenizer
        self._ends = ends
        self._most = min(request.sampling.max_tokens, context - len(prompt))
        # a stop text is at most so many tokens, and a character that began before them some more
        self._window = max(map(len, request.sampling.stop), default=0) + 8
        # the same draws on every machine and in every batch
        self._stream = np.random.Generator(np.random.Philox(key=request.seed))

    def draw(self) -> float:
        """The uniform draw of the next token."""
        return self._stream.random()

    def add(self, token: int) -> None:
        if token in self._ends:
            self.finish_reason = "stop"
            return
        self.tokens.append(token)
        if self.request.sampling.stop:
            self.stop = self._first(self._tokenizer.decode(self.tokens[-self._window :]))
        if self.stop is not None:
            self.finish_reason = "stop"
        elif len(self.tokens) >= self._most:
            self.finish_reason = "length"

    def output(self) -> Output:
        assert self.finish_reason is not None
        text = self._tokenizer.decode(self.tokens, skip_special_tokens=True)
        if self.stop is not None and self.stop in text:  # one that is a special token is not
            text = text[: text.index(self.stop)]
        return Output(
            self.request.key,
            text,
            self.finish_reason,
            prompt_tokens=len(self.prompt),
            completion_tokens=len(self.tokens),
            stop=self.stop,
        )

    def _first(self, text: str) -> str | None:
        """The stop text that comes first."""
        found = [(text.index(stop), stop) for stop in self.request.sampling.stop if stop in text]
        return min(found)[1] if found else None
