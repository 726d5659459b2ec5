"""Render: rows under the published names, with their `messages`; columns at a time, but for rows with a history."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from datafactory.chat import THINK, before, listed
from datafactory.tables import to_arrow
from datafactory.types import COLUMNS

RENAMED = {"question": "problem", "answer": "solution"}
PSEUDO = "pseudo_answer"  # stands in the solution
FIRST = ("messages", "problem_id", "trace_id", "problem", "solution", "solution_from", "reasoning", "response")
THEN = ("domain", "source", "license")
ROLES = ("system", "user", "assistant")


def published_columns(names: list[str]) -> list[str]:
    renamed = [RENAMED.get(name, name) for name in names if name != PSEUDO]
    return list(dict.fromkeys([*FIRST, *THEN, *renamed]))


def published(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows under the published names, with their messages."""
    return pl.from_arrow(as_arrow(rows))  # type: ignore[return-value]


def as_arrow(rows: pl.DataFrame) -> pa.Table:
    """The same in the form that a Parquet file is written from."""
    lacking = [
        pl.lit(None, dtype=getattr(pl, kind)).alias(name) for name, kind in COLUMNS.items() if name not in rows.columns
    ]
    rows = rows.with_columns(lacking)
    turns = messages(rows)
    rows = _solved(rows).rename(RENAMED)
    flat = to_arrow(rows.select(published_columns(rows.columns)[1:]))
    return flat.add_column(0, pa.field("messages", turns.type), turns)


def messages(rows: pl.DataFrame) -> pa.Array:
    """The conversation of each row, a list of {role, content}: its history, the question, the answer."""
    said = rows.select(_asked(rows).alias("user"), _turn().alias("assistant"))
    history = [before(row) for row in rows.select("history").iter_rows(named=True)] if _has_history(rows) else []
    counts = np.array([len(turns) for turns in history], dtype=np.int64) if history else np.zeros(rows.height, np.int64)
    earlier = [turn for turns in history for turn in turns]
    texts = pl.concat(
        [said["user"], said["assistant"], pl.Series([turn["content"] for turn in earlier], dtype=pl.String)]
    )
    spoken = np.concatenate(
        [
            np.full(rows.height, ROLES.index("user")),
            np.full(rows.height, ROLES.index("assistant")),
            np.array([ROLES.index(turn["role"]) for turn in earlier], dtype=np.int64),
        ]
    ).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts + 2)])
    order = np.empty(offsets[-1], dtype=np.int64)
    order[offsets[1:] - 2] = np.arange(rows.height)
    order[offsets[1:] - 1] = np.arange(rows.height) + rows.height
    last = np.zeros(offsets[-1], dtype=bool)
    last[offsets[1:] - 1] = last[offsets[1:] - 2] = True
    order[~last] = np.arange(len(earlier)) + 2 * rows.height
    content = _strings(texts[order])
    role = _strings(pl.Series(ROLES, dtype=pl.String)[spoken[order]])
    turns = pa.StructArray.from_arrays([role, content], names=["role", "content"])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), turns)


def _has_history(rows: pl.DataFrame) -> bool:
    return "history" in rows.columns and rows["history"].null_count() < rows.height


def _strings(texts: pl.Series) -> pa.Array:
    return texts.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.string())


def _asked(rows: pl.DataFrame) -> pl.Expr:
    """The question, with its options where it has any: without them there is nothing to choose from."""
    question = pl.col("question").fill_null("")
    if rows["choices"].null_count() == rows.height:
        return question
    options = pl.Series([f"\n{listed(choices)}" if choices else "" for choices in rows["choices"]], dtype=pl.String)
    return pl.concat_str(question, options)


def _turn() -> pl.Expr:
    """`chat.join_thinking` of all rows."""
    response = pl.col("response").fill_null("")
    thought = pl.concat_str(pl.lit(f"{THINK[0]}\n"), "reasoning", pl.lit(f"\n{THINK[1]}\n\n"), response)
    return pl.when(pl.col("reasoning").is_null()).then(response).otherwise(thought)


def _solved(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the gold answer, or the vote that stands in for it, and which of them it is."""
    vote = pl.col(PSEUDO) if PSEUDO in rows.columns else pl.lit(None, dtype=pl.String)
    gold = pl.col("answer").str.strip_chars().str.len_chars() > 0
    told = pl.when(gold).then(pl.lit("gold")).when(vote.is_not_null()).then(pl.lit("majority"))
    return rows.with_columns(pl.when(gold).then("answer").otherwise(vote).alias("answer"), told.alias("solution_from"))
