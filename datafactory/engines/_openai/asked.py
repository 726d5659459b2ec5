"""What is asked of a server: one request, or several rollouts of a prompt as one, with what became of it so far."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from datafactory.engines import Request

MOST_AT_ONCE = 32  # completions that one request asks for
CONTINUE = {"continue_final_message": True, "add_generation_prompt": False}  # vLLM's and SGLang's names


@dataclass(frozen=True)
class Wording:
    """How requests are put to the servers of one model."""

    model: str
    seed: bool
    max_tokens_name: str
    prefill: Literal["auto", "continue", "message"]
    extra_body: Mapping[str, Any]

    def body(self, requests: Sequence[Request]) -> bytes:
        """The JSON of one POST for these, which have one prompt."""
        first = requests[0]
        sampling = first.sampling
        body: dict[str, Any] = {"model": self.model}
        if first.messages:
            messages = list(first.messages)
            if first.prefill:
                messages.append({"role": "assistant", "content": first.prefill})
                if self.prefill != "message":
                    body |= CONTINUE
            body["messages"] = messages
            body[self.max_tokens_name] = sampling.max_tokens
        else:
            body["prompt"] = first.prompt
            body["max_tokens"] = sampling.max_tokens
        body["temperature"] = sampling.temperature
        body["top_p"] = sampling.top_p
        if sampling.top_k is not None:
            body["top_k"] = sampling.top_k
        if sampling.min_p:
            body["min_p"] = sampling.min_p
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if self.seed:
            body["seed"] = first.seed
        if len(requests) > 1:
            body["n"] = len(requests)
        return json.dumps({**body, **self.extra_body}, separators=(",", ":")).encode()


@dataclass(eq=False)
class Asked:
    """Requests that go out as one.

    attempts  answers that came to nothing and were this request's own fault, as far as one can tell
    crashed   the server whose connection broke under it, its outages then, and what was said: the end of a server is
              no fault of a request
    turned    when a server first turned it away for want of room
    last      the server that failed it, better not asked again where there is another
    split     whether it was one of several that went as one and were refused
    """

    requests: tuple[Request, ...]
    attempts: int = 0
    crashed: tuple[Any, int, str] | None = None
    turned: float | None = None
    last: Any = None
    split: bool = False
    taken: float = 0.0
    began: float = 0.0
    done: bool = False
    under_way: dict[Any, asyncio.Task[None]] = field(default_factory=dict)  # by the server that it was put to

    @property
    def path(self) -> str:
        return "/chat/completions" if self.requests[0].messages else "/completions"

    @property
    def continues(self) -> bool:
        """Whether a chat is to go on behind the beginning of an answer."""
        return bool(self.requests[0].messages and self.requests[0].prefill)

    @property
    def prompt_tokens(self) -> int:
        """About so many: four characters are a token of English."""
        return len(self.requests[0].prompt) // 4

    @property
    def longest(self) -> int:
        return self.requests[0].sampling.max_tokens * len(self.requests)


def grouped(requests: Sequence[Request], together: bool) -> list[Asked]:
    """As they stand, or neighbours with one prompt and sampling as one."""
    found: list[list[Request]] = []
    for request in requests:
        last = found[-1] if found else []
        if together and last and len(last) < MOST_AT_ONCE and _alike(last[0], request):
            last.append(request)
        else:
            found.append([request])
    return [Asked(tuple(some)) for some in found]


def _alike(one: Request, other: Request) -> bool:
    return (one.prompt, one.sampling, bool(one.messages)) == (other.prompt, other.sampling, bool(other.messages))
