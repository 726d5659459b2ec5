"""Majority: the most common final answer of each group, and whether each rollout gives it.

In   the rollouts of problems; gold answers are not looked at
Out  the same, and of the leading answer majority (as the first rollout with it spells it), majority_votes and
     majority_share; agrees, 1 or 0. With `pseudo_gold`, pseudo_answer: the majority of a problem without a gold answer

majority is null on a tie and below `min_share`, and then agrees is too; votes and share still tell of the leading one.
The share is that of all rollouts with a completion: one that gives no answer votes for none. What is downstream takes
`answer`, or else `pseudo_answer`, as the gold answer; a published row says which in `solution_from`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import polars as pl
from pydantic import Field

from datafactory import voting
from datafactory.check import Check
from datafactory.config import Base, Sources, ref
from datafactory.groups import majority, tied
from datafactory.job import Job
from datafactory.store import Draft
from datafactory.voting import ballot

VERSION = f"1, {voting.VERSION}"
COLUMNS: dict[str, Any] = {
    "majority": pl.String,
    "majority_votes": pl.Int32,
    "majority_share": pl.Float64,
    "agrees": pl.Float64,
}
PSEUDO = "pseudo_answer"


class Config(Base):
    source: Sources = ref("dataset", alias="from")
    """The rollouts; a list is read as one dataset."""
    min_share: float = Field(0.5, ge=0, le=1)
    """The share of a group that the leading answer needs; a choice, which the papers on voting leave at 0."""
    pseudo_gold: bool = False
    """Let the majority stand in where a problem has no gold answer and no tests."""
    timeout: float = Field(5.0, gt=0)
    """Seconds that one comparison may take."""


def columns(config: Config, check: Check) -> list[str]:
    above = check.of(config.source)
    for name in ("problem_id", "response"):
        check.column(above, name, "from")
    added = [*COLUMNS, *([PSEUDO] if config.pseudo_gold else [])]
    for name in added:
        if above is not None and name in above:
            check.wrong(("from",), f"the source has a column '{name}' already")
    return [*(above or []), *added]


def run(config: Config, job: Job) -> None:
    job.map_shards(partial(voted, config), job.input(config.source))


def voted(config: Config, rollouts: pl.DataFrame) -> pl.DataFrame:
    """A shard with the columns; it holds whole groups."""
    rows = list(rollouts.iter_rows(named=True))
    groups: dict[str, list[int]] = {}
    for at, row in enumerate(rows):
        groups.setdefault(row["problem_id"], []).append(at)
    added: list[dict[str, Any]] = [{} for _ in rows]
    for places in groups.values():
        for at, values in zip(places, _of_group(config, [rows[at] for at in places]), strict=True):
            added[at] = values
    types = COLUMNS | ({PSEUDO: pl.String} if config.pseudo_gold else {})
    return rollouts.with_columns(
        pl.Series(name, [values[name] for values in added], dtype=kind) for name, kind in types.items()
    )


def _of_group(config: Config, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    votes = ballot(rows, config.timeout)
    there = sum(row.get("finish_reason") != "error" for row in rows)
    leader = majority(votes.labels)
    count = 0 if leader is None else votes.labels.count(votes.labels[leader])
    share = count / there if there else None
    wins = leader is not None and share is not None and share >= config.min_share and not tied(votes.labels)
    answer = votes.answers[leader] if wins and leader is not None else None

    def agrees(at: int) -> float | None:
        if answer is None or leader is None or rows[at].get("finish_reason") == "error":
            return None
        if votes.labels[at] == votes.labels[leader]:
            return 1.0
        return None if at in votes.undecided else 0.0

    found = {"majority": answer, "majority_votes": count, "majority_share": share}
    return [{**found, "agrees": agrees(at), PSEUDO: None if _has_gold(row) else answer} for at, row in enumerate(rows)]


def _has_gold(row: dict[str, Any]) -> bool:
    return bool((row.get("answer") or "").strip() or row.get("tests"))


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    table = pl.scan_parquet(sorted(draft.folder.glob("shard-*.parquet")))
    each = table.group_by("problem_id").agg(pl.col("majority", *([PSEUDO] if config.pseudo_gold else [])).first())
    counts = each.select(pl.len().alias("problems"), pl.exclude("problem_id").count()).collect().row(0, named=True)
    return {**counts, "agreement": table.select(pl.col("agrees").mean()).collect().item()}
