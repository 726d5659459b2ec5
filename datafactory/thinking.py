"""Thinking: its length forced, and completions that were cut continued.

Budget forcing as s1 has it (Muennighoff et al. 2025, arXiv:2501.19393): at the budget the mark that ends the thinking
is put, and the beginning of an answer; to think longer the mark is left out and "Wait" put in its place. Each piece is
a completion of its own, in the journal before it counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from pydantic import Field, model_validator

from datafactory.config import Base
from datafactory.driving import Work
from datafactory.engines import Output, Request, Sampling
from datafactory.errors import StageError

if TYPE_CHECKING:
    from datafactory.asking import Asker


ENOUGH = 20  # completions after which a server that never names a stop text is not going to


class Forcing(Base):
    budget: int | None = Field(None, ge=1)
    """Tokens of thinking; what is longer is ended there."""
    extend: int = Field(0, ge=0)
    """How often the end of the thinking is put off, as far as the budget goes."""
    wait: str = "Wait"
    """What is put in place of the thinking's end to make it go on."""
    final: str = "\n\nFinal Answer:"
    """What is put behind the end of a thinking that reached the budget."""

    @model_validator(mode="after")
    def _something(self) -> Forcing:
        if self.budget is None and not self.extend:
            raise ValueError("needs `budget`, `extend` or both")
        return self


class Lengths(Protocol):
    """The settings that say how long a completion is."""

    @property
    def sampling(self) -> Sampling: ...
    @property
    def thinking(self) -> Forcing | None: ...
    @property
    def continue_truncated(self) -> int: ...
    @property
    def think(self) -> tuple[str, str]: ...


@dataclass
class _Trace:
    """A completion in the making: the text so far, and what is asked for next, None when it is whole."""

    first: Request
    asked: Request | None
    text: str = ""
    spent: int = 0
    extended: int = 0
    continued: int = 0
    thinks: bool = False
    last: Output | None = None
    prompt_tokens: int | None = None
    reasoning: str | None = None


def traces(requests: Sequence[Request], lengths: Lengths, asker: Asker) -> Work[list[Output]]:
    """An output for each request, made of as many completions as it takes."""
    made = [_begun(request, lengths, asker) for request in requests]
    while asked := [trace.asked for trace in made if trace.asked]:
        outputs = yield asked
        for trace in made:
            if trace.asked:
                _went_on(trace, outputs[trace.asked.key], lengths, asker)
    return [_output(trace) for trace in made]


def _begun(request: Request, lengths: Lengths, asker: Asker) -> _Trace:
    if lengths.thinking is None:
        return _Trace(request, request)
    trace = _Trace(request, None, thinks=True)
    trace.asked = _next(trace, lengths, asker)
    return trace


def _went_on(trace: _Trace, output: Output, lengths: Lengths, asker: Asker) -> None:
    """What the next completion of this trace is, if it takes one."""
    trace.last, trace.asked = output, None
    trace.text += output.text
    trace.spent += output.completion_tokens or 0
    trace.prompt_tokens = output.prompt_tokens if trace.prompt_tokens is None else trace.prompt_tokens
    if output.reasoning is not None:
        trace.reasoning = (trace.reasoning or "") + output.reasoning
        if trace.thinks or trace.continued:
            raise StageError(
                "the server hands the thinking over apart, so that it cannot be continued; start it without a "
                "reasoning parser, or leave `thinking` and `continue_truncated` out"
            )
    if output.finish_reason == "error":
        return
    if trace.thinks:
        _thought(trace, output, lengths, asker)
    elif output.finish_reason == "length" and trace.continued < lengths.continue_truncated and not trace.reasoning:
        trace.continued += 1
        trace.asked = _next(trace, lengths, asker)


def _thought(trace: _Trace, output: Output, lengths: Lengths, asker: Asker) -> None:
    forcing, closing = lengths.thinking, lengths.think[1]
    assert forcing is not None
    reached = output.finish_reason == "length"
    if not reached and not asker.engine.rendered:
        demand_stops(output, asker)
    if reached and (forcing.budget is None or trace.spent < min(forcing.budget, lengths.sampling.max_tokens)):
        return  # the model's context ended it
    if reached and trace.spent >= lengths.sampling.max_tokens:
        return
    if not reached and output.stop != closing:
        trace.thinks = False  # it ended without an end of its thinking: nothing to force
        return
    if not reached and trace.extended < forcing.extend and trace.spent < (forcing.budget or trace.spent + 1):
        trace.extended += 1
        trace.text = trace.text.rstrip() + "\n" + forcing.wait
    else:
        trace.text = f"{trace.text.rstrip()}\n{closing}{forcing.final if reached else ''}"
        trace.thinks = False
    trace.asked = _next(trace, lengths, asker)
    if trace.asked is None:  # no token is left for an answer
        trace.last = replace(output, finish_reason="length")


def demand_stops(output: Output, asker: Asker) -> None:
    """StageError where a server never says which text ended a completion: no end of a thinking would be noticed."""
    asker.stops[output.stop is not None] += 1
    if asker.stops[False] >= ENOUGH and not asker.stops[True]:
        raise StageError(
            f"of {ENOUGH} completions the server said of none that the end of the thinking stopped it: it does not "
            "tell `stop_reason`, as vLLM's does, and its thinking cannot be forced; or the model never ends it"
        )


def _next(trace: _Trace, lengths: Lengths, asker: Asker) -> Request | None:
    """The request that goes on where the text stands; None where no token is left for it."""
    sampling = lengths.sampling
    left = sampling.max_tokens if trace.continued else sampling.max_tokens - trace.spent
    if trace.thinks:
        assert lengths.thinking is not None
        if lengths.thinking.budget is not None:
            left = min(left, lengths.thinking.budget - trace.spent)
        sampling = sampling.model_copy(update={"stop": (*sampling.stop, lengths.think[1])})
    if left < 1:
        return None
    first = trace.first
    prefill = first.prefill + trace.text
    prompt = asker.engine.render(first.messages, prefill) if first.messages else first.prompt + trace.text
    return asker.request(
        first.messages,
        prefill,
        prompt,
        sampling.model_copy(update={"max_tokens": left}),
        first.seed,
        problem_id=first.problem_id,
        question=first.question,
        rollout=first.rollout,
    )


def _output(trace: _Trace) -> Output:
    """The whole of it, under the key of its first request."""
    assert trace.last is not None
    return replace(
        trace.last,
        key=trace.first.key,
        text=trace.text,
        prompt_tokens=trace.prompt_tokens,
        completion_tokens=trace.spent if trace.last.completion_tokens is not None else None,
        reasoning=trace.reasoning,
    )
