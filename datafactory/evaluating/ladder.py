"""Ladder: one thinking, answered at several budgets (budget forcing: Muennighoff et al. 2025, arXiv:2501.19393).

The thinking goes on from one budget to the next, and at each the mark that ends it and "Final Answer:" are put behind
what there is, and an answer is asked for: the first tokens of a long thinking are the thinking of a small budget, and
are paid for once. A thinking that ends by itself is answered there, at every budget that it keeps within; to think
longer, its end is left out and "Wait" put in its place, so many times as `extend` says and as far as the budgets go.

Each piece is a completion of its own, in the journal before it counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from datafactory.asking import Asker, seed_of
from datafactory.driving import Work
from datafactory.engines import Output, Request, Sampling
from datafactory.errors import StageError
from datafactory.thinking import Forcing, demand_stops

S1 = Forcing(budget=1)  # its words: what is put behind a forced end, and in place of an end


@dataclass(frozen=True)
class Rungs:
    """budgets    tokens of thinking, the least first; all below max_tokens
    extend     how often the end of the thinking is put off
    closing    the mark that ends the thinking
    """

    budgets: tuple[int, ...]
    extend: int
    closing: str


@dataclass(frozen=True)
class Rung:
    """What a rollout came to at one budget: the whole completion, the tokens before its answer (None where the engine
    counts none), and whether the budget ended them."""

    budget: int
    output: Output
    thinking: int | None
    forced: bool


@dataclass(frozen=True)
class _Answered:
    """A thinking as it stands at one budget, and the request for its answer; the last output where none is asked for:
    it failed, ended without the end of its thinking, or filled the model's context."""

    budget: int
    text: str
    spent: int
    forced: bool
    answer: Request | Output


@dataclass
class _Climb:
    """A rollout on its way up."""

    first: Request
    text: str = ""
    spent: int = 0
    extended: int = 0
    prompt_tokens: int | None = None
    told: bool = True  # whether the engine counts tokens
    thinks: bool = True
    answered: list[_Answered] = field(default_factory=list)


def ladder(requests: Sequence[Request], rungs: Rungs, asker: Asker) -> Work[list[list[Rung]]]:
    """The rungs of each rollout, one for each budget. All climb together: batches are the same at every attempt."""
    climbs = [_Climb(request) for request in requests]
    for place, budget in enumerate(rungs.budgets):
        while thinking := [climb for climb in climbs if climb.thinks and len(climb.answered) == place]:
            asked = [_thinking(climb, budget, rungs, asker) for climb in thinking]
            outputs = yield asked
            for climb, request in zip(thinking, asked, strict=True):
                _went_on(climb, request, outputs[request.key], place, rungs, asker)
    wanted = [each.answer for climb in climbs for each in climb.answered if isinstance(each.answer, Request)]
    outputs = (yield list({request.key: request for request in wanted}.values())) if wanted else {}
    return [[_rung(climb, each, outputs) for each in climb.answered] for climb in climbs]


def _thinking(climb: _Climb, budget: int, rungs: Rungs, asker: Asker) -> Request:
    sampling = climb.first.sampling
    update = {"max_tokens": budget - climb.spent, "stop": (*sampling.stop, rungs.closing)}
    return _behind(climb, climb.text, sampling.model_copy(update=update), asker)


def _went_on(climb: _Climb, asked: Request, output: Output, place: int, rungs: Rungs, asker: Asker) -> None:
    """What becomes of a thinking that came so far."""
    if output.reasoning is not None:
        raise StageError(
            "the server hands the thinking over apart, so that it cannot be continued; start it without a reasoning "
            "parser, or leave `budgets` out"
        )
    budget, reached = rungs.budgets[place], output.finish_reason == "length"
    climb.told &= output.completion_tokens is not None or output.finish_reason == "error"
    climb.prompt_tokens = output.prompt_tokens if climb.prompt_tokens is None else climb.prompt_tokens
    climb.text += output.text
    climb.spent += (
        output.completion_tokens if output.completion_tokens is not None else asked.sampling.max_tokens * reached
    )
    if output.finish_reason == "error":
        _end(climb, output, rungs.budgets[place:])
    elif reached and climb.spent >= budget:
        _answer(climb, f"{climb.text.rstrip()}\n{rungs.closing}{S1.final}", [budget], True, asker)
    elif reached:  # the model's context is full
        _end(climb, output, rungs.budgets[place:])
    else:
        if not asker.engine.rendered:
            demand_stops(output, asker)
        _ended(climb, output, place, rungs, asker)


def _ended(climb: _Climb, output: Output, place: int, rungs: Rungs, asker: Asker) -> None:
    """A thinking that ended by itself is answered, or made to go on."""
    closed = f"{climb.text.rstrip()}\n{rungs.closing}"
    if output.stop != rungs.closing:  # there was no end of a thinking: nothing to force
        _end(climb, output, rungs.budgets[place:])
    elif climb.extended == rungs.extend:
        _answer(climb, closed, rungs.budgets[place:], False, asker)
        climb.thinks = False
    else:
        if climb.spent >= rungs.budgets[place]:  # it ended with the last token of this budget
            _answer(climb, closed, [rungs.budgets[place]], False, asker)
        climb.extended += 1
        climb.text = f"{climb.text.rstrip()}\n{S1.wait}"


def _answer(climb: _Climb, text: str, budgets: Sequence[int], forced: bool, asker: Asker) -> None:
    sampling = climb.first.sampling
    request = _behind(climb, text, sampling.model_copy(update={"max_tokens": sampling.max_tokens - climb.spent}), asker)
    climb.answered += [_Answered(budget, text, climb.spent, forced, request) for budget in budgets]


def _end(climb: _Climb, output: Output, budgets: Sequence[int]) -> None:
    climb.thinks = False
    climb.answered += [_Answered(budget, climb.text, climb.spent, False, output) for budget in budgets]


def _behind(climb: _Climb, text: str, sampling: Sampling, asker: Asker) -> Request:
    """The request that goes on behind this text. The draws of a later piece are other ones than the first one's."""
    first = climb.first
    prefill = first.prefill + text
    return asker.request(
        first.messages,
        prefill,
        asker.engine.render(first.messages, prefill) if first.messages else first.prompt + text,
        sampling,
        seed_of(first.seed, len(text)) if text else first.seed,
        problem_id=first.problem_id,
        question=first.question,
        rollout=first.rollout,
    )


def _rung(climb: _Climb, each: _Answered, outputs: Mapping[str, Output]) -> Rung:
    said, last = "", each.answer
    if isinstance(last, Request):
        last = outputs[last.key]
        said = last.text
    spent = each.spent + (last.completion_tokens or 0 if last is not each.answer else 0)
    output = replace(
        last,
        key=climb.first.key,
        text=each.text + said,
        prompt_tokens=climb.prompt_tokens,
        completion_tokens=spent if climb.told and last.completion_tokens is not None else None,
    )
    return Rung(each.budget, output, each.spent if climb.told else None, each.forced)
