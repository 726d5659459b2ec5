"""Scripted: answers from a file or a function instead of a model, for tests and dry runs of a recipe.

    teacher: {engine: scripted, answers: answers.jsonl}     rows of `question` and `responses`, taken by rollout index
    teacher: {engine: scripted, function: ./teacher.py}     its answer(question, rollout, seed) -> str
    referee: {engine: scripted, function: ./referee.py}     its reply(messages, rollout, seed) -> str sees the prompt

A question that the file does not hold ends the stage: a dry run must not invent answers.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo, model_validator

from datafactory.config import Base, file, runtime
from datafactory.engines import Engine, Output, Request
from datafactory.errors import StageError
from datafactory.feed import Feed
from datafactory.settings import located
from datafactory.sources import rows_of
from datafactory.types import Message

VERSION = 1
WEIGHTS = False


def _path(value: Any, info: ValidationInfo) -> Path:
    return value if isinstance(value, Path) else located(str(value), info).resolve()


class Config(Base):
    answers: Annotated[Path, BeforeValidator(_path)] | None = file(None)
    """A JSONL file with `question` and `responses`."""
    function: Annotated[Path, BeforeValidator(_path)] | None = file(None)
    """A Python file with `answer(question, rollout, seed) -> str`, or `reply(messages, rollout, seed) -> str`."""
    latency: float = runtime(0.0, ge=0)
    """Seconds a batch takes."""
    batch_size: int = runtime(16, ge=1)
    """Answers that arrive, and are journaled, together."""

    @model_validator(mode="after")
    def _one(self) -> Config:
        if (self.answers is None) == (self.function is None):
            raise ValueError("needs one of answers, function")
        return self


def start(config: Config, weights: str | None) -> Engine:
    return Script(config)


class Script:
    batches = False
    rendered = True

    def __init__(self, config: Config):
        self.config = config
        self.room = 4 * config.batch_size
        self.answer = _from_file(config.answers) if config.answers else _from_function(config.function)

    def render(self, messages: Sequence[Message], prefill: str) -> str:
        """The turns one after another, as `role: content` lines."""
        return "".join(f"{message['role']}: {message['content']}\n" for message in messages) + prefill

    def generate(self, feed: Feed) -> Iterator[list[Output]]:
        while not (feed.closed and not len(feed)):
            taken = feed.take(self.config.batch_size)
            if taken and self.config.latency:
                time.sleep(self.config.latency)
            yield [self._output(request) for request in taken]

    def close(self) -> None:
        pass

    def _output(self, request: Request) -> Output:
        sampling = request.sampling
        try:
            text = self.answer(request)
        except StageError:
            raise
        except (Exception, SystemExit) as error:  # a function of the user's own raises what it will
            what = f"{type(error).__name__}: {error}"
            raise StageError(f"no answer to {request.question[:80]!r}: {what}") from error
        if not isinstance(text, str):
            raise StageError(f"the answer to {request.question[:80]!r} is {type(text).__name__}, not a text")
        words = text.split(" ")
        reason = "length" if len(words) > sampling.max_tokens else "stop"
        text = " ".join(words[: sampling.max_tokens])
        count = min(len(words), sampling.max_tokens)
        return Output(request.key, text, reason, len(request.prompt.split()), count)  # type: ignore[arg-type]


def _from_file(path: Path) -> Callable[[Request], str]:
    known: dict[str, list[str]] = {}
    for place, row in rows_of(path):
        if (
            not isinstance(row.get("question"), str)
            or not isinstance(row.get("responses"), list)
            or not row["responses"]
        ):
            raise StageError(f"{place}: an answer has `question` and a list of `responses`")
        known[row["question"]] = row["responses"]

    def answer(request: Request) -> str:
        if request.question not in known:
            raise StageError(f"{path} has no answer to the question {request.question[:80]!r}")
        responses = known[request.question]
        return str(responses[request.rollout % len(responses)])

    return answer


def _from_function(path: Path | None) -> Callable[[Request], str]:
    assert path is not None
    spec = importlib.util.spec_from_file_location(f"scripted_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        if hasattr(module, "reply"):
            return lambda request: module.reply(list(request.messages), request.rollout, request.seed)
        found = module.answer
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise StageError(
            f"{path} gives no answer(question, rollout, seed) and no reply(messages, rollout, seed): {what}"
        ) from error
    return lambda request: found(request.question, request.rollout, request.seed)
