"""Rank: the place of a row among those with the same value of a column, from 1, so that a bound caps each of them.

Measure  the place, by `prefer` (`completion_tokens` puts the smallest first, `clarity desc` the largest, several by
         commas; nulls last), then by chance: a hash of `seed`, problem_id and rollout, which no order of the rows and
         no other row changes. With unit "problems" all rows of a problem share the place of their best row. Rows
         without a value of `by` are ranked among themselves
Source   per-source caps, as SFT mixtures have them (Tulu 3, arXiv:2411.15124, 3); R1 discloses none
Use      `rank: {max: 5000, by: source}` keeps at most 5,000 rows of each source, drawn at random; no bound by itself.
         All measures are taken before a row is dropped: in a stage of its own, below the other filters, it caps what
         these left
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

import polars as pl

from filters._columns import need
from filters._preference import order, preferred

VERSION = 1
SCOPE = "dataset"

Unit = Literal["rows", "problems"]


def rank(
    rows: pl.DataFrame, *, by: str = "source", prefer: str | None = None, unit: Unit = "rows", seed: int = 0
) -> pl.Series:
    gathered = gather(rows, by=by, prefer=prefer, unit=unit, seed=seed)
    return settle(gathered, by=by, prefer=prefer, unit=unit, seed=seed)["rank"]


def gather(
    rows: pl.DataFrame, *, by: str = "source", prefer: str | None = None, unit: Unit = "rows", seed: int = 0
) -> pl.DataFrame:
    """What is ranked and what decides between rows; the lot stands where rows are else told apart by their names."""
    need(rows, by)
    decided = preferred(rows, prefer)
    if unit == "problems":
        decided = decided.with_columns(rollout=pl.lit(0, pl.Int64))
    lots = [_lot(seed, *row) for row in decided.select("problem_id", "rollout").iter_rows()]
    return decided.with_columns(
        rows[by].cast(pl.String).alias("by"),
        pl.col("problem_id").alias("problem"),
        pl.Series("problem_id", lots, dtype=pl.Binary),
    )


def _lot(seed: int, problem: str | None, rollout: int | None) -> bytes:
    return blake2b(f"{seed} {problem} {rollout}".encode(), digest_size=16).digest()


def settle(
    gathered: pl.DataFrame, *, by: str = "source", prefer: str | None = None, unit: Unit = "rows", seed: int = 0
) -> pl.DataFrame:
    places = order(gathered, prefer)
    ranked = gathered.select("by", "problem").with_row_index("at")[places]
    key = "at" if unit == "rows" else "problem"
    first = ranked.unique(["by", key], keep="first", maintain_order=True)
    first = first.with_columns(pl.int_range(1, pl.len() + 1).over("by").cast(pl.Float64).alias("rank"))
    found = ranked.join(first.select("by", key, "rank"), on=["by", key], how="left", nulls_equal=True).sort("at")
    told = pl.concat_str(pl.lit("of the "), pl.len().over("by"), pl.lit(f" rows of {by} "), pl.col("by"))
    return found.select("rank", told.fill_null(f"of the rows without {by}").alias("evidence"))
