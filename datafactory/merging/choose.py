"""Choose: which rows a merge takes, how often each stands, and which are set apart for validation.

Of what says the same one row stays, the first. Where there is more of a part than is asked for, a first rollout of
every problem goes before any second one; among equals goes what is preferred, then what the seed draws. Where there is
less, rows stand more than once as far as the part allows, those that were taken first before others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from datafactory.errors import StageError, did_you_mean
from datafactory.merging.parts import DATASET, UNNAMED, Part
from datafactory.merging.places import Value, part_of, within_of
from datafactory.merging.settled import REST, Shortfall, settled
from datafactory.merging.validation import Validation, drawn

Other = Literal["drop", "take", "fail"]
DUPLICATE, BEYOND, OTHER = "duplicate", "beyond the mixture", "in no part of the mixture"


@dataclass(frozen=True)
class Wanted:
    """What a recipe says of the choice. names: of the datasets, in the order of `from`."""

    names: tuple[str, ...]
    mixture: Mapping[str, Part] | None = None
    by: str = "domain"
    rows: int | None = None
    other: Other = "drop"
    shortfall: Shortfall = "fail"
    descending: bool = False
    validation: Validation | None = None
    seed: int = 0


@dataclass
class Chosen:
    """The keys with what was decided of each row: `times`, how often it stands, 0 where it is left out; `apart`,
    whether for validation; `reason` and `evidence` of what is left out; `part` and `within`."""

    rows: pl.DataFrame
    counts: dict[str, Any] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


def choose(keys: pl.DataFrame, links: pl.DataFrame | None, wanted: Wanted) -> Chosen:
    value = _value(wanted)
    rows = keys.with_columns(part_of(wanted.by, value), pl.col("at").min().over("same", "as").alias("first"))
    rows = rows.with_columns(within_of(wanted.mixture, value), (pl.col("at") != pl.col("first")).alias("double"))
    parts = wanted.mixture
    named = pl.lit(True) if parts is None else pl.col("part").is_in(list(parts))
    rows = rows.with_columns((~pl.col("double") & named).alias("asked"), (~pl.col("double") & ~named).alias("other"))
    chosen = Chosen(rows)
    others = _others(chosen, wanted)
    quotas = _quotas(rows, wanted, chosen)
    rows = _ranked(rows, wanted).join(quotas, on=["part", "within"], how="left", maintain_order="left")
    taken = (pl.col("asked") & (pl.col("rank") < pl.col("quota"))) | (pl.col("other") & pl.lit(wanted.other == "take"))
    rows = rows.with_columns(taken.alias("taken"))
    if wanted.validation:
        apart = drawn(rows, links, wanted.validation, wanted.seed, _spare(rows, wanted))
    else:
        apart = pl.repeat(False, rows.height, eager=True).alias("apart")
    rows = rows.with_columns(apart)
    chosen.rows = _told(_repeated(rows), wanted)
    domains = chosen.rows.with_columns(pl.col("by domain").fill_null(UNNAMED).alias("domain"))
    chosen.counts = {
        "by": wanted.by,
        "parts": _counts(chosen.rows, wanted, chosen.counts),
        "duplicates": int(rows["double"].sum()),
        "other": others,
        "domains": {str(name): _sums(part) for (name,), part in sorted(domains.group_by("domain"))},
        "splits": {
            split: _sums(part)
            for split, part in (
                ("train", chosen.rows.filter(~pl.col("apart"))),
                ("validation", chosen.rows.filter("apart")),
            )
            if part.height
        },
    }
    return chosen


def _value(wanted: Wanted) -> Value:
    names = dict(enumerate(wanted.names))

    def value(by: str) -> pl.Expr:
        return pl.col("source").replace_strict(names, return_dtype=pl.String) if by == DATASET else pl.col(f"by {by}")

    return value


def _others(chosen: Chosen, wanted: Wanted) -> dict[str, int]:
    """The values that no part names, and how many rows each has."""
    counted = chosen.rows.filter("other").group_by("part").len().sort("len", "part", descending=[True, False])
    others = {str(name): int(count) for name, count in counted.iter_rows()}
    if others:
        listed = ", ".join(f"{name} ({count:,})" for name, count in others.items())
        if wanted.other == "fail":
            raise StageError(
                f"the mixture names no part for {wanted.by} {listed}; name them, or say `other: drop` or `other: take`"
            )
        done = "taken beside it" if wanted.other == "take" else "left out"
        chosen.told.append(f"the mixture names no part for {wanted.by} {listed}: {done}, as `other` says")
    return others


def _quotas(rows: pl.DataFrame, wanted: Wanted, chosen: Chosen) -> pl.DataFrame:
    """How many rows each part gives, and each value of a divided one; StageError where that cannot be met."""
    counted = rows.filter("asked").group_by("part", "within").len()
    have = {(part, within): int(count) for part, within, count in counted.iter_rows()}
    given = have
    if wanted.mixture is not None:
        found = settled(wanted.mixture, wanted.rows, wanted.shortfall, have)
        if found.short:
            known = set(rows["part"].unique())
            listed = "; ".join(_short(name, *pair, wanted, known) for name, pair in found.short.items())
            if wanted.shortfall != "report":
                scale = " and `shortfall: scale` keeps the shares" if wanted.shortfall == "fail" else ""
                raise StageError(f"the mixture cannot be met: {listed}. `shortfall: report` takes what there is{scale}")
            chosen.told.append(f"the mixture is not met: {listed}")
        if wanted.shortfall == "scale" and sum(found.given.values()) < sum(found.want.values()):
            share = sum(found.given.values()) / sum(found.want.values())
            chosen.told.append(f"the whole is {share:.1%} of what was asked for, which the scarcest part allows")
        given, chosen.counts = found.given, dict(found.want)
    table = [(part, within, count) for (part, within), count in given.items()]
    return pl.DataFrame(table, schema={"part": pl.String, "within": pl.String, "quota": pl.Int64}, orient="row")


def _short(name: str, most: int, want: int, wanted: Wanted, known: set[str]) -> str:
    part = (wanted.mixture or {}).get(name)
    told = f"{name} has {most:,} of {want:,} rows"
    if part is None:
        return told
    if name not in known:
        return f"{told}, for no row has {wanted.by} '{name}'.{did_you_mean(name, known)}"
    return f"{told}, each {part.upsample} times" if part.upsample > 1 else told


def _ranked(rows: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """The rows with the place of each in the order in which its part is taken."""
    if "prefer" in rows.columns:
        first = pl.col("prefer").neg() if wanted.descending else pl.col("prefer")
        rows = rows.with_columns(first.fill_null(float("inf")).alias("better"))
    else:
        rows = rows.with_columns(pl.lit(0.0).alias("better"))
    where = rows.select("part", "within", "problem", "better", "draw", "at", "asked").with_row_index("_row")
    where = where.filter("asked").sort("better", "draw", "at")
    where = where.with_columns(pl.int_range(pl.len()).over("part", "within", "problem").alias("nth"))
    where = where.sort("nth", "better", "draw", "at")
    where = where.with_columns(pl.int_range(pl.len()).over("part", "within").alias("rank"))
    ranks = where.select("_row", "rank").sort("_row")
    return rows.with_row_index("_row").join(ranks, on="_row", how="left", maintain_order="left").drop("_row")


def _spare(rows: pl.DataFrame, wanted: Wanted) -> dict[tuple[str, str], int]:
    """Of the parts whose rows stand more than once, how many rows the copies can do without."""
    found = {}
    counted = rows.filter(pl.col("taken") & pl.col("asked")).group_by("part", "within", "quota").len()
    for name, within, quota, count in counted.iter_rows():
        part = (wanted.mixture or {}).get(name)
        if part and quota > count:
            upsample = part.within[within].upsample if within in part.within else part.upsample
            found[name, within] = count - -(-(quota - count) // (upsample - 1))
    return found


def _repeated(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with how often each stands: more than once where the quota of its part is above what there is."""
    part = ["part", "within"]
    able = pl.col("taken") & ~pl.col("apart") & pl.col("asked")
    extra = (pl.col("quota") - pl.col("taken").sum().over(part)).clip(lower_bound=0)
    count = able.sum().over(part).cast(pl.Int64)
    nth = pl.when(able).then(pl.col("rank")).rank("ordinal").over(part).cast(pl.Int64) - 1
    more = pl.when(able & (extra > 0)).then(extra // count + (nth < extra % count).cast(pl.Int64)).otherwise(0)
    return rows.with_columns((pl.col("taken").cast(pl.Int64) + more.fill_null(0)).alias("times"))


def _told(rows: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """The rows with the reason why one is left out, and the evidence, which of duplicates is found later."""
    reason = (
        pl.when(pl.col("taken"))
        .then(None)
        .when("double")
        .then(pl.lit(DUPLICATE))
        .when("other")
        .then(pl.lit(OTHER))
        .otherwise(pl.lit(BEYOND))
    )
    have = pl.col("asked").sum().over("part", "within")
    name = pl.when(pl.col("within") == REST).then("part").otherwise(pl.format("{}.{}", "part", "within"))
    beyond = pl.format("{}: room for {} of {}", name, pl.col("quota").fill_null(0), have)
    outside = pl.format(f"{wanted.by} is {{}}", "part")
    evidence = pl.when("other").then(outside).otherwise(beyond)
    left = rows.select(
        reason.alias("reason"),
        pl.when(pl.col("taken") | pl.col("double")).then(None).otherwise(evidence).alias("evidence"),
    )
    return rows.with_columns(left.get_columns())


def _counts(rows: pl.DataFrame, wanted: Wanted, want: Mapping[str, int]) -> list[dict[str, Any]]:
    """What was asked, had and taken of each part, and of each value of a divided one."""
    found: list[dict[str, Any]] = []
    names = list(wanted.mixture) if wanted.mixture is not None else sorted(rows.filter("asked")["part"].unique())
    for name in names:
        own = rows.filter(pl.col("asked") & (pl.col("part") == name))
        told: dict[str, Any] = {"part": name, **_sums(own)}
        if wanted.mixture is not None:
            told = {"part": name, "asked": want[name], **_sums(own)}
            values = wanted.mixture[name].within
            if values:
                told["within"] = [{"value": value, **_sums(own.filter(pl.col("within") == value))} for value in values]
        found.append(told)
    return found


def _sums(rows: pl.DataFrame) -> dict[str, int]:
    told = {
        "had": rows.height,
        "rows": int(rows["times"].sum()),
        "copies": int((rows["times"] - 1).clip(lower_bound=0).sum()),
        "problems": rows.filter(pl.col("times") > 0)["problem"].n_unique(),
    }
    if "tokens" in rows.columns:
        told["tokens"] = int((rows["tokens"].cast(pl.Int64) * rows["times"]).sum())
    return told
