"""Rows that say the same, and the rank of each among them: what `duplicates` and `near_duplicates` settle."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from filters._characters import Numbers
from filters._columns import need
from filters._scan import Scan
from filters._text import column, written

Of = Literal["question", "trace"]

FEW = 10  # words: shorter traces, `Yes.` or `\\boxed{6}`, answer many questions and repeat none of them


def compared(rows: pl.DataFrame, of: Of) -> pl.Series:
    """The texts that are compared; a question with the conversation before it and its options, where it has some."""
    if of not in ("question", "trace"):
        raise ValueError(f"of is 'question' or 'trace', not {of!r}")
    if of == "trace":
        return written(rows)
    asked = column(rows, "question")
    for further in ("choices", "history"):
        if rows.schema.get(further) == pl.String:
            asked = asked + "\n" + column(rows, further)
    return asked


def problem_keys(rows: pl.DataFrame) -> Numbers:
    """64 bits for the problem of each row."""
    need(rows, "problem_id")
    ids = Scan(rows["problem_id"].cast(pl.String).fill_null(""))
    return ids.keys(ids.first[:-1], ids.first[1:])


def ranked(name: str, decided: pl.DataFrame, best_first: pl.Series, found: pl.DataFrame, of: Of) -> pl.DataFrame:
    """The rank of each row in its cluster from 0, and as evidence which row it repeats.

    found  `cluster`, equal where rows say the same, null where one says nothing; `similarity` to the cluster's best
    Rows of one problem share their question: where questions are compared, problems are ranked, not rows.
    """
    place = np.empty(decided.height, dtype=np.int64)
    place[best_first.to_numpy()] = np.arange(decided.height)
    table = decided.select("problem_id", "rollout").with_columns(*found, pl.Series("place", place))
    if of == "question":
        table = table.with_columns(pl.col("place").min().over("cluster", "problem_id"))
    rank = pl.when(pl.col("cluster").is_null()).then(0).otherwise(pl.col("place").rank("dense").over("cluster") - 1)
    table = table.with_columns(rank.cast(pl.Float64).alias(name))
    firsts = table.filter(pl.col(name) == 0).group_by("cluster").agg(pl.col("problem_id", "rollout").min())
    told = table.join(firsts, on="cluster", how="left", suffix=" of the best", maintain_order="left")
    rollout = pl.col("rollout of the best")
    shown = pl.concat_str(
        pl.lit("the question of problem " if of == "question" else "the trace of problem "),
        pl.col("problem_id of the best").fill_null("null"),
        pl.lit("") if of == "question" else ", rollout " + rollout.cast(pl.String).fill_null("null"),
        ", similarity " + pl.col("similarity").round(2).cast(pl.String),
    )
    return told.select(name, pl.when(pl.col(name) > 0).then(shown.str.slice(0, 300)).alias("evidence"))
