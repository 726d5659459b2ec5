"""Budget: what may be spent on completions, in generated tokens or in money, and never more.

What a request may cost at most is set aside before it is asked; what it did cost is booked when it has arrived. A
stage's account stands below the recipe's, and neither is overrun.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from datafactory.config import Base
from datafactory.engines import Output, Request
from datafactory.ledger import Ledger, Spent
from datafactory.pace import Pace

TEMPLATE = 1024  # tokens that a server's chat template, which is not shown, is taken to add to a prompt at most


class Budget(Base):
    tokens: int | None = Field(None, ge=1)
    """Generated tokens."""
    cost: float | None = Field(None, gt=0)
    """In the currency of the models' `price`."""


class Price(Base):
    prompt: float = Field(0.0, ge=0)
    """Of a million prompt tokens."""
    completion: float = Field(0.0, ge=0)
    """Of a million generated tokens."""
    gpu_hour: float = Field(0.0, ge=0)
    """Of an hour of one GPU; `plan --pilot` tells it, and a budget does not count it."""
    gpus: int = Field(0, ge=0)
    """GPUs that the model has; those that the engine is told to use by default."""

    @property
    def of_tokens(self) -> bool:
        return bool(self.prompt or self.completion)

    def of(self, prompt: int, completion: int) -> float:
        return (prompt * self.prompt + completion * self.completion) / 1e6


class Account:
    """What is spent and set aside under a budget, here and in the account above.

    arrived   completions that were asked for now, not found in the journal
    pace      at which requests went to the engine
    loading   seconds until models were ready
    """

    def __init__(
        self,
        budget: Budget | None = None,
        name: str = "the budget",
        ledger: Ledger | None = None,
        above: Account | None = None,
    ):
        self.budget = budget or Budget()
        self.name = name
        self.ledger = ledger or Ledger()
        self.above = above
        self.spent = self.ledger.spent
        self.arrived = 0
        self.pace = Pace()
        self.loading = 0.0
        self._tokens_aside, self._cost_aside = 0, 0.0

    def short_of(self, tokens: int, cost: float) -> Account | None:
        """The account that does not allow so much more, this one or one above."""
        budget, spent = self.budget, self.spent
        if budget.tokens is not None and spent.tokens + self._tokens_aside + tokens > budget.tokens:
            return self
        if budget.cost is not None and spent.cost + self._cost_aside + cost > budget.cost:
            return self
        return self.above.short_of(tokens, cost) if self.above else None

    def set_aside(self, tokens: int, cost: float) -> None:
        """So much more, or less where it is negative."""
        self._tokens_aside += tokens
        self._cost_aside = self._cost_aside + cost if self._tokens_aside else 0.0  # no remainder of rounding is left
        if self.above:
            self.above.set_aside(tokens, cost)

    def book(self, entries: Iterable[tuple[str, Spent]]) -> None:
        self.add(self.ledger.add(entries))

    def add(self, spent: Spent) -> None:
        self.spent += spent
        if self.above:
            self.above.add(spent)

    def told(self) -> str:
        """`4,998,112 of 5,000,000 tokens`."""
        said = []
        if self.budget.tokens is not None:
            said.append(f"{self.spent.tokens:,} of {self.budget.tokens:,} tokens")
        if self.budget.cost is not None:
            said.append(f"a cost of {self.spent.cost:,.4g} of {self.budget.cost:,.4g}")
        sure = f" ({self.spent.bounded:,} completions without a told usage at their most)" if self.spent.bounded else ""
        return " and ".join(said) + sure


class Purse:
    """What one model's requests take out of an account, at its price."""

    def __init__(self, budget: Budget | None = None, price: Price | None = None, account: Account | None = None):
        self.account = account or Account(budget)
        self.price = price or Price()
        self.refused: Account | None = None
        self._lock = threading.Lock()  # what is taken in one thread is booked in another
        self._aside: dict[str, tuple[int, int]] = {}  # key -> tokens of the prompt and of the completion, at most

    @property
    def under_way(self) -> int:
        """The requests that something is set aside for: they are asked, and have not arrived."""
        return len(self._aside)

    def admit(self, requests: Sequence[Request]) -> bool:
        """Whether all these can be paid for whatever they come to; what they may cost is set aside then."""
        with self._lock:
            return self._admit(requests)

    def allows(self, requests: Sequence[Request]) -> bool:
        """Whether all these could be paid for now; nothing is set aside."""
        with self._lock:
            return self._reckoned(requests) is not None

    def _admit(self, requests: Sequence[Request]) -> bool:
        reckoned = self._reckoned(requests)
        if reckoned is None:
            return False
        most, tokens, cost = reckoned
        self._aside |= most
        self.account.set_aside(tokens, cost)
        self.account.pace.mark(len(most), beginning=not self.account.arrived)
        return True

    def _reckoned(self, requests: Sequence[Request]) -> tuple[dict[str, tuple[int, int]], int, float] | None:
        """What these may come to at most, each and together; None where an account does not allow it."""
        most = {request.key: _most(request) for request in requests if request.key not in self._aside}
        tokens = sum(longest for _, longest in most.values())
        cost = sum(self.price.of(*each) for each in most.values())
        self.refused = self.account.short_of(tokens, cost)
        return None if self.refused else (most, tokens, cost)

    def book(self, outputs: Sequence[Output]) -> None:
        """What these cost, which arrived now. What came to nothing costs what the server says it does."""
        with self._lock:
            self._book(outputs)

    def _book(self, outputs: Sequence[Output]) -> None:
        entries = []
        for output in outputs:
            prompt, longest = self._aside.pop(output.key, (0, 0))
            self.account.set_aside(-longest, -self.price.of(prompt, longest))
            if output.finish_reason != "error":
                entries.append((output.key, self._spent(output, prompt, longest)))
            elif output.completion_tokens or output.prompt_tokens:
                # what is asked again costs again: it has an entry of its own
                entries.append((uuid.uuid4().hex, self._spent(output, 0, 0)))
        self.account.arrived += len(entries)
        self.account.book(entries)

    def find(self, outputs: Mapping[str, Output], requests: Mapping[str, Request]) -> None:
        """What these cost, which were in the journal."""
        with self._lock:
            self.account.book((key, self._spent(output, *_most(requests[key]))) for key, output in outputs.items())

    def _spent(self, output: Output, prompt: int, longest: int) -> Spent:
        """`prompt` and `longest` stand in for what is not told."""
        tokens = output.completion_tokens
        told = tokens is not None or output.finish_reason == "error"
        if tokens is None:
            tokens = longest
        if output.prompt_tokens is not None:
            prompt = output.prompt_tokens
        return Spent(1, tokens, prompt, self.price.of(prompt, tokens), 0 if told else 1)


def _most(request: Request) -> tuple[int, int]:
    # a token is at least a byte of the prompt
    return len(request.prompt.encode("utf-8", "replace")) + TEMPLATE, request.sampling.max_tokens
