"""Shapes: the last question of a row with its answer, in the forms that fine-tuning sets come in.

    messages            messages: [{role, content}, ...]                        OpenAI, TRL
    sharegpt            conversations: [{from, value}, ...]                     ShareGPT
    alpaca              instruction, input, output; history: [[asked, said]]    Stanford Alpaca, LLaMA-Factory
    prompt_completion   prompt, completion: texts or lists of messages          TRL
    query_response      query, response; history as Alpaca's                    ms-swift, MetaMath
    generations         problem, generations: a list of answers                 OpenR1-Math
    preferences         chosen, rejected: of one conversation                   read by preferences.py

A text `system` beside them stands before the conversation. What is asked last is the question, what answers it the
response, and all before it the history; the thinking of the response is split off, that of earlier turns stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal, get_args

from datafactory.chat import spelled, split_thinking
from datafactory.conversation import Odd, Turn, turns_of
from datafactory.types import FinishReason, Message

Name = Literal["messages", "sharegpt", "alpaca", "prompt_completion", "query_response", "generations", "preferences"]
Row = Mapping[str, Any]

# what each reads, and the column of it; the columns that need not be there
COLUMNS: dict[str, dict[str, str]] = {
    "messages": {"turns": "messages"},
    "sharegpt": {"turns": "conversations"},
    "alpaca": {"question": "instruction", "input": "input", "response": "output", "history": "history"},
    "prompt_completion": {"question": "prompt", "response": "completion"},
    "query_response": {"question": "query", "response": "response", "history": "history"},
    "generations": {"question": "problem", "response": "generations"},
    "preferences": {"chosen": "chosen", "rejected": "rejected", "input": "input", "history": "history"},
}
OPTIONAL = ("input", "history", "system")
NO_INPUT = ("<noinput>", "noinput")  # as Self-Instruct and its descendants spell an empty one


@dataclass(frozen=True)
class Exchange:
    """A question with its answer; odd says in a few words why it is none, detail in a sentence where."""

    question: str | None = None
    response: str | None = None
    reasoning: str | None = None
    history: tuple[Message, ...] = ()
    finish_reason: FinishReason = "stop"
    odd: str | None = None
    detail: str = ""


def fitting(columns: Iterable[str]) -> list[Name]:
    """The shapes that rows of these columns have."""
    have = set(columns)
    return [name for name in get_args(Name) if set(needed(COLUMNS[name])) <= have]


def needed(reads: Mapping[str, str]) -> list[str]:
    """The columns that have to be there."""
    return [column for what, column in reads.items() if what not in OPTIONAL]


def exchanges(shape: str, reads: Mapping[str, str], row: Row) -> Iterator[Exchange]:
    """The exchanges of a row: one, and of `generations` one per answer. reads is which column holds what."""
    if shape != "generations":
        yield _exchange(reads, row)
        return
    said = row.get(reads["response"])
    if not isinstance(said, list) or not said:
        yield Exchange(odd="no response", detail=f"the column '{reads['response']}' holds no list of answers")
        return
    ends = row.get("finish_reasons")
    for at, answer in enumerate(said):
        found = _exchange(reads, {**row, reads["response"]: answer})
        end: Any = ends[at] if isinstance(ends, list) and at < len(ends) else None
        yield replace(found, finish_reason=end) if end in get_args(FinishReason) else found


def _exchange(reads: Mapping[str, str], row: Row) -> Exchange:
    try:
        turns = turns_in(reads, row)
    except Odd as odd:
        return Exchange(odd=odd.reason, detail=str(odd))
    return exchange(turns)


def exchange(turns: Sequence[Turn]) -> Exchange:
    """The last question of a conversation, the answer behind it, and what was said before."""
    asked = max((at for at, turn in enumerate(turns) if turn.role == "user"), default=None)
    said = next((turn for turn in reversed(turns) if turn.role == "assistant"), None)
    reasoning, response = answered(said) if said else (None, None)
    odd, detail = next(_faults(turns), (None, ""))
    return Exchange(
        turns[asked].content if asked is not None else None,
        response,
        reasoning,
        tuple(spelled(turn) for turn in turns[:asked]) if asked is not None else (),
        odd=odd,
        detail=detail,
    )


def answered(turn: Turn) -> tuple[str | None, str]:
    """The thinking and the response of a turn."""
    split = split_thinking(turn.content)
    if turn.reasoning is None:
        return split.reasoning, split.response
    again = split.reasoning is not None and split.reasoning == turn.reasoning.strip()  # said apart and in the text
    return turn.reasoning.strip(), split.response if again else turn.content.strip()


def _faults(turns: Sequence[Turn]) -> Iterator[tuple[str, str]]:
    """What is wrong with a conversation, the worst first: most chat templates take only turns that alternate."""
    if not any(turn.role == "user" for turn in turns):
        yield "no user turn", f"nobody asks anything in its {len(turns)} turns"
    for number, turn in enumerate(turns, 1):
        if not turn.content.strip() and not turn.reasoning:
            yield "an empty turn", f"turn {number} of {len(turns)}, the {turn.role}'s, is empty"
    for number, (before, turn) in enumerate(pairwise(turns), 2):
        if turn.role == "system":
            yield "a system turn in the middle", f"turn {number} of {len(turns)} is the system's"
        if turn.role == before.role:
            yield f"two {turn.role} turns in a row", f"turns {number - 1} and {number} are both the {turn.role}'s"
    talk = [turn for turn in turns if turn.role != "system"]
    if talk and talk[0].role == "assistant":
        yield "begins with an assistant turn", "the assistant speaks before anything is asked"
    if talk and talk[-1].role == "user":
        yield "ends with a user turn", f"the last of its {len(turns)} turns is a question without an answer"


def turns_in(reads: Mapping[str, str], row: Row) -> list[Turn]:
    """The turns that stand in these columns of a row; Odd where one of them holds something else."""
    turns = turns_of(row.get(reads["turns"])) if "turns" in reads else _pairs(row.get(reads.get("history", "")))
    if "question" in reads:
        question = row.get(reads["question"])
        further = row.get(reads.get("input", ""))
        if isinstance(question, str) and isinstance(further, str) and further.strip().lower() not in ("", *NO_INPUT):
            question = f"{question}\n{further}" if question.strip() else further
        turns += _said("user", question, "no question", reads["question"])
    if "response" in reads:
        turns += _said("assistant", row.get(reads["response"]), "no response", reads["response"])
    turns = [turn for turn in turns if turn.role != "system" or turn.content.strip()]  # an empty one says nothing
    system = row.get(reads.get("system", "system"))
    if isinstance(system, str) and system.strip() and not (turns and turns[0].role == "system"):
        turns = [Turn("system", system), *turns]
    return turns


def _said(role: str, value: Any, missing: str, column: str) -> list[Turn]:
    """A cell that holds a text, one turn, or several."""
    if value is None or value == [] or (isinstance(value, str) and not value.strip()):
        raise Odd(missing, f"the column '{column}' is empty")
    if isinstance(value, str):
        return [Turn(role, value)]
    return turns_of([value] if isinstance(value, Mapping) else value)


def _pairs(value: Any) -> list[Turn]:
    """The turns of a history: pairs of what was asked and what was said, or turns."""
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise Odd("not a history", f"the history is no list of [asked, said], but {value[:80]!r}") from None
    if not value:
        return []
    if isinstance(value, list) and all(isinstance(each, Mapping) for each in value):
        return turns_of(value)
    if not isinstance(value, list) or not all(_pair(each) for each in value):
        raise Odd("not a history", f"the history is no list of [asked, said], but {str(value)[:80]}")
    return [turn for asked, said in value for turn in (Turn("user", asked), Turn("assistant", said))]


def _pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(text, str) for text in value)
