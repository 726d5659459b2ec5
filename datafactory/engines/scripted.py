"""Scripted: answers from a file or a function instead of a model, as slow and as faulty as wanted, for dry runs.

    teacher: {engine: scripted, answers: answers.jsonl}     rows of `question` and `responses`, taken by rollout index
    teacher: {engine: scripted, function: ./teacher.py}     its answer(question, rollout, seed) -> str
    referee: {engine: scripted, function: ./referee.py}     its reply(messages, rollout, seed) -> str sees the prompt
    forced: {engine: scripted, function: ./forced.py}       its complete(request) -> str sees all there is

A teacher that knows the answers and has flaws, to try verifiers and filters on:

    flawed: {engine: scripted, gold: problems.jsonl, flaws: {wrong_answer: 0.2, mixed_language: 0.1, loop: 0.05}}

Each rollout has one flaw or none, by its seed; `flaw_of` tells which. A word counts as a token. A question that the
file does not hold ends the stage: a dry run must not invent answers.
"""

from __future__ import annotations

import heapq
import importlib.util
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from datafactory.budget import Price
from datafactory.config import Base, file, runtime
from datafactory.engines import Engine, Output, Request
from datafactory.engines._draws import drawn
from datafactory.engines._faults import SLOWER, Faults
from datafactory.engines._teacher import Flaw, Said, Teacher, flaw_of
from datafactory.errors import StageError
from datafactory.feed import Feed
from datafactory.settings import located
from datafactory.sources import files_at, rows_of
from datafactory.types import FinishReason, Message

__all__ = ["Config", "flaw_of", "start"]

VERSION = 2
WEIGHTS = False
TICK = 0.5  # seconds without news at most
LOOK = 0.02  # seconds until there is another look for requests, where there is room for some


def _path(value: Any, info: ValidationInfo) -> Path:
    return value if isinstance(value, Path) else located(str(value), info).resolve()


def _span(value: Any) -> Any:
    """`0.2` is [0.2, 0.2]."""
    ends = [value, value] if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(ends, list | tuple) or len(ends) != 2 or not all(isinstance(end, int | float) for end in ends):
        raise ValueError("should be seconds, or the least and the most, as in [0.1, 0.5]")
    if not 0 <= ends[0] <= ends[1] < float("inf"):
        raise ValueError("should be 0 or more, the least first")
    return tuple(map(float, ends))


Span = Annotated[tuple[float, float], BeforeValidator(_span)]
Share = Annotated[float, Field(ge=0, le=1)]


class Config(Base):
    answers: Annotated[Path, BeforeValidator(_path)] | None = file(None)
    """A JSONL file with `question` and `responses`."""
    function: Annotated[Path, BeforeValidator(_path)] | None = file(None)
    """A Python file with `answer(question, rollout, seed) -> str`, `reply(messages, rollout, seed) -> str` or
    `complete(request) -> str`."""
    gold: Annotated[Path, BeforeValidator(_path)] | None = file(None)
    """A file of problems, or a folder of them, whose answers the flawed teacher knows."""
    question: str = "question"
    """The column of `gold` that holds the question."""
    answer: str = "answer"
    """The column of `gold` that holds the answer."""
    flaws: dict[Flaw, Share] = Field(default_factory=dict)
    """The flaws of that teacher and the share of its rollouts that have each: {wrong_answer: 0.2, loop: 0.05}."""
    faults: Faults = Faults()
    """What goes wrong with a request, as with a server: {error: 0.02, length: 0.05, slow: 0.01}."""
    latency: Span = runtime((0.0, 0.0))
    """Seconds until a completion arrives, or [least, most], drawn by the rollout's seed."""
    tokens_per_second: float | None = runtime(None, gt=0)
    """Of each request under way, beside the latency; without it only the latency counts."""
    batch_size: int = runtime(16, ge=1)
    """Answers that arrive, and are journaled, together at most."""
    concurrency: int | None = runtime(None, ge=1)
    """Requests under way at once; `batch_size` by default. They arrive as they finish, in any order."""
    dies_after: int | None = runtime(None, ge=0)
    """Answers after which the model is gone, as a server that died; another build starts it again."""
    price: Price = runtime(Price())
    """What a million tokens cost: {prompt: 0.5, completion: 2}."""

    @model_validator(mode="after")
    def _one(self) -> Config:
        given = [name for name in ("answers", "function", "gold") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs one of answers, function, gold; it has {' and '.join(given) or 'none'}")
        if self.gold is None and self.flaws:
            raise ValueError("flaws are those of a teacher that knows the answers: they need `gold`")
        if sum(self.flaws.values()) > 1 + 1e-9:
            raise ValueError(f"flaws should be parts of 1; they sum to {sum(self.flaws.values()):g}")
        if self.faults.slow and not self.latency[1] and self.tokens_per_second is None:
            raise ValueError("faults.slow needs a `latency` to be slower than")
        return self


def start(config: Config, weights: str | None) -> Engine:
    return Script(config)


def cannot_continue(config: Config) -> str | None:
    """Why it cannot go on behind the beginning of an answer, if it cannot."""
    return None if config.function else "its answers come whole from a file"


class Script:
    batches = False
    rendered = True

    def __init__(self, config: Config):
        self.config = config
        self.most = config.concurrency or config.batch_size
        self.room = 4 * max(self.most, config.batch_size)
        self.said = _script(config)
        self.attempt = secrets.token_hex(8)

    def render(self, messages: Sequence[Message], prefill: str) -> str:
        """The turns one after another, as `role: content` lines."""
        return "".join(f"{message['role']}: {message['content']}\n" for message in messages) + prefill

    def generate(self, feed: Feed) -> Iterator[list[Output]]:
        under_way: list[tuple[float, int, Output]] = []  # a heap by when each is due
        taken = given = 0
        while True:
            for request in feed.take(self.most - len(under_way)):
                output = self._output(request)
                heapq.heappush(under_way, (time.monotonic() + self._seconds(request, output), taken, output))
                taken += 1
            if not under_way:
                if feed.closed and not len(feed):
                    return
                yield []
                continue
            wait = under_way[0][0] - time.monotonic()
            if wait > 0:
                time.sleep(min(wait, LOOK if len(under_way) < self.most else TICK))
            arrived: list[Output] = []
            now = time.monotonic()
            while under_way and under_way[0][0] <= now and len(arrived) < self.config.batch_size:
                if given == self.config.dies_after:
                    break
                arrived.append(heapq.heappop(under_way)[2])
                given += 1
            yield arrived
            if given == self.config.dies_after:
                raise StageError(f"the scripted model died after {given:,} answers, as `dies_after` says")

    def close(self) -> None:
        pass

    def _output(self, request: Request) -> Output:
        try:
            said = self.said(request)
        except StageError:
            raise
        except (Exception, SystemExit) as error:  # a function of the user's own raises what it will
            what = f"{type(error).__name__}: {error}"
            raise StageError(f"no answer to {request.question[:80]!r}: {what}") from error
        said = said if isinstance(said, Said) else Said(said)
        if not isinstance(said.text, str):
            raise StageError(f"the answer to {request.question[:80]!r} is {type(said.text).__name__}, not a text")
        reason: FinishReason = "length" if said.cut else "stop"
        text, stop = _stopped(said.text, request.sampling.stop)
        words = text.split(" ")
        if len(words) > request.sampling.max_tokens:
            words, reason, stop = words[: request.sampling.max_tokens], "length", None
            text = " ".join(words)
        elif stop is not None:
            reason = "stop"
        count = len(request.prompt.split())
        output = Output(request.key, text, reason, count, len(words), stop=stop)
        return self.config.faults.put(output, request.seed, self.attempt)

    def _seconds(self, request: Request, output: Output) -> float:
        """How long it is under way."""
        least, most = self.config.latency
        seconds = least if least == most else least + (most - least) * drawn(request.seed, "latency")
        if self.config.tokens_per_second:
            seconds += (output.completion_tokens or 0) / self.config.tokens_per_second
        return seconds * SLOWER if self.config.faults.slows(request.seed) else seconds


def _stopped(text: str, stops: Sequence[str]) -> tuple[str, str | None]:
    """The text up to the first of these, and which it was."""
    found = [(text.index(stop), stop) for stop in stops if stop in text]
    if not found:
        return text, None
    at, stop = min(found)
    return text[:at], stop


def _script(config: Config) -> Callable[[Request], Any]:
    if config.answers:
        return _from_file(config.answers)
    if config.function:
        return _from_function(config.function)
    return _from_gold(config)


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


def _from_function(path: Path) -> Callable[[Request], str]:
    spec = importlib.util.spec_from_file_location(f"scripted_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        if hasattr(module, "complete"):
            complete: Callable[[Request], str] = module.complete
            return complete
        if hasattr(module, "reply"):
            return lambda request: module.reply(_turns(request), request.rollout, request.seed)
        found = module.answer
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise StageError(
            f"{path} gives no answer(question, rollout, seed), no reply(messages, rollout, seed) and no "
            f"complete(request): {what}"
        ) from error
    return lambda request: found(request.question, request.rollout, request.seed)


def _turns(request: Request) -> list[Message]:
    """The turns; a prompt without any is one."""
    return list(request.messages) or [{"role": "user", "content": request.prompt}]


def _from_gold(config: Config) -> Callable[[Request], Said]:
    assert config.gold is not None
    known: dict[str, str] = {}
    for path in files_at(config.gold):
        for place, row in rows_of(path):
            question, gold = row.get(config.question), row.get(config.answer)
            if not isinstance(question, str):
                raise StageError(f"{place}: no question in the column '{config.question}'; it has: {', '.join(row)}")
            if gold is not None and str(gold).strip():
                known[question] = str(gold)
    teacher = Teacher(known, config.flaws)

    def answer(request: Request) -> Said:
        if request.question not in known:
            raise StageError(f"{config.gold} has no answer to the question {request.question[:80]!r}")
        return teacher(request)

    return answer
