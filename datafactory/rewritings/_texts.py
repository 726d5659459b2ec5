"""The texts that rewritings show, taken from a problem."""

from __future__ import annotations

from datafactory.chat import conversation
from datafactory.judges._texts import asked as without_history
from datafactory.types import Problem


def asked(problem: Problem) -> str:
    """The question with its options, behind the conversation that it goes on."""
    history = problem.meta.get("history")
    said = [f"{turn['role']}: {turn['content']}" for turn in conversation(history)] if history else []
    question = without_history(problem)
    return "\n\n".join([*said, f"user: {question}"]) if said else question
