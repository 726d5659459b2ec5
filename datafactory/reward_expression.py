"""The reward as a recipe writes it: SQL over a rollout's columns that gives a number.

math + format + language_consistency                   null where one of them is null: the rollout does not count
CASE WHEN domain = 'code' THEN code ELSE math END      by the kind of the problem
COALESCE(clarity, 0.5) + math                          a null has the value that the recipe gives it
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

import polars as pl

from datafactory.conditions import ASIDE, TABLE

MOST = 4  # columns of unknown type that are tried in every way
PROBES: dict[Any, list[Any]] = {pl.String: ["a", "b", "1"], pl.Boolean: [True, False, True]}
NUMBERS = [0.0, 1.0, 0.5]


def sum_of(names: Iterable[str]) -> str:
    """The reward where a recipe gives none."""
    return " + ".join(f'"{name}"' for name in names)


def expression(text: str) -> pl.Expr:
    """The reward as a polars expression; ValueError where it is not SQL."""
    if TABLE.search(ASIDE.sub(" ", text)):
        raise ValueError(f"'{text}' asks another table, and a reward is of one rollout")
    try:
        return pl.sql_expr(text)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"'{text}' is not SQL: {str(error).splitlines()[0]}") from error


def columns_in(text: str) -> list[str]:
    """The columns a reward is made of, in order of appearance."""
    return list(dict.fromkeys(expression(text).meta.root_names()))


def rewards(text: str, rollouts: pl.DataFrame) -> pl.Series:
    """A Float64 per rollout; null where a part that is needed is null, or the result is no finite number."""
    found = rollouts.select(expression(text).cast(pl.Float64).alias("reward"))["reward"]
    return found.set(~found.is_finite().fill_null(True), None)


def probes(kind: Any) -> pl.Series:
    """Three values of a type; null for a list, a date or another of which no number is made by itself."""
    if kind in PROBES or kind.is_numeric():
        return pl.Series(PROBES.get(kind, NUMBERS)).cast(kind)
    return pl.Series([None] * len(NUMBERS), dtype=kind)


def refused(text: str, kinds: Mapping[str, Any]) -> str | None:
    """Why this is no number of a row of such columns; None where it is one. A kind of None is not known.

    What it gives for three rows at once and for each alone is the same, or it speaks of more than the row.
    """
    open_ = [name for name in columns_in(text) if name in kinds and kinds[name] is None][:MOST]
    why = None
    for chosen in product((pl.Float64, pl.String, pl.Boolean), repeat=len(open_)):
        settled = {
            **{name: kind or pl.Float64 for name, kind in kinds.items()},
            **dict(zip(open_, chosen, strict=True)),
        }
        fault = _fault(text, settled)
        if fault is None:
            return None
        why = why or fault
    return why


def _fault(text: str, kinds: Mapping[str, Any]) -> str | None:
    table = pl.DataFrame({name: probes(kind) for name, kind in kinds.items()})
    try:
        whole = table.select(expression(text).alias("reward"))["reward"]
        alone = [table[at].select(expression(text).alias("reward"))["reward"] for at in range(table.height)]
    except pl.exceptions.PolarsError as error:
        return f"'{text}' cannot be made of these columns: {str(error).splitlines()[0]}"
    if whole.dtype == pl.Boolean:
        return f"'{text}' is true or false, not a number; write CASE WHEN {text} THEN 1 ELSE 0 END"
    if not (whole.dtype.is_numeric() or whole.dtype == pl.Null):
        return f"'{text}' is no number"
    if not columns_in(text) or whole.len() != table.height:
        return f"'{text}' does not speak of a rollout's columns: every rollout would have the same reward"
    if not whole.cast(pl.Float64).equals(pl.concat(alone).cast(pl.Float64)):
        return f"'{text}' speaks of more than one rollout; GRPO itself compares those of a group"
    return None
