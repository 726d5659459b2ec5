"""Budget: what may be spent on completions, in generated tokens or in money, and never more.

What a request may cost at most is set aside before it is asked; what it did cost is booked when it has arrived.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from datafactory.config import Base
from datafactory.engines import Output, Request


class Budget(Base):
    tokens: int | None = Field(None, ge=1)
    """Generated tokens."""
    cost: float | None = Field(None, gt=0)
    """In the currency of the models' `price`."""


class Price(Base):
    """Of a million tokens."""

    prompt: float = Field(0.0, ge=0)
    completion: float = Field(0.0, ge=0)


class Purse:
    """What is spent and set aside under a budget."""

    def __init__(self, budget: Budget | None = None, price: Price | None = None):
        self.budget = budget or Budget()
        self.price = price or Price()
        self.tokens = 0
        self.cost = 0.0
        self._aside: dict[str, tuple[int, float]] = {}
        self._tokens_aside, self._cost_aside = 0, 0.0

    @property
    def limited(self) -> bool:
        return self.budget != Budget()

    @property
    def under_way(self) -> int:
        """The requests that something is set aside for: they are asked, and have not arrived."""
        return len(self._aside)

    def admit(self, requests: Sequence[Request]) -> bool:
        """Whether all these can be paid for whatever they come to; what they may cost is set aside then."""
        most = [(request.key, *self._most(request)) for request in requests]
        tokens = self._tokens_aside + sum(count for _, count, _ in most)
        cost = self._cost_aside + sum(price for *_, price in most)
        if self.budget.tokens is not None and self.tokens + tokens > self.budget.tokens:
            return False
        if self.budget.cost is not None and self.cost + cost > self.budget.cost:
            return False
        self._aside |= {key: (longest, price) for key, longest, price in most}
        self._tokens_aside, self._cost_aside = tokens, cost
        return True

    def book(self, output: Output) -> None:
        """What a completion cost, whether it arrived now or was in the journal."""
        tokens, cost = self._aside.pop(output.key, (0, 0.0))
        self._tokens_aside -= tokens
        self._cost_aside = self._cost_aside - cost if self._aside else 0.0
        self.tokens += output.completion_tokens or 0
        self.cost += self._cost(output.prompt_tokens or 0, output.completion_tokens or 0)

    def told(self) -> str:
        """`4,998,112 of 5,000,000 tokens`."""
        said = []
        if self.budget.tokens is not None:
            said.append(f"{self.tokens:,} of {self.budget.tokens:,} tokens")
        if self.budget.cost is not None:
            said.append(f"{self.cost:,.4g} of {self.budget.cost:,.4g} money")
        return ", ".join(said)

    def _most(self, request: Request) -> tuple[int, float]:
        longest = request.sampling.max_tokens
        if self.budget.cost is None:
            return longest, 0.0
        # a token is at least a byte of the prompt
        return longest, self._cost(len(request.prompt.encode("utf-8", "replace")), longest)

    def _cost(self, prompt: int, completion: int) -> float:
        return (prompt * self.price.prompt + completion * self.price.completion) / 1e6
