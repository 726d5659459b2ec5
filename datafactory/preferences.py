"""Preferences: a chosen and a rejected answer to one conversation, in the forms that such sets come in.

    prompt, chosen, rejected                texts or lists of messages                        TRL
    conversations, chosen, rejected         ShareGPT's turns, and an answer of each kind      LLaMA-Factory
    instruction, input, chosen, rejected    Alpaca's, with `history` where there is one       LLaMA-Factory
    chosen, rejected                        whole conversations: lists of messages, or texts
                                            "\\n\\nHuman: ...\\n\\nAssistant: ..."             Anthropic's hh-rlhf

Where chosen and rejected hold the whole conversation, a prompt beside them is not read. The two share all turns but the
last, the assistant's: what was said after they part was said in two conversations, and compares nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any

from datafactory.chat import spelled
from datafactory.conversation import Odd, Turn, turns_of
from datafactory.shapes import Exchange, exchange, turns_in
from datafactory.tables import clean
from datafactory.types import Message

# where the conversation before the answers stands, by the first of these that a row has
PROMPTS = {"prompt": "question", "conversations": "turns", "question": "question", "instruction": "question"}
SIDES = ("chosen", "rejected")
SPEAKER = re.compile(r"(?:^|\n\n)(Human|Assistant):")
COLUMNS = ("prompt", *SIDES, *(f"{side}_length" for side in SIDES))


def reads_in(reads: Mapping[str, str], row: Mapping[str, Any]) -> dict[str, str]:
    """Which column holds what, the prompt's too where the settings leave it to the row."""
    if not {"question", "turns"} & reads.keys():
        column = next((name for name in PROMPTS if row.get(name) is not None), None)
        return {**reads, PROMPTS[column]: column} if column else dict(reads)
    return dict(reads)


def preference(reads: Mapping[str, str], row: Mapping[str, Any]) -> tuple[Exchange, dict[str, Any]]:
    """The exchange that was chosen, and the columns of the pair; none where the exchange is odd."""
    try:
        turns = {side: _whole(reads, row, side) for side in SIDES}
    except Odd as odd:
        return Exchange(odd=odd.reason, detail=str(odd)), {}
    for side, said in turns.items():
        found = exchange(said)
        if found.odd:
            return replace(found, detail=f"{side}: {found.detail}"), {}
    chosen, rejected = turns.values()
    if chosen == rejected:
        return Exchange(odd="no preference", detail="chosen and rejected are the same"), {}
    if chosen[:-1] != rejected[:-1]:
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(chosen, rejected, strict=False)))
        detail = f"chosen and rejected part at turn {same + 1} of {len(chosen)} and {len(rejected)}"
        return Exchange(odd="two conversations", detail=detail), {}
    made: dict[str, Any] = {"prompt": [_message(turn) for turn in chosen[:-1]]}
    for side, said in turns.items():
        made[side] = [_message(said[-1])]
        made[f"{side}_length"] = len(made[side][0]["content"])
    return exchange(chosen), made


def _whole(reads: Mapping[str, str], row: Mapping[str, Any], side: str) -> list[Turn]:
    """The conversation with that answer at its end."""
    value = row.get(reads[side])
    if value is None or value == [] or (isinstance(value, str) and not value.strip()):
        raise Odd(f"no {side}", f"the column '{reads[side]}' is empty")
    said = _said(value)
    if said[0].role != "assistant":
        return said
    prompt = turns_in({what: column for what, column in reads.items() if what not in SIDES}, row)
    if prompt and SPEAKER.match(prompt[-1].content.strip()):
        prompt[-1:] = _dialogue(prompt[-1].content)
    if prompt and prompt[-1].role == "assistant" and not prompt[-1].content:
        prompt.pop()  # "\n\nAssistant:" at the end of a prompt waits for the answer
    return [*prompt, *said]


def _said(value: Any) -> list[Turn]:
    """A cell with an answer, or with a whole conversation."""
    if not isinstance(value, str):
        return turns_of([value] if isinstance(value, Mapping) else value)
    return _dialogue(value) if SPEAKER.match(value.strip()) else [Turn("assistant", value)]


def _dialogue(text: str) -> list[Turn]:
    parts = SPEAKER.split(text.strip())[1:]
    roles = {"Human": "user", "Assistant": "assistant"}
    return [Turn(roles[who], said.strip()) for who, said in zip(parts[::2], parts[1::2], strict=True)]


def _message(turn: Turn) -> Message:
    message = spelled(turn)
    return {"role": message["role"], "content": clean(message["content"])}
