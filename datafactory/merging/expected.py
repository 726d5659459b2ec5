"""Expected: what a mixture makes of rows that are only estimated, draw by draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from datafactory.estimate import Draws
from datafactory.merging.parts import DATASET
from datafactory.merging.places import part_of, within_of
from datafactory.merging.settled import Place, settled

if TYPE_CHECKING:
    from datafactory.stages.merge import Config


def columns(config: Config) -> set[str]:
    """The columns that the mixture goes by."""
    parts = config.mixture or {}
    return {config.by, *(part.by for part in parts.values() if part.by)} - {DATASET} if parts else set()


def composition(config: Config, source: str, rows: pl.DataFrame) -> dict[Place, float]:
    """The share of a source's rows at each place of the mixture."""

    def value(by: str) -> pl.Expr:
        return pl.lit(source) if by == DATASET else pl.col(by).cast(pl.String)

    lacking = [pl.lit(None, dtype=pl.String).alias(name) for name in columns(config) if name not in rows.columns]
    placed = rows.with_columns(lacking).with_columns(part_of(config.by, value))
    counted = placed.with_columns(within_of(config.mixture, value)).group_by("part", "within").len()
    return {(part, within): count / rows.height for part, within, count in counted.iter_rows()}


def expected(
    config: Config, found: Mapping[str, Draws], shares: Mapping[str, Mapping[Place, float]]
) -> tuple[dict[str, Draws], float]:
    """The rows of each source that the merge takes, and the chance that the mixture cannot be met."""
    parts = config.mixture or {}
    taken = {source: np.zeros_like(draws) for source, draws in found.items()}
    short = 0
    count = len(next(iter(found.values())))
    for draw in range(count):
        have = {
            source: {place: draws[draw] * share for place, share in shares[source].items()}
            for source, draws in found.items()
        }
        total: dict[Place, float] = {}
        for places in have.values():
            for place, number in places.items():
                total[place] = total.get(place, 0.0) + number
        made = settled(parts, config.rows, config.shortfall, {place: round(number) for place, number in total.items()})
        short += bool(made.short)
        for source, places in have.items():
            for place, number in places.items():
                given = made.given.get(place, 0) if place[0] in parts else number * (config.other == "take")
                taken[source][draw] += given * number / total[place] if total[place] and place[0] in parts else given
    return taken, short / count
