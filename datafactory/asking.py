"""Asking: a model that is asked again and again; each completion is journaled before it counts, and paid for once.

In   requests, each under the hash of everything that decides its text
Out  their outputs; what the journal holds is not asked for again
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from datafactory.budget import Purse
from datafactory.driving import Driver, Work
from datafactory.engines import Engine, Output, Request, Sampling
from datafactory.fingerprint import digest
from datafactory.job import Job
from datafactory.journal import Journal
from datafactory.models import Model
from datafactory.types import Message

T = TypeVar("T")


def seed_of(*decided: int | str) -> int:
    """63 bits that depend on these and on nothing else."""
    content = hashlib.sha256(json.dumps(decided).encode()).digest()
    return int.from_bytes(content[:8], "big") >> 1


@dataclass
class Asker:
    """A model of a job; it is started when the first prompt is rendered."""

    model: Model
    job: Job

    def __post_init__(self) -> None:
        self.progress = self.job.progress
        self.journal = Journal(self.job.journals / self.model.fingerprint[:16])
        self.stops = {True: 0, False: 0}  # completions of which a server said which stop text ended them, and not
        self._decided: dict[Sampling, str] = {}
        self.purse = Purse(price=self.model.price, account=self.job.account)
        self._tell_damage(0)

    @cached_property
    def engine(self) -> Engine:
        started = time.monotonic()
        engine: Engine = self.job.start(self.model)
        self.job.account.loading += time.monotonic() - started
        return engine

    def key(self, prompt: str, sampling: Sampling, seed: int, turns: bool = True) -> str:
        """The hash of all that decides a completion's text: the model, the sampling, the seed, the prompt.

        turns tells a prompt that stands for messages from a text that is continued as it is.
        """
        decided = self._decided.get(sampling)
        if decided is None:
            decided = self._decided[sampling] = digest([self.model.fingerprint, sampling.model_dump()])
        return hashlib.sha256(f"{decided} {seed} {turns:d} {prompt}".encode("utf-8", "surrogatepass")).hexdigest()

    def request(
        self,
        messages: Sequence[Message],
        prefill: str,
        prompt: str,
        sampling: Sampling,
        seed: int,
        problem_id: str = "",
        question: str = "",
        rollout: int = 0,
    ) -> Request:
        key = self.key(prompt, sampling, seed, bool(messages))
        return Request(key, problem_id, question, rollout, tuple(messages), prefill, prompt, sampling, seed)

    def drive(self, works: Iterable[Work[T] | None]) -> Generator[T]:
        """The result of each work as it comes to its end; as many are begun as the engine has room for."""
        return Driver(self, works).run()

    def outputs(self, requests: Sequence[Request]) -> dict[str, Output]:
        """The output of every request under its key."""
        return next(self.drive([_once(requests)]))

    def close(self) -> None:
        self._tell_damage(self.damaged)
        self.journal.close()
        if "engine" in self.__dict__:
            self.engine.close()

    def _tell_damage(self, before: int) -> None:
        self.damaged = self.journal.damaged
        if self.damaged > before:
            count = self.damaged - before
            self.progress.note(f"{count} damaged lines in the journal; their completions are owed again")


def _once(requests: Sequence[Request]) -> Generator[Sequence[Request], dict[str, Output], dict[str, Output]]:
    outputs = yield requests
    return outputs
