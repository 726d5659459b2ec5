"""Format: the completion has the form that was asked for: one think block with text in it, then an answer.

In   reasoning, response, finish_reason
Out  1 when well formed, 0 when not; detail names what is wrong. The gold answer does not matter
Use  the format reward of R1-Zero (arXiv:2501.12948, section 2.2.2); `think_answer` is its template, Table 1
"""

from __future__ import annotations

import re
from typing import Literal

from datafactory.config import Base
from datafactory.types import Completion, Problem, Verdict

VERSION = 1
THINK_TAG = re.compile(r"</?think>")
ANSWER_TAG = re.compile(r"</?answer>")


class Config(Base):
    style: Literal["think", "think_answer"] = "think"
    """think: anything may follow the think block. think_answer: one <answer> block and nothing else follows it."""


def verify(problem: Problem, completion: Completion, config: Config) -> Verdict:
    fault = _fault(completion) or (config.style == "think_answer" and _fault_of_answer(completion.response))
    return Verdict.incorrect(fault) if fault else Verdict.correct()


def _fault(completion: Completion) -> str | None:
    if completion.finish_reason != "stop":
        return f"not finished: {completion.finish_reason}"
    if completion.reasoning is None:
        tags = THINK_TAG.search(completion.response)
        return "not one think block at the start" if tags else "no think block"
    if THINK_TAG.search(completion.reasoning) or THINK_TAG.search(completion.response):
        return "a think tag inside the thinking or the response"
    if not completion.reasoning.strip():
        return "the think block is empty"
    return None if completion.response.strip() else "no answer after the thinking"


def _fault_of_answer(response: str) -> str | None:
    text = response.strip()
    if ANSWER_TAG.findall(text) != ["<answer>", "</answer>"]:
        return "not one answer block"
    if not (text.startswith("<answer>") and text.endswith("</answer>")):
        return "text outside the answer block"
    return None if text[len("<answer>") : -len("</answer>")].strip() else "the answer block is empty"
