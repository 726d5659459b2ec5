"""Rows of one domain with their lengths, and what a stage is seen to come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from datafactory.outlook.figure import NONE, Figure, known, told_or_none, total

# choices: bytes of a token of English mathematics and code, with a vocabulary of 128,000; what zstd makes of such text
# in Parquet; what lz4 makes of it while a merge puts rows in order
BYTES_PER_TOKEN = 3.5
PACKED = 0.3
SPILLED = 0.5


@dataclass(frozen=True)
class Rows:
    """How many, and of one of them the tokens of its question and of its thinking with its response."""

    count: Figure
    question: Figure
    tokens: Figure

    @property
    def each(self) -> Figure:
        """The tokens of a row."""
        return told_or_none(self.question) + self.tokens

    @property
    def bytes(self) -> Figure:
        return self.count * self.each * known(BYTES_PER_TOKEN * PACKED)

    def of(self, count: Figure) -> Rows:
        return Rows(count, self.question, self.tokens)


Parts = Mapping[str | None, Rows]  # by domain


def together(tables: Iterable[Parts]) -> dict[str | None, Rows]:
    """The rows of several datasets, by domain."""
    found: dict[str | None, Rows] = {}
    for table in tables:
        for domain, part in table.items():
            found[domain] = _joined(found[domain], part) if domain in found else part
    return found


def _joined(one: Rows, other: Rows) -> Rows:
    count = one.count + other.count
    questions = one.count * told_or_none(one.question) + other.count * told_or_none(other.question)
    return Rows(count, questions / count, (one.count * one.tokens + other.count * other.tokens) / count)


def count_of(rows: Parts) -> Figure:
    return total(part.count for part in rows.values())


def bytes_of(rows: Parts) -> Figure:
    return total(part.bytes for part in rows.values())


@dataclass(frozen=True)
class Seen:
    """A stage's figures: `rows` are those that come out; completions and tokens what its model is asked.

    trained    tokens that a stage trains on
    rejected   bytes of what it drops, a part of `store`
    journal    bytes of completions, beside the store
    published  bytes of what a merge publishes
    spill      bytes that a merge needs while it works
    """

    name: str
    kind: str
    problems: Figure = NONE
    rows: Parts = field(default_factory=dict)
    completions: Figure = NONE
    prompt_tokens: Figure = NONE
    tokens: Figure = NONE
    trained: Figure = NONE
    hours: Figure = NONE
    gpu_hours: Figure = NONE
    cost: Figure = NONE
    store: Figure = NONE
    rejected: Figure = NONE
    journal: Figure = NONE
    published: Figure = NONE
    spill: Figure = NONE
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> Figure:
        return count_of(self.rows)

    @property
    def disk(self) -> Figure:
        return self.store + self.journal + self.published
