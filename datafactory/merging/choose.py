"""Choose: which rows a merge takes, how often each stands, and which are set apart for validation.

Of what says the same one row stays, the first. Where there is more of a part than is asked for, a first rollout of
every problem goes before any second one; among equals goes what is preferred, then what the seed draws. Where there is
less, rows stand more than once as far as the part allows, those that were taken first before others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from datafactory.errors import StageError, did_you_mean
from datafactory.merging.parts import DATASET, UNNAMED, Part
from datafactory.merging.places import Value, part_of, within_of
from datafactory.merging.settled import REST, Shortfall, settled
from datafactory.merging.validation import Validation, drawn
from datafactory.store import EVIDENCE, REASON, Dataset

Other = Literal["drop", "take", "fail"]
DUPLICATE, BEYOND, OTHER = "duplicate", "beyond the mixture", "in no part of the mixture"
EMPTY = "no response"


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
    """What was decided of each row, one row per row of the keys.

    rows   the keys with `times`, how often a row stands, 0 where it is left out; `apart`, whether for validation; `why`
           and `place`, of which `told` says the reason and the evidence; `first`, the place of the row that stays of
           those that say the same
    """

    rows: pl.DataFrame
    told: pl.DataFrame
    counts: dict[str, Any]
    notes: list[str]


def choose(keys: pl.DataFrame, links: pl.DataFrame | None, wanted: Wanted) -> Chosen:
    rows, places = _placed(keys, wanted)
    del keys  # with millions of rows every column counts
    notes: list[str] = []
    others = _others(places, wanted, notes)
    places, want = _quotas(places, wanted, notes)
    rows = _ranked(rows, wanted)
    quota = rows.select("place").join(places, on="place", how="left", maintain_order="left")
    rows = rows.with_columns(quota["quota"])
    del quota
    beside = pl.col("other") & pl.lit(wanted.other == "take")
    rows = rows.with_columns(((pl.col("asked") & (pl.col("rank") < pl.col("quota"))) | beside).alias("taken"))
    if wanted.validation:
        rows = rows.with_columns(drawn(rows, links, wanted.validation, wanted.seed, _spare(rows, places), notes))
    else:
        rows = rows.with_columns(pl.lit(False).alias("apart"))
    rows = _repeated(rows).drop("draw", "rank", "leak", strict=False)
    counts = {
        "by": wanted.by,
        "parts": _counts(rows, places, wanted, want),
        "domains": {str(name): _sums(part) for (name,), part in sorted(rows.group_by("domain"))},
        "splits": {
            split: _sums(part)
            for split, part in (
                ("train", rows.filter(pl.col("taken") & ~pl.col("apart"))),
                ("validation", rows.filter("apart")),
            )
            if part.height
        },
        "duplicates": int(rows["double"].sum()),
        "other": others,
    }
    why = (
        pl.when("taken")
        .then(None)
        .when("empty")
        .then(3)
        .when("double")
        .then(0)
        .when("other")
        .then(1)
        .otherwise(2)
        .cast(pl.UInt8)
    )
    rows = rows.with_columns(why.alias("why")).drop("taken", "empty", "double", "other", "asked", "quota", "domain")
    return Chosen(rows, _told(places, wanted), counts, notes)


def demand(sources: Sequence[Dataset], wanted: Wanted) -> None:
    """StageError where the mixture cannot be met even if no row said the same as another: before a row is read."""
    if wanted.mixture is None:
        return
    by = {wanted.by, *(part.by for part in wanted.mixture.values() if part.by)} - {DATASET}
    counted: list[pl.DataFrame] = []
    for place, source in enumerate(sources):
        if source.rows:
            known = {
                name: pl.col(name).cast(pl.String) if name in source.columns else pl.lit(None, pl.String) for name in by
            }
            values = [value.alias(f"by {name}") for name, value in known.items()]
            if values:
                have = source.scan().select(*values).group_by(pl.all()).len("have").collect()
            else:
                have = pl.DataFrame({"have": [source.rows]}, schema={"have": pl.UInt32})
            counted.append(have.with_columns(pl.lit(place).alias("source")))
    value = _value(wanted)
    rows = (
        pl.concat(counted, how="diagonal")
        .with_columns(part_of(wanted.by, value))
        .with_columns(within_of(wanted.mixture, value))
    )
    places = rows.group_by("part", "within").agg(pl.col("have").sum().cast(pl.Int64))
    places = places.with_columns(pl.col("part").is_in(list(wanted.mixture)).alias("named"))
    _others(places, wanted, [])
    _quotas(places, wanted, [])


def _placed(keys: pl.DataFrame, wanted: Wanted) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows with their `place`, and whether they are `asked` for, an `other` one or a `double`; and what is where.

    A row that says the same as one before it is a double; `other` is what no part of the mixture names.
    """
    value, parts = _value(wanted), wanted.mixture
    first = keys.select(pl.col("at").min().over("same", "as").alias("first"))
    texts = keys.select(
        part_of(wanted.by, value), pl.col("by domain").fill_null(UNNAMED).alias("domain"), "^by .*$", "source"
    )
    texts = texts.with_columns(within_of(parts, value)).select("part", "within", pl.col("domain").cast(pl.Categorical))
    places = texts.select("part", "within").unique().sort("part", "within").with_row_index("place")
    place = texts.join(places, on=["part", "within"], how="left", maintain_order="left")["place"]
    named = pl.lit(True) if parts is None else pl.col("part").is_in(list(parts))
    places = places.with_columns(named.alias("named"))
    rows = keys.drop("same", "as", "source", "^by .*$").with_columns(first["first"], place, texts["domain"])
    double = ~pl.col("empty") & (pl.col("at") != pl.col("first"))
    fit = ~pl.col("empty") & ~double
    known = rows["place"].is_in(places.filter("named")["place"].implode())
    rows = rows.with_columns(double.alias("double"), (fit & known).alias("asked"), (fit & ~known).alias("other"))
    counted = rows.filter(~pl.col("double") & ~pl.col("empty")).group_by("place").len("have")
    places = places.join(counted, on="place", how="left", maintain_order="left")
    return rows, places.with_columns(pl.col("have").fill_null(0).cast(pl.Int64))


def _value(wanted: Wanted) -> Value:
    names = dict(enumerate(wanted.names))

    def value(by: str) -> pl.Expr:
        return pl.col("source").replace_strict(names, return_dtype=pl.String) if by == DATASET else pl.col(f"by {by}")

    return value


def _others(places: pl.DataFrame, wanted: Wanted, notes: list[str]) -> dict[str, int]:
    """The values that no part names, and how many rows each has."""
    counted = places.filter(~pl.col("named") & (pl.col("have") > 0)).sort("have", "part", descending=[True, False])
    others: dict[str, int] = dict(counted.select("part", "have").iter_rows())
    if others:
        listed = ", ".join(f"{name} ({count:,})" for name, count in others.items())
        if wanted.other == "fail":
            raise StageError(
                f"the mixture names no part for {wanted.by} {listed}; name them, or say `other: drop` or `other: take`"
            )
        done = "taken beside it" if wanted.other == "take" else "left out"
        notes.append(f"the mixture names no part for {wanted.by} {listed}: {done}, as `other` says")
    return others


def _quotas(places: pl.DataFrame, wanted: Wanted, notes: list[str]) -> tuple[pl.DataFrame, dict[str, int]]:
    """How many rows each place gives, and what was asked of each part; StageError where that cannot be met."""
    have = {(part, within): have for part, within, have in places.select("part", "within", "have").iter_rows()}
    given, want, parts = have, dict[str, int](), wanted.mixture or {}
    if wanted.mixture is not None:
        found = settled(
            parts, wanted.rows, wanted.shortfall, {place: count for place, count in have.items() if place[0] in parts}
        )
        given, want = found.given, found.want
        if found.short:
            known = set(places["part"])
            listed = "; ".join(_short(name, *pair, wanted, known) for name, pair in found.short.items())
            if wanted.shortfall != "report":
                scale = " and `shortfall: scale` keeps the shares" if wanted.shortfall == "fail" else ""
                raise StageError(f"the mixture cannot be met: {listed}. `shortfall: report` takes what there is{scale}")
            notes.append(f"the mixture is not met: {listed}")
        if found.scarce and sum(given.values()) < sum(want.values()):
            listed = "; ".join(_short(name, *pair, wanted, set(places["part"])) for name, pair in found.scarce.items())
            share = sum(given.values()) / sum(want.values())
            if not share:
                raise StageError(f"the mixture cannot be met, and scaled to what there is nothing is left: {listed}")
            notes.append(f"the whole is {share:.1%} of what was asked for: {listed}")
    quotas = [given.get((part, within), 0) for part, within in places.select("part", "within").iter_rows()]
    often = [_upsample(parts.get(part), within) for part, within in places.select("part", "within").iter_rows()]
    return places.with_columns(
        pl.Series("quota", quotas, dtype=pl.Int64), pl.Series("upsample", often, dtype=pl.Int64)
    ), want


def _upsample(part: Part | None, within: str) -> int:
    if part is None:
        return 1
    return part.within[within].upsample if within in part.within else part.upsample


def _short(name: str, most: int, want: int, wanted: Wanted, known: set[str]) -> str:
    part = (wanted.mixture or {}).get(name)
    told = f"{name} has {most:,} of {want:,} rows"
    if part is None:
        return told
    if name not in known:
        return f"{told}, for no row has {wanted.by} '{name}'.{did_you_mean(name, known)}"
    return f"{told}, each {part.upsample} times" if part.upsample > 1 else told


def _ranked(rows: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """The rows with the `rank` of each in the order in which its place is taken."""
    better = pl.lit(0.0)
    if "prefer" in rows.columns:
        first = pl.col("prefer").neg() if wanted.descending else pl.col("prefer")
        better = first.fill_nan(None).fill_null(float("inf"))
    asked = rows["asked"].arg_true()
    table = rows.select("place", "problem", better.alias("better"), "draw", "at")[asked].with_columns(
        asked.alias("row")
    )
    table = table.sort("better", "draw", "at")
    table = table.with_columns(pl.int_range(pl.len()).over("place", "problem").alias("nth"))
    table = table.sort("nth", "better", "draw", "at")
    table = table.select("row", pl.int_range(pl.len()).over("place").alias("rank"))
    rank = np.full(rows.height, -1, dtype=np.int64)
    rank[table["row"].to_numpy()] = table["rank"].to_numpy()
    return rows.with_columns(pl.Series("rank", rank)).drop("prefer", strict=False)


def _spare(rows: pl.DataFrame, places: pl.DataFrame) -> dict[int, int]:
    """Of the places whose rows stand more than once, how many rows the copies can do without."""
    counted = rows.filter(pl.col("taken") & pl.col("asked")).group_by("place").len("taken").join(places, on="place")
    return {
        place: count - -(-(quota - count) // (upsample - 1))
        for place, quota, upsample, count in counted.select("place", "quota", "upsample", "taken").iter_rows()
        if quota > count
    }


def _repeated(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with how often each stands: more than once where the quota of its place is above what there is."""
    able = pl.col("taken") & ~pl.col("apart") & pl.col("asked")
    extra = (pl.col("quota") - pl.col("taken").sum().over("place")).clip(lower_bound=0)
    count = able.sum().over("place").cast(pl.Int64)
    nth = pl.when(able).then(pl.col("rank")).rank("ordinal").over("place").cast(pl.Int64) - 1
    more = pl.when(able & (extra > 0)).then(extra // count + (nth < extra % count).cast(pl.Int64)).otherwise(0)
    return rows.with_columns((pl.col("taken").cast(pl.Int64) + more.fill_null(0)).alias("times"))


def _told(places: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """The reason and the evidence of each place and `why`; of a duplicate the evidence is another for each row."""
    found = []
    for place, part, within, have, quota in places.select("place", "part", "within", "have", "quota").iter_rows():
        name = f"{part}.{within}" if within != REST else part
        found += [
            (place, 0, DUPLICATE, None),
            (place, 1, OTHER, f"{wanted.by} is {part}"),
            (place, 3, EMPTY, None),
            (place, 2, BEYOND, f"{name}: room for {quota} of {have}"),
        ]
    kinds = {"place": pl.UInt32, "why": pl.UInt8, REASON: pl.String, EVIDENCE: pl.String}
    return pl.DataFrame(found, schema=kinds, orient="row")


def _counts(rows: pl.DataFrame, places: pl.DataFrame, wanted: Wanted, want: Mapping[str, int]) -> list[dict[str, Any]]:
    """What was asked, had and taken of each part, and of each value of a divided one."""

    def sums(found: pl.DataFrame) -> dict[str, int]:
        return _sums(rows.filter(pl.col("asked") & pl.col("place").is_in(found["place"].implode())))

    if wanted.mixture is None:
        return [{"part": part, **sums(places.filter(pl.col("part") == part))} for part in sorted(set(places["part"]))]
    told = []
    for name, part in wanted.mixture.items():
        own = places.filter(pl.col("part") == name)
        values = [{"value": value, **sums(own.filter(pl.col("within") == value))} for value in part.within]
        told.append({"part": name, "asked": want[name], **sums(own), **({"within": values} if values else {})})
    return told


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
