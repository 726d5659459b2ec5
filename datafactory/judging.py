"""Judging: a model asked for opinions, each vote until its answer can be read, and no longer than `retries` allow.

In   cases: texts to be shown to a judge, and how many votes it has
Out  for each case what every vote said, or why it could not be read

A vote's seed derives from (recipe seed, problem, what is judged, judge, vote, attempt) and never from its position.
Every completion is in the journal before it counts, those that could not be read too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import Field

from datafactory.asking import Asker, seed_of
from datafactory.budget import Budget
from datafactory.chat import THINK, turns
from datafactory.check import Check
from datafactory.config import Base, ref, runtime
from datafactory.driving import Work
from datafactory.engines import Output, Request, Sampling
from datafactory.errors import StageError
from datafactory.job import Job
from datafactory.judges._answer import Unread, after_thinking, answer_in
from datafactory.judges._prompt import code_for, filled, harmless
from datafactory.models import Model
from datafactory.parts import Parts
from datafactory.plugins import Use
from datafactory.types import Message, Verdict

T = TypeVar("T")
ENOUGH = 20  # cases after which a judge that has not once been understood is given up
SHOWN = 200  # characters of an answer that could not be read


class Judging(Base):
    """The model that judges, and how it is asked."""

    model: str = ref("model")
    """The model that judges: a name under `models`, or a trained stage above."""
    retries: int = Field(2, ge=0)
    """How often a vote whose answer cannot be read is asked for again, each time with another seed."""
    sampling: Sampling = Sampling()
    prefill: str = ""
    """How the judge's turn begins, such as "<think>\\n"."""
    think: tuple[str, str] = THINK
    """The tags around the judge's thinking, which is not part of its answer."""
    seed: int | None = None
    """The recipe's by default."""
    budget: Budget = runtime(Budget())
    """What the stage may spend: {tokens: 5000000} generated, or {cost: 20} at the model's `price`. It stops before it
    would spend more, with what arrived kept."""
    max_errors: float = runtime(0.05, ge=0, le=1)
    """The share of what the judge was asked that may come to nothing readable before the stage fails."""

    def check(self, check: Check, votes: int, key: str) -> None:
        if votes > 1 and self.sampling.temperature == 0:
            check.wrong((key,), f"at temperature 0 all {votes} are the same; sampling.temperature should be above 0")
        if not all(self.think) or self.think[0] == self.think[1]:
            check.wrong(("think",), "needs two different tags, the one that opens and the one that closes")


@dataclass(frozen=True)
class Case:
    """What one judge is asked about: `subject` says which rollout, or which two in which order."""

    use: Use
    config: Any
    problem_id: str
    question: str
    subject: str
    texts: Mapping[str, str]
    votes: int


@dataclass
class Referee:
    """A model that hears cases. `failed` and `heard` count them by judge, to tell a dead one early."""

    config: Judging
    model: Model
    job: Job

    def __post_init__(self) -> None:
        self.progress = self.job.progress
        self.asker = Asker(self.model, self.job)
        self.failed: Counter[str] = Counter()
        self.heard: Counter[str] = Counter()

    def hear(self, cases: Sequence[Case]) -> Work[list[list[Verdict | Unread]]]:
        """Every vote on every case. What could not be read goes into the next round, all of a round at once."""
        votes: list[list[Verdict | Unread]] = [[Unread("never asked")] * case.votes for case in cases]
        shown = [{name: harmless(text, case.config.longest) for name, text in case.texts.items()} for case in cases]
        owed = [(at, vote) for at, case in enumerate(cases) for vote in range(case.votes)]
        for attempt in range(self.config.retries + 1):
            if not owed:
                break
            if attempt:
                self.progress.expect((self.progress.total or 0) + len(owed), "judgements")
            codes = {at: self._code(cases[at], shown[at], attempt) for at, _ in owed}
            asked = self._requests(cases, shown, owed, codes, attempt)
            outputs = yield list({request.key: request for request in asked}.values())
            self.progress.advance(rows=len(asked))
            for (at, vote), request in zip(owed, asked, strict=True):
                votes[at][vote] = self._read(cases[at], outputs[request.key], codes[at])
            owed = [(at, vote) for at, vote in owed if isinstance(votes[at][vote], Unread)]
        return votes

    def count(self, judge: str, failed: bool, why: str, total: int) -> None:
        """Note how a case ended; StageError once too many of `total` have failed for the rest to make up for it."""
        self.heard[judge] += 1
        self.failed[judge] += failed
        never = self.heard[judge] >= ENOUGH and self.failed[judge] == self.heard[judge]
        if self.config.max_errors < 1 and failed and (never or self.failed[judge] > self.config.max_errors * total):
            raise silent(judge, self.failed[judge], self.heard[judge], self.config.max_errors, why)

    def heard_all(self, tables: Iterable[tuple[int, Sequence[Work[T]]]]) -> Iterator[tuple[int, list[T]]]:
        """The results of each table's works, under its number, as they are done; all are one stream to the judge."""
        parts: Parts[T] = Parts()
        begun = (work for k, works in tables for work in parts.begin(k, works))
        with closing(self.asker.drive(begun)) as driven:
            yield from parts.whole(driven)

    def close(self) -> None:
        self.asker.close()

    def _code(self, case: Case, shown: Mapping[str, str], attempt: int) -> str:
        # the votes of an attempt share a prompt, which an engine then computes once
        return code_for(shown, self.config.seed or 0, case.problem_id, case.subject, case.use.name, attempt)

    def _requests(
        self,
        cases: Sequence[Case],
        shown: Sequence[Mapping[str, str]],
        owed: Sequence[tuple[int, int]],
        codes: Mapping[int, str],
        attempt: int,
    ) -> list[Request]:
        prompts: dict[int, tuple[list[Message], str]] = {}
        for at, code in codes.items():
            messages = turns(None, [], filled(cases[at].config.prompt.content, shown[at], code))
            prompts[at] = (messages, self.asker.engine.render(messages, self.config.prefill))
        found = []
        for at, vote in owed:
            case, (messages, prompt) = cases[at], prompts[at]
            seed = seed_of(self.config.seed or 0, case.problem_id, case.subject, case.use.name, vote, attempt)
            found.append(
                self.asker.request(
                    messages,
                    self.config.prefill,
                    prompt,
                    self.config.sampling,
                    seed,
                    problem_id=case.problem_id,
                    question=case.question,
                    rollout=attempt * case.votes + vote,
                )
            )
        return found

    def _read(self, case: Case, output: Output, code: str) -> Verdict | Unread:
        text = output.text if output.reasoning is not None else self.config.prefill + output.text
        try:
            if output.finish_reason != "stop":
                cut = f"it was cut at {self.config.sampling.max_tokens} tokens"
                raise Unread(cut if output.finish_reason == "length" else "the engine gave no completion")
            said = text if output.reasoning is not None else after_thinking(text, self.config.think)
            answer = answer_in(said, case.use.module.Answer, code)
            found = case.use.module.opinion(answer, case.config)
        except Unread as why:
            return Unread(f"{why}; the judge said: {_short(text)}")
        except (Exception, SystemExit) as error:  # of a judge of the user's own: one vote must not end the stage
            return Unread(f"{type(error).__name__}: {error}"[:SHOWN])
        if not isinstance(found, Verdict):
            raise StageError(f"the judge {case.use.name} returned {type(found).__name__}, not a Verdict")
        unknown = set(found.facts) - set(getattr(case.use.module, "FACTS", {}))
        if unknown:
            told = ", ".join(sorted(unknown))
            raise StageError(f"the judge {case.use.name} gives facts that its FACTS do not declare: {told}")
        return found


def silent(judge: str, failed: int, heard: int, most: float, why: str) -> StageError:
    """The error for a judge that cannot be understood: it must not look like wrong answers."""
    return StageError(
        f"the judge {judge} gave no readable answer to {failed:,} of the {heard:,} cases put to it ({why}); "
        f"max_errors is {most:g}. What it said is in the journal and paid for once: the same settings come to the "
        "same end, another model, prompt, sampling or more retries may not"
    )


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= SHOWN else f"{text[: SHOWN // 2]} ... {text[-SHOWN // 2 :]}")
