"""The rows of a shard looked at: messages that are whole, and say what stands flat beside them."""

from __future__ import annotations

from typing import Any

import polars as pl

from datafactory.chat import THINK

Rows = pl.Series  # numbers of rows


def faults(table: pl.DataFrame) -> dict[str, Rows]:
    """The rows of each fault that there is, by what is wrong with them."""
    asked = {
        "has no messages": pl.col("messages").list.len().fill_null(0) == 0,
        "has a message without content": _empty(),
        "does not end with a question of the user and an answer of the assistant": ~_ends(),
    }
    if {"reasoning", "response"} <= set(table.columns):
        asked["has messages that end otherwise than its reasoning and response"] = _last("content").ne_missing(_turn())
    if "problem" in table.columns:
        asked["has messages that ask something else than its problem"] = ~_asks("choices" in table.columns)
    found: dict[str, Rows] = {}
    left = table.with_row_index("_row")
    for fault, expression in asked.items():  # a row is told for the first that is wrong with it
        met = left.filter(expression)["_row"]
        if met.len():
            found[fault] = met
            left = left.filter(~pl.col("_row").is_in(met.implode()))
    return found


def _last(field: str, place: int = -1) -> pl.Expr:
    return pl.col("messages").list.get(place, null_on_oob=True).struct.field(field)


def _empty() -> pl.Expr:
    content: Any = pl.element().struct.field("content")
    return pl.col("messages").list.eval(content.is_null() | (content == "")).list.any()


def _ends() -> pl.Expr:
    return ((_last("role") == "assistant") & (_last("role", -2) == "user")).fill_null(False)


def _turn() -> pl.Expr:
    """The assistant's turn as `chat.join_thinking` makes it."""
    response = pl.col("response").fill_null("")
    thinking = pl.concat_str(pl.lit(f"{THINK[0]}\n"), "reasoning", pl.lit(f"\n{THINK[1]}\n\n"), response)
    return pl.when(pl.col("reasoning").is_null()).then(response).otherwise(thinking)


def _asks(choices: bool) -> pl.Expr:
    """The user's turn is the problem, with its options below where it has any."""
    asked, problem = _last("content", -2), pl.col("problem").fill_null("")
    same = asked == problem
    if choices:
        same = pl.when(pl.col("choices").is_null()).then(same).otherwise(asked.str.starts_with(problem + "\n"))
    return same.fill_null(False)
