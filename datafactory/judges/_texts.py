"""The texts that judges show and reward models read, taken from a row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from datafactory.chat import before, listed
from datafactory.types import Message, Problem, problem_of


def asked(problem: Problem) -> str:
    """The question, with its options where it has any."""
    return f"{problem.question}\n{listed(json.dumps(problem.choices))}" if problem.choices else problem.question


def turns_to(row: Mapping[str, Any]) -> list[Message]:
    """The conversation that an answer to the row's question is put behind: its history and the question, without what
    a recipe's prompt says around it, which is no part of what is preferred."""
    return [*before(row), {"role": "user", "content": asked(problem_of(row))}]
