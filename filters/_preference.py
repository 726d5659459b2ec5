"""Which of several rows is the best: `prefer` as the stage `select` spells it, and who comes first among equals."""

from __future__ import annotations

import re

import polars as pl

from filters._columns import need

_ORDER = re.compile(r"\s*([\w.]+)(?:\s+(asc|desc))?\s*$", re.IGNORECASE)


def preferred(rows: pl.DataFrame, prefer: str | None) -> pl.DataFrame:
    """What decides between rows: a column `prefer 0`, `prefer 1` ... per part of `prefer`, the problem, the rollout."""
    need(rows, "problem_id")
    columns = [rows[name].alias(f"prefer {at}") for at, (name, _) in enumerate(_parts(rows, prefer))]
    rollout = rows["rollout"].cast(pl.Int64) if "rollout" in rows.columns else pl.lit(None, pl.Int64)
    return rows.select(*columns, pl.col("problem_id").cast(pl.String), rollout.alias("rollout"))


def order(decided: pl.DataFrame, prefer: str | None) -> pl.Series:
    """The rows' places, the best first; by problem and rollout among equals, so that no order of rows matters."""
    falling = [desc for _, desc in _parts(None, prefer)]
    keys = [f"prefer {at}" for at in range(len(falling))]
    return decided.select(
        pl.arg_sort_by(
            *(pl.col(key) for key in keys), "problem_id", "rollout",
            descending=[*falling, False, False], nulls_last=True, maintain_order=True,
        )
    ).to_series()  # fmt: skip


def _parts(rows: pl.DataFrame | None, prefer: str | None) -> list[tuple[str, bool]]:
    """(column, whether the largest comes first)."""
    parts = []
    for part in prefer.split(",") if prefer else []:
        match = _ORDER.match(part)
        if match is None:
            raise ValueError(f"prefer: '{part.strip()}' is not a column with `asc` or `desc` behind it")
        if rows is not None:
            need(rows, match[1])
        parts.append((match[1], (match[2] or "asc").lower() == "desc"))
    return parts
