"""Engines: one file each; requests in, outputs as they finish.

An engine's file has VERSION, WEIGHTS (whether it runs weights that the recipe names), Config (a Base), and
`start(config, weights) -> Engine`, which is where heavy imports belong: reading a recipe needs none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import Field

from datafactory.config import Base
from datafactory.types import FinishReason, Message


class Sampling(Base):
    """How tokens are drawn, under the names of OpenAI and vLLM; defaults are those of R1's evaluation (D.1)."""

    temperature: float = Field(0.6, ge=0)
    """0 takes the likeliest token."""
    top_p: float = Field(0.95, gt=0, le=1)
    """Draw from the smallest set of tokens with this much probability; 1 draws from all."""
    max_tokens: int = Field(32768, ge=1)
    """Longest completion, in tokens; what reaches it has finish_reason `length`."""
    stop: tuple[str, ...] = ()
    """Texts that end a completion; not part of it."""


@dataclass(frozen=True)
class Request:
    """One rollout that is asked for.

    key     the hash of all that decides its text
    seed    of this rollout alone
    owed    False when its completion is in the journal; it is passed all the same, since an engine that works in
            batches has to form the same batches at every attempt to give the same text
    """

    key: str
    problem_id: str
    question: str
    rollout: int
    messages: tuple[Message, ...]
    prefill: str
    prompt: str
    seed: int
    owed: bool = True


@dataclass(frozen=True)
class Output:
    """What a model returned for one request. reasoning is set where a server hands the thinking over apart."""

    key: str
    text: str
    finish_reason: FinishReason
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning: str | None = None


class Engine(Protocol):
    def render(self, messages: Sequence[Message], prefill: str) -> str:
        """The prompt as the model sees it; it is part of a completion's key."""
        ...

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[list[Output]]:
        """The outputs of the requests that are owed, in batches that are journaled whole."""
        ...
