"""The texts that judges show, taken from a row."""

from __future__ import annotations

import json

from datafactory.chat import listed
from datafactory.types import Problem


def asked(problem: Problem) -> str:
    """The question, with its options where it has any."""
    return f"{problem.question}\n{listed(json.dumps(problem.choices))}" if problem.choices else problem.question
