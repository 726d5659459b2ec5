"""Validation: problems set apart, so that no question of theirs stands in what is trained on.

A problem is its question with case, spaces and punctuation folded away: the same question from another source or with
another gold answer goes to the same side, and so do questions that stand in one conversation. Domains come in
proportion to their problems. Which problems are drawn depends on the seed and the questions alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from pydantic import Field, model_validator

from datafactory.config import Base
from datafactory.errors import StageError
from datafactory.merging.keys import mixed
from datafactory.merging.quotas import divided

LARGE = 0.1  # of a domain's problems in validation: questions that are tied to more than that stay in train


class Validation(Base):
    problems: int | None = Field(None, ge=1)
    share: float | None = Field(None, gt=0, lt=1)

    @model_validator(mode="after")
    def _one(self) -> Validation:
        if (self.problems is None) == (self.share is None):
            raise ValueError("needs `problems`, a number, or `share`, a part of the problems")
        return self


def drawn(
    rows: pl.DataFrame,
    links: pl.DataFrame | None,
    wanted: Validation,
    seed: int,
    spare: Mapping[int, int],
    notes: list[str],
) -> pl.Series:
    """Whether each row is set apart, a column `apart`.

    spare holds the places whose rows stand more than once, with how many of them the copies can do without. Where fewer
    problems can be set apart than asked for, a note says it.
    """
    rows = rows.with_columns(tied(rows, links).alias("tied"))
    taken = rows.filter("taken")
    knots = taken.group_by("tied").agg(
        pl.col("domain").cast(pl.String).min(), pl.col("problem").n_unique().alias("problems")
    )
    total = int(knots["problems"].sum())
    count = wanted.problems if wanted.problems is not None else max(1, round(total * (wanted.share or 0)))
    if count >= total:
        raise StageError(f"`validation` asks for {count:,} problems, and there are {total:,}: none would be trained on")
    sizes = {str(name): int(size) for name, size in knots.group_by("domain").agg(pl.col("problems").sum()).iter_rows()}
    room = divided(
        count, {name: float(size) for name, size in sizes.items()}, {name: (0, size) for name, size in sizes.items()}
    )
    needs = _needs(taken, spare)
    left = dict(spare)
    order = pl.Series("order", mixed(knots["tied"].to_numpy(), seed, "validation"))
    knots = knots.with_columns(order).sort("order", "tied")
    held: set[int] = set()
    for most in (max(1, round(LARGE * count)), count):  # those of many problems only where there are no others
        for knot, domain, problems, _ in knots.iter_rows():
            needed = needs.get(knot, {})
            if knot in held or problems > min(most, room[domain]):
                continue
            if all(left[part] >= number for part, number in needed.items()):
                held.add(knot)
                room[domain] -= problems
                left |= {part: left[part] - number for part, number in needed.items()}
            if not any(room.values()):
                break
    if not held:
        raise StageError("`validation`: no problem can be set apart; the questions of all are tied to one another")
    found = int(knots.filter(pl.col("tied").is_in(sorted(held)))["problems"].sum())
    if found < count:
        why = "copies need the rows of the others" if spare else "the questions of the others are tied to one another"
        notes.append(f"`validation` asks for {count:,} problems, and {found:,} are set apart: {why}")
    chosen = pl.DataFrame({"tied": sorted(held)}, schema={"tied": pl.UInt64}).with_columns(pl.lit(True).alias("apart"))
    apart = rows.select("tied", "taken").join(chosen, on="tied", how="left", maintain_order="left")
    return apart.select((pl.col("apart").fill_null(False) & pl.col("taken")).alias("apart")).to_series()


def _needs(taken: pl.DataFrame, spare: Mapping[int, int]) -> dict[int, dict[int, int]]:
    """The rows that setting a question apart takes from each of these parts."""
    found: dict[int, dict[int, int]] = {}
    if spare:
        for knot, place, number in taken.group_by("tied", "place").len().iter_rows():
            if place in spare:
                found.setdefault(knot, {})[place] = number
    return found


def tied(rows: pl.DataFrame, links: pl.DataFrame | None) -> pl.Series:
    """For each row the smallest number of the questions that belong together with its own."""
    several = rows.group_by("problem").agg(pl.col("leak").unique()).filter(pl.col("leak").list.len() > 1)["leak"]
    pairs = [(first, other) for first, *others in several.to_list() for other in others]
    pairs += list(links.iter_rows()) if links is not None else []
    above: dict[int, int] = {}

    def top(number: int) -> int:
        while above.get(number, number) != number:
            above[number] = number = above.get(above[number], above[number])
        return number

    for one, other in pairs:
        low, high = sorted((top(one), top(other)))
        above[high] = low
    if not above:
        return rows["leak"]
    known = pl.DataFrame(
        {"leak": list(above), "tied": [top(number) for number in above]}, schema={"leak": pl.UInt64, "tied": pl.UInt64}
    )
    joined = rows.select("leak").join(known, on="leak", how="left", maintain_order="left")
    return joined.select(pl.coalesce("tied", "leak")).to_series()
