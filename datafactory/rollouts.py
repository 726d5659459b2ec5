"""Rollouts: every problem put to a model `group_size` times, each completion journaled before it counts.

The seed of a rollout derives from (recipe seed, problem, rollout index) and never from its position, so that raising
`group_size` pays only for the new ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from pydantic import BeforeValidator, Field, ValidationInfo

from datafactory.asking import Asker, seed_of
from datafactory.chat import THINK, fill, listed, split_thinking, turns
from datafactory.check import Check
from datafactory.config import Base
from datafactory.engines import Output, Request, Sampling
from datafactory.errors import UserError
from datafactory.models import Model
from datafactory.progress import StageProgress
from datafactory.settings import Prompt, Text, located
from datafactory.sources import rows_of
from datafactory.tables import frame
from datafactory.types import COMPLETION_COLUMNS, Message

QUESTION = Text("{question}")


def _examples(value: Any, info: ValidationInfo) -> tuple[tuple[str, str], ...]:
    if isinstance(value, tuple):
        return value
    if not isinstance(value, str):
        raise ValueError("should be the path of a JSONL file with `question` and `response`")
    path = located(value, info)
    found = []
    for place, row in rows_of(path):
        if not isinstance(row.get("question"), str) or not isinstance(row.get("response"), str):
            raise UserError(f"{place}: a worked example has `question` and `response`; this has {', '.join(row)}")
        found.append((row["question"], row["response"]))
    return tuple(found)


class Prompting(Base):
    """How a problem becomes a prompt, and a model's text a completion."""

    prompt: Prompt = QUESTION
    """The user's turn, a text or a .txt file, with {question} where the question goes."""
    system: Prompt | None = None
    """The system prompt; the chat template's own without one."""
    examples: Annotated[tuple[tuple[str, str], ...], BeforeValidator(_examples)] = ()
    """Worked examples shown before the question: a JSONL file with `question` and `response`."""
    prefill: str = ""
    """How the assistant's turn begins, such as "<think>\\n"; part of the completion."""
    think: tuple[str, str] = THINK
    """The tags around the thinking."""

    def check(self, check: Check) -> None:
        if "{question}" not in self.prompt.content:
            check.wrong(("prompt",), "has no {question}: every problem would get the same prompt")
        if not all(self.think) or self.think[0] == self.think[1]:
            check.wrong(("think",), "needs two different tags, the one that opens and the one that closes")

    def messages(self, row: dict[str, Any]) -> list[Message]:
        """The turns put to the model for a row of the problem table."""
        shown: list[Message] = []
        for question, response in self.examples:
            shown.append({"role": "user", "content": fill(self.prompt.content, {"question": question})})
            shown.append({"role": "assistant", "content": response})
        values = {"question": row["question"], "domain": row.get("domain") or "", "source": row.get("source") or ""}
        if row.get("choices"):
            values["choices"] = listed(row["choices"])
        return turns(self.system.content if self.system else None, shown, fill(self.prompt.content, values))


class Asking(Prompting):
    """Prompting, and how the tokens of the answer are drawn."""

    sampling: Sampling = Sampling()


class Sampled(Asking):
    """Asking, so many times, with a seed."""

    group_size: int = Field(1, ge=1)
    """Rollouts per problem."""
    seed: int | None = None
    """The recipe's by default."""


def rollout_seed(seed: int, problem_id: str, rollout: int) -> int:
    """63 bits that depend on these three and on nothing else."""
    return seed_of(seed, problem_id, rollout)


@dataclass
class Sampler:
    """A model asked for the rollouts of one table after another."""

    config: Sampled
    model: Model
    journals: Path
    generation: str
    progress: StageProgress

    def __post_init__(self) -> None:
        self.asker = Asker(self.model, self.config.sampling, self.journals, self.progress)
        self.journal = self.asker.journal

    def rollouts(self, problems: pl.DataFrame) -> pl.DataFrame:
        """The problems' rows `group_size` times over, group by group, with the completion columns."""
        rows = list(problems.iter_rows(named=True))
        requests = [request for row in rows for request in self._requests(row)]
        outputs = self.asker.outputs(requests)
        completions = frame([self._row(request, outputs[request.key]) for request in requests], COMPLETION_COLUMNS)
        index = [place for place in range(len(rows)) for _ in range(self.config.group_size)]
        kept = problems.drop([name for name in COMPLETION_COLUMNS if name in problems.columns])
        return pl.concat([kept[index], completions], how="horizontal")

    def _requests(self, row: dict[str, Any]) -> Iterator[Request]:
        messages = self.config.messages(row)
        prompt = self.asker.engine.render(messages, self.config.prefill)
        for rollout in range(self.config.group_size):
            seed = rollout_seed(self.config.seed or 0, row["problem_id"], rollout)
            yield Request(
                key=self.asker.key(prompt, seed),
                problem_id=row["problem_id"],
                question=row["question"],
                rollout=rollout,
                messages=tuple(messages),
                prefill=self.config.prefill,
                prompt=prompt,
                seed=seed,
            )

    def _row(self, request: Request, output: Output) -> dict[str, Any]:
        text = self.config.prefill + output.text
        if output.reasoning is not None:
            text = f"{self.config.think[0]}{output.reasoning}{self.config.think[1]}{output.text}"
        completion = split_thinking(text, self.config.think, output.finish_reason)
        return {
            "rollout": request.rollout,
            "reasoning": completion.reasoning,
            "response": completion.response,
            "finish_reason": completion.finish_reason,
            "prompt_tokens": output.prompt_tokens,
            "completion_tokens": output.completion_tokens,
            "model": self.model.label,
            "generation": self.generation,
        }
