"""The nouns that pass between files, and the columns of a rollout row with their types.

A rollout row is the one table of the project: problem columns, rollout index, completion columns, and one column per
score, so that any stage acts on a row without a join.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

# `scored` and `no_verdict` are a judge's: a grade is neither right nor wrong, and votes may not agree
Status = Literal["correct", "incorrect", "no_answer", "scored", "undecidable_gold", "no_verdict", "timeout", "error"]
DECIDED = ("correct", "incorrect", "no_answer", "scored")
FinishReason = Literal["stop", "length", "error"]
Fact = bool | int | float | str | None
Message = dict[str, str]  # {"role": "system" | "user" | "assistant", "content": text}


@dataclass(frozen=True)
class Problem:
    """A question with what is needed to check an answer to it.

    answer   the gold answer as text, None where there is none
    tests    a JSON text of what a code verifier runs, else None
    choices  the options of a multiple-choice question, in order (A, B, C ...), else None
    meta     every further column of the source, as read
    """

    question: str
    answer: str | None = None
    tests: str | None = None
    choices: tuple[str, ...] | None = None
    domain: str | None = None
    source: str | None = None
    problem_id: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Completion:
    """One answer of a model, its thinking apart from what it says in the end.

    reasoning  text between the think tags; None when the model did not think in them
    response   what follows the thinking (R1's summary); the whole text when there was no think block
    Token counts are those of the model's own tokenizer, None when unknown.
    """

    response: str
    reasoning: str | None = None
    finish_reason: FinishReason = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True)
class Verdict:
    """What a verifier says of one completion.

    reward is a float, or None where nothing was decided: a timeout, a crash or an unreadable gold answer is not a
    wrong answer. detail says in a few words what was compared, for a person who asks why. facts are what else the
    verifier found out, under the names that its FACTS declare: each becomes a column.
    """

    reward: float | None
    status: Status
    detail: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status not in get_args(Status):
            raise ValueError(f"there is no status {self.status!r}; there is: {', '.join(get_args(Status))}")
        if self.reward is not None and not (isinstance(self.reward, int | float) and math.isfinite(self.reward)):
            raise ValueError(f"a reward is a finite number or None, not {self.reward!r}")
        if not isinstance(self.detail, str):
            raise ValueError(f"a detail is a text, not {self.detail!r}")
        if (self.status in DECIDED) != (self.reward is not None):
            raise ValueError(f"a verdict with status {self.status!r} cannot carry reward {self.reward!r}")

    @staticmethod
    def correct(detail: str = "", reward: float = 1.0) -> Verdict:
        return Verdict(reward, "correct", detail)

    @staticmethod
    def incorrect(detail: str = "", reward: float = 0.0) -> Verdict:
        return Verdict(reward, "incorrect", detail)

    @staticmethod
    def no_answer(detail: str = "") -> Verdict:
        """The completion holds no final answer: decided, and worth nothing."""
        return Verdict(0.0, "no_answer", detail)

    @staticmethod
    def scored(reward: float, detail: str = "", facts: Mapping[str, Fact] | None = None) -> Verdict:
        """A grade on a judge's own scale."""
        return Verdict(reward, "scored", detail, facts or {})

    @staticmethod
    def undecided(status: Literal["undecidable_gold", "no_verdict", "timeout", "error"], detail: str = "") -> Verdict:
        return Verdict(None, status, detail)


# The columns that have a fixed meaning and type, in the order they are written. Types are polars' names.
# choices and meta are JSON texts: their shape is the source's, and a Parquet schema must not vary from shard to shard.
COLUMNS: dict[str, str] = {
    "problem_id": "String",
    "question": "String",
    "answer": "String",
    "choices": "String",
    "tests": "String",
    "domain": "String",
    "source": "String",
    "license": "String",
    "meta": "String",
    "rollout": "Int32",
    "trace_id": "String",
    "reasoning": "String",
    "response": "String",
    "finish_reason": "String",
    "error": "String",
    "prompt_tokens": "Int32",
    "completion_tokens": "Int32",
    "model": "String",
    "generation": "String",
}
# columns that are there only where a stage above made them: history is the conversation before the question, as JSON;
# parent_id the trace_id of the row that this one was written from; category is finer than the domain; label is what
# someone said of a finished answer, as safe or unsafe
FURTHER = {"history": "String", "parent_id": "String", "category": "String", "label": "String"}
PROBLEM_COLUMNS = tuple(COLUMNS)[: tuple(COLUMNS).index("rollout")]
COMPLETION_COLUMNS = tuple(COLUMNS)[tuple(COLUMNS).index("rollout") :]


def problem_id(
    question: str,
    answer: str | None,
    tests: str | None = None,
    choices: str | None = None,
    history: str | None = None,
) -> str:
    """16 hex digits that depend on the content of a problem and on nothing else."""
    further = [choices, history] if history else [choices] if choices else []
    content = json.dumps([question, answer, tests, *further], ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def trace_id(problem_id: str, rollout: int, reasoning: str | None, response: str | None) -> str:
    """16 hex digits that depend on what a rollout answers, its index and its text, and on nothing else."""
    content = json.dumps([problem_id, rollout, reasoning, response], ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def problem_of(row: Mapping[str, Any]) -> Problem:
    """The Problem in a row of the rollout table; tests that `synthesize_tests` made stand in for those it came with."""
    choices = row.get("choices")
    meta = row.get("meta")
    answer = row.get("answer")
    return Problem(
        question=row.get("question") or "",
        answer=answer if (answer or "").strip() else row.get("pseudo_answer") or answer,
        tests=row.get("synthetic_tests") or row.get("tests"),
        choices=tuple(json.loads(choices)) if choices else None,
        domain=row.get("domain"),
        source=row.get("source"),
        problem_id=row.get("problem_id") or "",
        meta=json.loads(meta) if meta else {},
    )


def completion_of(row: Mapping[str, Any]) -> Completion:
    """The Completion in a row of the rollout table."""
    return Completion(
        response=row.get("response") or "",
        reasoning=row.get("reasoning"),
        finish_reason=row.get("finish_reason") or "stop",
        prompt_tokens=row.get("prompt_tokens"),
        completion_tokens=row.get("completion_tokens"),
    )
