"""The rows of a reward model: pairs or labelled answers as tokens, some prompts of them held out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import polars as pl
from datasets.arrow_writer import ArrowWriter

from datafactory.chat import split_thinking
from datafactory.conditions import ternary
from datafactory.errors import StageError
from datafactory.judges._texts import turns_to
from datafactory.keys import short
from datafactory.store import Dataset
from datafactory.training.reward_text import Reader
from datafactory.types import Completion, Message, completion_of

if TYPE_CHECKING:
    from datafactory.stages.reward_model import Config

Sides = list[tuple[list[Message], Completion]]  # the chosen and the rejected answer, or the one that is labelled
LEFT_OUT = ("too_long", "empty", "unlabelled")


@dataclass(frozen=True)
class Rows:
    """trained and held are TRL's rows: chosen_ids and rejected_ids, or input_ids and labels; prompts those of held.

    counts   rows, tokens and what was left out of all of them; longest is in tokens
    """

    trained: datasets.Dataset
    held: datasets.Dataset
    prompts: list[int]
    counts: dict[str, int]
    longest: int


def rows_of(config: Config, sources: Sequence[Dataset], reader: Reader, file: Path) -> Rows:
    """The rows that fit into `max_length`, kept in that file."""
    counts = {"rows": 0, "tokens": 0, **dict.fromkeys(LEFT_OUT, 0)}
    prompts: list[int] = []
    labels: Counter[bool | None] = Counter()
    longest = 0
    with ArrowWriter(path=str(file)) as writer:
        for prompt, sides, label in _found(config, sources):
            ids = [reader.ids(*side) for side in sides]
            if wrong := _left_out(config, ids, label):
                counts[wrong] += 1
                continue
            row: dict[str, Any] = {"input_ids": ids[0], "labels": [float(bool(label))]}
            writer.write(row if config.label else {"chosen_ids": ids[0], "rejected_ids": ids[1]})
            counts["rows"] += 1
            counts["tokens"] += sum(map(len, ids))
            longest = max(longest, *map(len, ids))
            labels[label] += 1
            prompts.append(short(json.dumps(prompt)))
        if not counts["rows"]:
            told = ", ".join(f"{counts[name]:,} {name.replace('_', ' ')}" for name in LEFT_OUT if counts[name])
            raise StageError(
                f"no row is left to learn from: {told or 'there was none'}; max_length {config.max_length}"
            )
        writer.finalize()
    if config.label and len(labels) < 2:
        raise StageError(f"`{config.label}` is {str(next(iter(labels))).lower()} of all {counts['rows']} answers")
    found = datasets.Dataset.from_file(str(file))
    out = held_out(prompts, config.validation, config.seed or 0)
    parted: dict[bool, list[int]] = {True: [], False: []}
    for at, key in enumerate(prompts):
        parted[key in out].append(at)
    held = [prompts[at] for at in parted[True]]
    return Rows(found.select(parted[False]), found.select(parted[True]), held, counts, longest)


def held_out(prompts: Iterable[int], share: float, seed: int) -> set[int]:
    """That share of the prompts, one at least and not all; which depends on the prompts and the seed alone."""
    ordered = sorted(set(prompts), key=lambda prompt: short(f"{seed} {prompt}"))
    count = min(max(1, round(share * len(ordered))), len(ordered) - 1) if share else 0
    return set(ordered[: max(0, count)])


def _left_out(config: Config, ids: Sequence[list[int]], label: bool | None) -> str | None:
    if config.label and label is None:
        return "unlabelled"
    if not all(ids):
        return "empty"
    return "too_long" if max(map(len, ids)) > config.max_length else None


def _found(config: Config, sources: Sequence[Dataset]) -> Iterator[tuple[list[Message], Sides, bool | None]]:
    for source in sources:
        for k in range(len(source.shards)):
            table = source.read(k)
            if config.label is None:
                for row in table.select("prompt", "chosen", "rejected").iter_rows(named=True):
                    sides = [_answered(row["prompt"], row[side]) for side in ("chosen", "rejected")]
                    yield row["prompt"], sides, None
                continue
            for row, label in zip(table.iter_rows(named=True), labels_of(table, config.label), strict=True):
                conversation = turns_to(row)
                yield conversation, [(conversation, completion_of(row))], label


def _answered(prompt: list[Message], turns: list[Message]) -> tuple[list[Message], Completion]:
    """The conversation before an answer, and the answer, whose turns may be several."""
    return [*prompt, *turns[:-1]], split_thinking(turns[-1]["content"])


def labels_of(table: pl.DataFrame, condition: str) -> list[bool | None]:
    """What the condition is of each row; None where it cannot be told."""
    try:
        found = table.select(ternary(condition).alias("label"))["label"]
    except pl.exceptions.PolarsError as error:
        raise StageError(f"`{condition}` cannot be asked of the rows: {str(error).splitlines()[0]}") from error
    odd = None if found.dtype == pl.Boolean else next((v for v in found if v is not None and v not in (0, 1)), None)
    if odd is not None:
        raise StageError(
            f"a label is true or false, or 1 or 0; `{condition}` is {odd!r} of a row: say what is good of it"
        )
    return [None if value is None else bool(value) for value in found]
