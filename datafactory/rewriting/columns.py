"""Columns: what a rewritten row keeps of the row it was written from, and what is null in it from then on.

Of a column that stands in the source, a rewritten row

    keeps       what is about the problem, and the rollout's index, model and generation; what `carry` names; what
                earlier rewritings say of themselves
    has anew    the part that was written, trace_id, parent_id (the trace_id of the row it was written from), and the
                verdicts of `verifiers`
    has null    prompt_tokens and completion_tokens, which were the old text's; every other verdict and measure: none
                stands beside a text that it is not about

A row that stays as it was keeps every cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from datafactory.plugins import Use
from datafactory.scoring import facts_of, score_columns, verdict_columns
from datafactory.tables import TYPES, clean
from datafactory.types import COLUMNS, FURTHER, Verdict, trace_id

# of the problem, though no column of a problem table: all rollouts of a group have the same
OF_THE_PROBLEM = ("pseudo_answer", "synthetic_tests", "majority", "majority_votes", "majority_share")
COUNTED = ("prompt_tokens", "completion_tokens")
SUFFIXES: dict[str, Any] = {"": pl.String, "_detail": pl.String, "_model": pl.String}
Row = Mapping[str, Any]


def stale(names: Sequence[str], carry: Sequence[str] = ()) -> list[str]:
    """The columns that say something about the text of a row."""
    known = {*COLUMNS, *FURTHER, *OF_THE_PROBLEM, *carry}
    told = {f"{name}{suffix}" for name in names if _is_rewriting(name, names) for suffix in SUFFIXES}
    return [name for name in names if name not in known and name not in told]


def _is_rewriting(name: str, names: Sequence[str]) -> bool:
    """Whether the column is a rewriting's status: what it says of itself stays true."""
    return {f"{name}_detail", f"{name}_model"} <= set(names) and f"{name}_status" not in names


def columns_of(names: Sequence[str], rewriting: str, writes: str, dropped: Sequence[str] = ()) -> list[str]:
    """The columns of the stage's output."""
    needed = (*names, writes, "trace_id", "parent_id")
    kept = [name for name in dict.fromkeys(needed) if name not in dropped]
    return [*kept, *(f"{rewriting}{suffix}" for suffix in SUFFIXES)]


def renewed(row: Row, writes: str, text: str) -> dict[str, Any]:
    """The cells of a rewritten row that are not what they were, verdicts apart."""
    written = {"reasoning": row.get("reasoning"), "response": row.get("response"), writes: clean(text)}
    new = trace_id(row["problem_id"], row.get("rollout") or 0, written["reasoning"], written["response"])
    return {writes: written[writes], "trace_id": new, "parent_id": named(row), **dict.fromkeys(COUNTED)}


def named(row: Row) -> str:
    """The trace_id of a row."""
    told: str | None = row.get("trace_id")
    return told or trace_id(row["problem_id"], row.get("rollout") or 0, row.get("reasoning"), row.get("response"))


def with_new_cells(
    rows: pl.DataFrame,
    writes: str,
    cells: Sequence[dict[str, Any] | None],
    verdicts: Sequence[Mapping[str, Verdict]],
    verifiers: Sequence[Use],
    doubtful: Sequence[str],
) -> pl.DataFrame:
    """The rows, those with cells changed; what is doubtful is null in these, or what the verifiers say now."""
    missing = [name for name in (writes, "trace_id", "parent_id") if name not in rows.columns]
    rows = rows.with_columns(pl.lit(None, dtype=TYPES[name]).alias(name) for name in missing)
    new = pl.Series([each is not None for each in cells], dtype=pl.Boolean)
    nothing = [pl.when(new).then(None).otherwise(pl.col(name)).alias(name) for name in doubtful if name in rows.columns]
    rows = rows.with_columns(nothing)
    changed = []
    for name in dict.fromkeys(name for each in cells if each for name in each):
        if name in rows.columns:
            old = rows[name].to_list()
            values = [each[name] if each else was for each, was in zip(cells, old, strict=True)]
            changed.append(pl.Series(name, values, dtype=TYPES[name]))
    return _verified(rows.with_columns(changed), new, verdicts, verifiers)


def _verified(
    rows: pl.DataFrame, new: pl.Series, verdicts: Sequence[Mapping[str, Verdict]], verifiers: Sequence[Use]
) -> pl.DataFrame:
    unknown = Verdict.undecided("error")
    for use in verifiers:
        if set(score_columns([use])) <= set(rows.columns):
            said = verdict_columns(use.name, [each.get(use.name, unknown) for each in verdicts], facts_of(use))
            rows = rows.with_columns(series.zip_with(new, rows[series.name]) for series in said)
    return rows
