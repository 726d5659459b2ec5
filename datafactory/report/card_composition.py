"""The card's tables of what is in the data: domains beside R1's Table 5, sources and licences."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datafactory.licences import hub_id, notes
from datafactory.report.figures import (
    R1_MEAN,
    R1_SAMPLES,
    R1_TOKENS,
    TOKENS,
    columns_of,
    composition,
    domain_named,
    rows_of,
)
from datafactory.report.markdown import table
from datafactory.report.units import percent
from datafactory.story import Chapter

# conversation rounds a sample (arXiv:2501.12948, Table 5)
R1_ROUNDS = {"math": 1.0, "code": 1.1, "STEM": 1.0, "logic": 1.0, "general": 1.1}
R1_ROUNDS_MEAN = 1.0
STUDENTS = "tokens"
SOURCES_SHOWN = 200


def composed(merged: Chapter) -> str:
    """Samples, share, rounds and tokens of each domain, R1's beside them."""
    total, rounds = sum(R1_SAMPLES.values()), _rounds(merged)
    tokens, lines = _tokens(merged), []
    for part in composition(merged, "domain"):
        known = domain_named(part.name)
        theirs = ["-"] * 4
        if known:
            share = percent(R1_SAMPLES[known] / total)
            theirs = [f"{R1_SAMPLES[known]:,}", share, f"{R1_ROUNDS[known]:.1f}", f"{R1_TOKENS[known]:,.1f}"]
        ours = [f"{part.rows:,}", percent(part.share), _mean(rounds.get(part.name)), _mean(tokens.get(part.name))]
        lines.append([part.name or "none given", *ours, *theirs])
    whole = [f"{merged.dataset.rows:,}", "100 %", _mean(rounds.get("")), _mean(tokens.get(""))]
    lines.append(["total", *whole, f"{total:,}", "100 %", f"{R1_ROUNDS_MEAN:.1f}", f"{R1_MEAN:,.1f}"])
    headings = ["domain", "samples", "share", "avg rounds", "avg tokens"]
    theirs = ["R1's samples", "R1's share", "R1's rounds", "R1's tokens"]
    return (
        f"{table([*headings, *theirs], lines)}\n\nRounds are the user's turns of a row. Tokens are those of "
        f"`{_counting(merged)}`, over the rows that have it. R1's figures are those of arXiv:2501.12948, Table 5."
    )


def _counting(merged: Chapter) -> str:
    """The column that tells a row's length: the student's tokens where the merge counted them."""
    return STUDENTS if STUDENTS in columns_of(merged) else TOKENS


def _tokens(merged: Chapter) -> dict[str | None, float | None]:
    """Mean tokens by domain, and under "" of all rows."""
    names, column = columns_of(merged), _counting(merged)
    if column not in names:
        return {}
    domain = pl.col("domain") if "domain" in names else pl.lit(None, dtype=pl.String).alias("domain")
    counted = (
        rows_of(merged)
        .group_by(domain)
        .agg(pl.col(column).cast(pl.Int64).sum().alias("sum"), pl.col(column).count().alias("of"))
    )
    table = counted.collect()
    means = {name: total / count if count else None for name, total, count in table.iter_rows()}
    whole = table.select(pl.col("sum", "of").sum()).row(0)
    return {**means, "": whole[0] / whole[1] if whole[1] else None}


def _mean(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


def _rounds(merged: Chapter) -> dict[str | None, float]:
    """Mean turns of the user by domain, and under "" of all rows; read from the roles alone, a row group at a time."""
    names = columns_of(merged)
    if "messages" not in names:
        return {}
    tables = []
    for shard in merged.dataset.shards:
        with pq.ParquetFile(merged.dataset.folder / shard["file"]) as file:
            role = next(name for name in _leaves(file) if name.startswith("messages.") and name.endswith(".role"))
            wanted = [role, *(["domain"] if "domain" in names else [])]
            for k in range(file.num_row_groups):
                tables.append(_counted(file.read_row_group(k, columns=wanted)))
    found = pl.concat(tables).group_by("domain").agg(pl.col("users").sum(), pl.col("rows").sum())
    counts: list[tuple[str | None, int, int]] = list(found.iter_rows())
    means: dict[str | None, float] = {domain: users / rows for domain, users, rows in counts}
    return {**means, "": sum(users for _, users, _ in counts) / max(1, sum(rows for *_, rows in counts))}


def _leaves(file: pq.ParquetFile) -> list[str]:
    return [file.schema.column(k).path for k in range(len(file.schema))]


def _counted(group: Any) -> pl.DataFrame:
    """How many rows of each domain a row group has, and how many user's turns they hold."""
    messages = group["messages"].combine_chunks()
    roles = pc.struct_field(pc.list_flatten(messages), "role")
    parents = pc.filter(pc.list_parent_indices(messages), pc.equal(roles, "user"))
    users = pl.Series("row", parents.to_numpy()).value_counts(name="users")
    domains = pl.Series(group["domain"].to_pylist() if "domain" in group.column_names else [None] * len(group))
    rows = pl.DataFrame({"domain": domains.cast(pl.String)}).with_row_index("row").cast({"row": pl.Int64})
    rows = rows.join(users.cast({"row": pl.Int64}), on="row", how="left")
    return rows.group_by("domain").agg(pl.col("users").sum().cast(pl.Int64), pl.len().cast(pl.Int64).alias("rows"))


def sources(merged: Chapter) -> str:
    """Rows of each source and licence, each licence in sum, and what the terms come to together."""
    by = [name for name in ("source", "license") if name in columns_of(merged)]
    if not by:
        return "The rows name no source and no licence: whether they may be passed on is not known."
    counts = rows_of(merged).group_by(by).len().sort("len", *by, descending=[True, *[False] * len(by)]).collect()
    rows = [[*(value or "none given" for value in row[:-1]), f"{row[-1]:,}"] for row in counts.iter_rows()]
    parts = [table([*by, "rows"], rows[:SOURCES_SHOWN])]
    if len(rows) > SOURCES_SHOWN:
        parts.append(f"{len(rows) - SOURCES_SHOWN:,} more pairs of source and licence are in the rows.")
    parts.append(_licences(merged) if "license" in by else "The rows name no licence.")
    return "\n\n".join(parts)


def _licences(merged: Chapter) -> str:
    of_each = composition(merged, "license")
    lines = [
        [part.name or "none given", hub_id(part.name) or "none", f"{part.rows:,}", percent(part.share)]
        for part in of_each
    ]
    told = [f"- {note}" for note in notes({part.name: part.rows for part in of_each})]
    parts = ["In sum:", table(["licence", "the hub's identifier", "rows", "share"], lines)]
    if told:
        parts.append("\n".join(told))
    parts.append(
        "A licence is that of the problem's source; the terms of the models that wrote the completions add to it."
    )
    return "\n\n".join(parts)
