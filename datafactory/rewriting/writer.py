"""Writer: a model asked to write parts of rows anew, each until it passes its checks, at most `attempts` times.

In   cases: a row, and the texts of it that the model is shown
Out  for each case the text that passed, or why none did; an engine's error is neither

The seed of an attempt derives from (recipe seed, problem, rollout, rewriting, attempt) and never from its position.
Every completion is in the journal before it counts, those that fail a check too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Literal

from datafactory.asking import Asker, seed_of
from datafactory.chat import turns
from datafactory.driving import Task, Work
from datafactory.engines import Output, Request, Sampling
from datafactory.errors import StageError
from datafactory.job import Job
from datafactory.judges._answer import Unread, after_thinking
from datafactory.judges._prompt import code_for, filled, harmless
from datafactory.models import Model
from datafactory.parts import Parts
from datafactory.plugins import Use
from datafactory.rewriting.checking import Checked, Checking
from datafactory.rewriting.checks import Rewrite
from datafactory.types import Message, Verdict

ENOUGH = 20  # rows after which a model that never gave a text is given up


@dataclass(frozen=True)
class Case:
    """A row that the model is asked about, and what it is shown of it."""

    row: Mapping[str, Any]
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Written:
    """What came of a case. Only a `rewritten` one has a text; status None: the engine failed."""

    status: Literal["rewritten", "kept"] | None
    detail: str
    text: str = ""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)


@dataclass(frozen=True)
class Manner:
    """How a model is asked to rewrite."""

    attempts: int
    sampling: Sampling
    prefill: str
    think: tuple[str, str]
    seed: int
    max_errors: float


def decided(seed: int, row: Mapping[str, Any], rewriting: str, attempt: int) -> tuple[int | str, ...]:
    """What the seed and the code of an attempt derive from."""
    return seed, row["problem_id"] or "", str(row.get("rollout") or 0), rewriting, attempt


def messages_of(use: Use, config: Any, texts: Mapping[str, str], *decided: int | str) -> list[Message]:
    """The turns: worked examples as they would have been asked and answered, then the texts, all fenced off."""
    shown: list[Message] = []
    for example, answer in config.examples:
        shown.append({"role": "user", "content": _prompt(config, example, "example", use.name)})
        shown.append({"role": "assistant", "content": answer})
    return turns(None, shown, _prompt(config, texts, *decided))


def _prompt(config: Any, texts: Mapping[str, str], *decided: int | str) -> str:
    safe = {name: harmless(text, config.longest) for name, text in texts.items()}
    return filled(config.prompt.content, safe, code_for(safe, *decided))


@dataclass
class Writer:
    """`failed` of `heard` cases came to nothing so far; `total` may be asked in all."""

    use: Use
    verifiers: tuple[Use, ...]
    manner: Manner
    model: Model
    job: Job
    total: int

    def __post_init__(self) -> None:
        self.progress = self.job.progress
        self.asker = Asker(self.model, self.job)
        self.config = self.use.config
        self.checking = Checking(self.use, self.verifiers)
        self.failed = self.heard = 0

    def write(self, cases: Sequence[Case]) -> Work[list[Written]]:
        """What came of every case; those that fail a check are asked again, all of a round at once."""
        results: list[Written] = [Written(None, "never asked")] * len(cases)
        why: list[list[str]] = [[] for _ in cases]
        owed = list(range(len(cases)))
        for attempt in range(self.manner.attempts):
            if not owed:
                break
            if attempt:
                self.progress.expect((self.progress.total or 0) + len(owed), "rewrites")
            asked = [self._request(cases[at], attempt) for at in owed]
            outputs = yield list({request.key: request for request in asked}.values())
            self.progress.advance(rows=len(asked))
            arrived = [(at, outputs[request.key]) for at, request in zip(owed, asked, strict=True)]
            for at, output in arrived:
                if output.finish_reason == "error":
                    results[at] = Written(None, f"the engine gave no text: {output.error or 'it does not say why'}")
            texts = [(at, self._read(cases[at], output)) for at, output in arrived if output.finish_reason != "error"]
            rewrites = [rewrite for _, rewrite in texts]
            if self.job.workers > 1:
                checked = yield Task(self.checking, rewrites)
            else:
                checked = self.checking.checked(rewrites)
            for (at, rewrite), found in zip(texts, checked, strict=True):
                why[at] += [found.fault] if found.fault else []
                results[at] = self._written(rewrite, found, why[at], attempt)
            owed = [at for at, _ in texts if results[at].status == "kept"]
        for result in results:
            self._count(result)
        return results

    def written_all(self, tables: Iterable[tuple[int, Sequence[Work[Any]]]]) -> Iterator[tuple[int, list[Any]]]:
        """The results of each table's works, under its number, as they are done; all are one stream to the model."""
        parts: Parts[Any] = Parts()
        begun = (work for k, works in tables for work in parts.begin(k, works))
        with closing(self.asker.drive(begun)) as driven:
            yield from parts.whole(driven)

    def close(self) -> None:
        self.asker.close()

    def _request(self, case: Case, attempt: int) -> Request:
        row, manner = case.row, self.manner
        by = decided(manner.seed, row, self.use.name, attempt)
        messages = messages_of(self.use, self.config, case.texts, *by)
        return self.asker.request(
            messages,
            manner.prefill,
            self.asker.engine.render(messages, manner.prefill),
            manner.sampling,
            seed_of(*by),
            problem_id=row["problem_id"] or "",
            question=row.get("question") or "",
            rollout=attempt,
        )

    def _read(self, case: Case, output: Output) -> Rewrite:
        """The text that a completion comes to, its own thinking left out."""
        text = output.text if output.reasoning is not None else self.manner.prefill + output.text
        if output.reasoning is None and output.finish_reason == "stop":
            try:
                text = after_thinking(text, self.manner.think)
            except Unread as fault:
                return Rewrite(case.row, text, output.finish_reason, str(fault))
        return Rewrite(case.row, text.strip(), output.finish_reason)

    def _written(self, rewrite: Rewrite, found: Checked, why: Sequence[str], attempt: int) -> Written:
        if found.fault:
            return Written("kept", "; then ".join(why))
        return Written("rewritten", f"after {'; then '.join(why)}" if attempt else "", rewrite.text, found.verdicts)

    def _count(self, result: Written) -> None:
        """StageError once too many of `total` have failed for the rest to make up for it."""
        self.heard += 1
        if result.status is not None:
            return
        self.failed += 1
        never = self.heard >= ENOUGH and self.failed == self.heard
        if self.manner.max_errors < 1 and (never or self.failed > self.manner.max_errors * self.total):
            raise silent(self.use.name, self.failed, self.heard, self.manner.max_errors, result.detail)


def silent(rewriting: str, failed: int, heard: int, most: float, why: str) -> StageError:
    """The error for a model that gives no text: its rows must not look like rows that were better kept."""
    return StageError(
        f"the model that was to {rewriting} came to nothing on {failed:,} of the {heard:,} rows put to it ({why}); "
        f"max_errors is {most:g}. What it wrote is in the journal; build again to ask for the rest"
    )
