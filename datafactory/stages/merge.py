"""Merge: accepted rollouts and other rows into one shuffled dataset, published for SFT.

In   one or more datasets of completed rows
Out  messages, and flat beside it problem_id, problem, solution (TRL's name for the gold answer), solution_from (gold,
     or majority where a vote stands in), reasoning, response and every further column; `build` publishes it as a
     folder that `datasets.load_dataset` opens
Drop exact duplicates, and what `shares` leaves no room for

Problems are shuffled over the shards and rows within a shard: a group never spans two shards.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator

import polars as pl
from pydantic import Field

from datafactory.chat import before, join_thinking, listed
from datafactory.check import Check
from datafactory.config import Base, ref
from datafactory.errors import NothingLeft, did_you_mean
from datafactory.job import Job
from datafactory.store import EVIDENCE, REASON, Dataset
from datafactory.types import COLUMNS

VERSION = 2
RENAMED = {"question": "problem", "answer": "solution"}
PSEUDO = "pseudo_answer"  # stands in the solution
FIRST = ("messages", "problem_id", "problem", "solution", "solution_from", "reasoning", "response")
THEN = ("domain", "source", "license")


class Config(Base):
    sources: tuple[str, ...] = ref("dataset", alias="from", min_length=1)
    """The datasets to merge."""
    shares: dict[str, float] | None = None
    """The share of each dataset in the whole, {accepted: 0.75, general: 0.25}; as many rows as the scarcest allows.
    Without it every row is taken."""
    shuffle: bool = True
    """Problems over the shards and rows within a shard, by the seed; else in the order of `from`."""
    rows_per_shard: int = Field(10000, ge=1)
    """A shard holds at least so many rows, the last one fewer."""
    seed: int | None = None
    """The recipe's by default."""


def columns(config: Config, check: Check) -> list[str]:
    for place, name in enumerate(config.sources):
        above = check.of(name)
        for column in ("question", "response"):
            if above is not None and column not in above:
                check.wrong(("from", place), f"'{name}' has no column '{column}': there is nothing to train on")
    if len(set(config.sources)) < len(config.sources):
        check.wrong(("from",), "names a dataset twice")
    if config.shares is not None:
        for name in config.shares:
            if name not in config.sources:
                check.wrong(("shares", name), f"'{name}' is not in `from`.{did_you_mean(name, config.sources)}")
        for name in config.sources:
            if name not in config.shares:
                check.wrong(("shares",), f"says nothing of '{name}'")
        if not math.isclose(sum(config.shares.values()), 1, abs_tol=1e-6) or min(config.shares.values()) < 0:
            check.wrong(("shares",), f"should be parts of 1; they sum to {sum(config.shares.values()):g}")
    known = dict.fromkeys(column for name in config.sources for column in check.of(name) or [])
    return published_columns([*COLUMNS, *known])


def published_columns(names: list[str]) -> list[str]:
    renamed = [RENAMED.get(name, name) for name in names if name != PSEUDO]
    return list(dict.fromkeys([*FIRST, *THEN, *renamed]))


def run(config: Config, job: Job) -> None:
    tables = [
        _all(job.inputs[name]).with_columns(pl.lit(place).alias("_source")) for place, name in enumerate(config.sources)
    ]
    rows = pl.concat(tables, how="diagonal").with_row_index("_row")
    if not rows.height:
        raise NothingLeft(f"nothing was accepted: {', '.join(config.sources)} came out empty")
    job.progress.expect(rows.height)
    rows = rows.with_columns(_order(rows, config.seed or 0))
    dropped = _duplicates(rows)
    if config.shares is not None:
        dropped |= _beyond(rows, dropped, [config.shares[name] for name in config.sources])
    kept = rows.filter(~pl.col("_row").is_in(list(dropped)))
    if not kept.height:
        raise NothingLeft("nothing is left: a dataset with a share of its own is empty")
    internal = ("_row", "_source", "_order", "_group")
    for k, table in enumerate(_shards(kept, config)):
        out = None
        if k == 0 and dropped:  # what was dropped belongs to no shard; it stands beside the first
            lost = rows.filter(pl.col("_row").is_in(list(dropped)))
            reasons = [dropped[row] for row in lost["_row"]]
            out = lost.drop(internal).with_columns(
                pl.Series(REASON, [reason for reason, _ in reasons]), pl.Series(EVIDENCE, [why for _, why in reasons])
            )
        if not job.draft.has(k):
            job.draft.write(k, published(table.drop(internal)), out)
        job.progress.advance(rows=table.height, accepted=table.height)


def _all(source: Dataset) -> pl.DataFrame:
    return pl.concat([source.read(k) for k in range(len(source.shards))], how="vertical")


def _order(rows: pl.DataFrame, seed: int) -> list[pl.Series]:
    """A number per row and per problem that depends on the seed and the content, never on the position."""

    def number(*parts: object) -> int:
        return int.from_bytes(hashlib.sha256(repr((seed, *parts)).encode()).digest()[:8], "big") >> 1

    def column(name: str) -> pl.Series:
        return rows[name] if name in rows.columns else pl.repeat(None, rows.height, eager=True)

    groups = [number("problem", problem) for problem in rows["problem_id"]]
    each = zip(rows["problem_id"], column("rollout"), column("reasoning"), column("response"), strict=True)
    return [
        pl.Series("_group", groups, dtype=pl.Int64),
        pl.Series("_order", [number("row", *values) for values in each], dtype=pl.Int64),
    ]


def _duplicates(rows: pl.DataFrame) -> dict[int, tuple[str, str]]:
    keys = [name for name in ("question", "history", "reasoning", "response") if name in rows.columns]
    first = pl.col("_row").first().over(keys)
    double = rows.select("_row", first.alias("first")).filter(pl.col("_row") != pl.col("first"))
    return dict.fromkeys(double["_row"], ("duplicate", "same question, reasoning and response as a row before it"))


def _beyond(rows: pl.DataFrame, gone: dict[int, tuple[str, str]], shares: list[float]) -> dict[int, tuple[str, str]]:
    """The rows for which a share leaves no room, the last ones of each source in shuffled order."""
    left = rows.filter(~pl.col("_row").is_in(list(gone)))
    have = [left.filter(pl.col("_source") == place).height for place in range(len(shares))]
    whole = min(count / share for count, share in zip(have, shares, strict=True) if share)
    dropped: dict[int, tuple[str, str]] = {}
    for place, share in enumerate(shares):
        room = min(have[place], round(whole * share))
        order = left.filter(pl.col("_source") == place).sort("_order")["_row"]
        dropped |= dict.fromkeys(order[room:], ("beyond its share", f"room for {room} of {have[place]} at {share:g}"))
    return dropped


def _shards(rows: pl.DataFrame, config: Config) -> Iterator[pl.DataFrame]:
    order = ["_group", "_row"] if config.shuffle else ["_row"]
    rows = rows.sort(order)
    if not config.shuffle:  # a group stays together all the same, where its first row stands
        rows = rows.with_columns(pl.col("_row").min().over("problem_id").alias("_group")).sort("_group", "_row")
    start = 0
    groups = rows["_group"].to_list()
    while start < rows.height:
        end = min(start + config.rows_per_shard, rows.height)
        while end < rows.height and groups[end] == groups[end - 1]:
            end += 1
        shard = rows[start:end]
        yield shard.sort("_order") if config.shuffle else shard
        start = end


def published(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows under the published names, with their messages."""
    for name, kind in COLUMNS.items():
        if name not in rows.columns:
            rows = rows.with_columns(pl.lit(None, dtype=getattr(pl, kind)).alias(name))
    asked = ["question", "choices", "reasoning", "response", *(["history"] if "history" in rows.columns else [])]
    messages = [
        [*before(row), {"role": "user", "content": _asked(row)}, {"role": "assistant", "content": _turn(row)}]
        for row in rows.select(asked).iter_rows(named=True)
    ]
    form = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
    rows = _solved(rows).rename(RENAMED).with_columns(pl.Series("messages", messages, dtype=form))
    return rows.select(published_columns(rows.columns))


def _solved(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the gold answer, or the vote that stands in for it, and which of them it is."""
    vote = pl.col(PSEUDO) if PSEUDO in rows.columns else pl.lit(None, dtype=pl.String)
    gold = pl.col("answer").str.strip_chars().str.len_chars() > 0
    told = pl.when(gold).then(pl.lit("gold")).when(vote.is_not_null()).then(pl.lit("majority"))
    return rows.with_columns(pl.when(gold).then("answer").otherwise(vote).alias("answer"), told.alias("solution_from"))


def _asked(row: dict[str, str | None]) -> str:
    """The question, with its options where it has any: without them there is nothing to choose from."""
    question = row["question"] or ""
    return f"{question}\n{listed(row['choices'])}" if row["choices"] else question


def _turn(row: dict[str, str | None]) -> str:
    return join_thinking(row["reasoning"], row["response"] or "")
