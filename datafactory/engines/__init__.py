"""Engines: one file each; requests in, outputs as they finish.

An engine's file has VERSION, WEIGHTS (whether it runs weights that the recipe names), Config (a Base), and
`start(config, weights) -> Engine`, which is where heavy imports belong: reading a recipe needs none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pydantic import Field

from datafactory.config import Base
from datafactory.types import FinishReason, Message

if TYPE_CHECKING:
    from datafactory.feed import Feed


class Sampling(Base):
    """How tokens are drawn, under the names of OpenAI and vLLM; defaults are those of R1's evaluation (D.1)."""

    temperature: float = Field(0.6, ge=0)
    """0 takes the likeliest token."""
    top_p: float = Field(0.95, gt=0, le=1)
    """Draw from the smallest set of tokens with this much probability; 1 draws from all."""
    top_k: int | None = Field(None, ge=1)
    """Draw from at most so many of the likeliest tokens."""
    min_p: float = Field(0.0, ge=0, le=1)
    """Leave out tokens with less than this share of the likeliest one's probability."""
    max_tokens: int = Field(32768, ge=1)
    """Longest completion, in tokens; what reaches it has finish_reason `length`."""
    stop: tuple[str, ...] = ()
    """Texts that end a completion; not part of it."""


@dataclass(frozen=True)
class Request:
    """One completion that is asked for.

    key       the hash of all that decides its text
    messages  the turns; none where `prompt` is to be continued as it stands, without a chat template
    prefill   how the assistant's turn begins; the completion goes on behind it
    prompt    what `render` made of them
    seed      of this completion alone
    owed      False when it is in the journal; it is passed all the same, since an engine that works in batches has to
              form the same batches at every attempt to give the same text
    """

    key: str
    problem_id: str
    question: str
    rollout: int
    messages: tuple[Message, ...]
    prefill: str
    prompt: str
    sampling: Sampling
    seed: int
    owed: bool = True


@dataclass(frozen=True)
class Output:
    """What a model returned for one request.

    reasoning  the thinking, where a server hands it over apart; None where it stands in the text
    stop       the text of `sampling.stop` that ended it, where one did and the engine knows which
    error      why there is no text, where finish_reason is `error`
    """

    key: str
    text: str
    finish_reason: FinishReason
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning: str | None = None
    stop: str | None = None
    error: str | None = None


class Engine(Protocol):
    """A running model.

    room      how many requests it wants to have waiting, so as never to run dry: more are prepared below that
    batches   whether a text depends on what it is decoded with: then it takes the feed chunk by chunk
    rendered  whether `render` gives the very text that the model sees; a server that has the template does not show it
    """

    room: int
    batches: bool
    rendered: bool

    def render(self, messages: Sequence[Message], prefill: str) -> str:
        """The prompt as the model sees it; it is part of a completion's key."""
        ...

    def generate(self, feed: Feed) -> Iterator[list[Output]]:
        """The outputs of the requests that are owed, as they finish, in batches that are journaled whole.

        An empty batch says that nothing has finished for now, at least twice a second, and at once where nothing is
        being worked on. It ends when the feed is closed and empty and every output was given; closing the iterator
        earlier gives up what is under way.
        """
        ...

    def close(self) -> None:
        """Let go of the model, its processes and its connections."""
        ...
