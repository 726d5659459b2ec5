"""Format: the completion has the form that was asked for: one think block with text in it, then an answer.

In   reasoning, response, finish_reason
Out  1 when well formed, 0 when not; detail names what is wrong. The gold answer does not matter
Use  the format reward of R1-Zero (arXiv:2501.12948, section 2.2.2); `think_answer` is its template, Table 1
"""

from __future__ import annotations

import re
from typing import Literal

from datafactory import answers
from datafactory.chat import THINK, split_thinking
from datafactory.config import Base
from datafactory.types import Completion, Problem, Verdict

VERSION = 1
THINK_TAG = re.compile(r"</?think>")
ANSWER_TAG = re.compile(r"</?answer>")
PARAGRAPH = re.compile(r"\n\s*\n")


class Config(Base):
    style: Literal["think", "think_answer"] = "think"
    """think: R1's summary, anything, may follow the think block. think_answer: one <answer> block and nothing else
    follows it."""
    answer: Literal["any", "boxed"] = "any"
    """boxed: the last paragraph of the response holds a \\boxed{} with text in it, as R1's answers to math do."""
    opened_by: Literal["completion", "prompt"] = "completion"
    """prompt: the chat template opened the think block, as R1-distill's do, so that the text begins inside it."""


def verify(problem: Problem, completion: Completion, config: Config) -> Verdict:
    if config.opened_by == "prompt" and completion.reasoning is None:
        completion = split_thinking(THINK[0] + completion.response, finish_reason=completion.finish_reason)
    fault = (
        _fault(completion)
        or (config.style == "think_answer" and _fault_of_answer(completion.response))
        or (config.answer == "boxed" and _fault_of_box(completion.response))
    )
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


def _fault_of_box(response: str) -> str | None:
    found = answers.boxed(PARAGRAPH.split(response.removesuffix("</answer>").strip())[-1])
    if found is None:
        return "no box at the end"
    return None if found.strip() else "the box is empty"
