"""Figures: the numbers behind the report and the card, computed from a story's rows, a few columns at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.report.histogram import Histogram, histogram
from datafactory.story import Chapter, Story

# DeepSeek-R1's 800K: samples and mean tokens by domain (arXiv:2501.12948, Table 5)
R1_SAMPLES = {"math": 395_285, "code": 211_129, "STEM": 10_124, "logic": 10_395, "general": 177_812}
R1_TOKENS = {"math": 6_094.2, "code": 7_435.7, "STEM": 4_928.8, "logic": 2_739.0, "general": 1_419.8}
R1_MEAN = 5_355.3
TOKENS = "completion_tokens"


@dataclass(frozen=True)
class Part:
    """The rows with one value of a column; tokens is their mean completion length, None where unknown."""

    name: str | None
    rows: int
    share: float
    tokens: float | None


@dataclass(frozen=True)
class Lengths:
    """Tokens of a row on one log axis: of what was sampled, of what is published, and of that by domain.

    column   what is counted in the published rows; sampled ones are counted by the model's own tokenizer
    unknown  how many published rows have no count
    """

    column: str
    sampled: Histogram | None
    published: Histogram | None
    domains: tuple[tuple[str, Histogram], ...]
    unknown: int


@dataclass(frozen=True)
class Measured:
    """A filter's measure in one stage, taken before any row was dropped: of everything it was given, and of those of
    these rows that stand within its bounds, between the same edges."""

    stage: str
    name: str
    filter: str
    minimum: float | None
    maximum: float | None
    everything: Histogram | None
    within: Histogram | None
    rows: int
    beyond: int
    undecided: int


def rows_of(chapter: Chapter) -> pl.LazyFrame:
    """The rows of a stage; none where it made a model."""
    return chapter.dataset.scan() if chapter.dataset.shards else pl.LazyFrame()


def columns_of(chapter: Chapter) -> list[str]:
    return chapter.dataset.columns if chapter.dataset.shards else []


def composition(chapter: Chapter, by: str) -> list[Part]:
    """The rows of a stage by the values of a column, the most frequent first; empty without that column."""
    names = columns_of(chapter)
    if by not in names:
        return []
    tokens = pl.col(TOKENS).mean() if TOKENS in names else pl.lit(None, dtype=pl.Float64)
    table = rows_of(chapter).group_by(by).agg(pl.len().alias("rows"), tokens.alias("tokens")).collect()
    table = table.sort("rows", by, descending=[True, False], nulls_last=True)
    total = max(1, table["rows"].sum())
    return [Part(name, rows, rows / total, mean) for name, rows, mean in table.select(by, "rows", "tokens").iter_rows()]


def domain_named(name: str | None) -> str | None:
    """The domain of R1's table that this one is, by its name in any case."""
    return next((known for known in R1_SAMPLES if name and known.lower() == name.lower()), None)


def sampling(story: Story) -> list[Chapter]:
    """The stages of the lineage in which completions first appear."""
    by_name = {chapter.name: chapter for chapter in story.chapters}
    have = {name for name, chapter in by_name.items() if TOKENS in columns_of(chapter)}
    return [
        chapter
        for chapter in story.lineage()
        if chapter.name in have and not any(source in have for source in chapter.sources)
    ]


def sampled(chapters: Sequence[Chapter]) -> int:
    """How many rows of those stages a model wrote here; loaded responses have no `generation`."""
    found = [rows_of(chapter).select(pl.col("generation").count()) for chapter in chapters if _has_generation(chapter)]
    return int(pl.concat(found).sum().collect().item()) if found else 0


def _has_generation(chapter: Chapter) -> bool:
    return "generation" in columns_of(chapter)


def problems(chapters: Sequence[Chapter]) -> int:
    """How many problems the rows of those stages are about."""
    ids = [rows_of(chapter).select("problem_id") for chapter in chapters if "problem_id" in columns_of(chapter)]
    return int(pl.concat(ids).select(pl.col("problem_id").n_unique()).collect().item()) if ids else 0


def token_column(chapter: Chapter) -> str | None:
    """The column of the rows' tokens: the student's where merge counted them, else the model's own."""
    return next((name for name in ("tokens", TOKENS) if name in columns_of(chapter)), None)


def lengths(story: Story) -> Lengths | None:
    """None where no row has a count."""
    column = token_column(story.merged)
    names = [name for name in (column, "domain") if name and name in columns_of(story.merged)]
    rows = rows_of(story.merged).select(names).collect() if column else pl.DataFrame({TOKENS: []})
    published = rows[column or TOKENS]
    parts = [rows_of(chapter).select(TOKENS) for chapter in sampling(story)]
    sampled = pl.concat(parts).collect()[TOKENS] if parts else published.clear()
    both = histogram(pl.concat([each.cast(pl.Float64) for each in (sampled, published)]), logarithmic=True)
    if both is None:
        return None
    domains = []
    if "domain" in rows.columns and column:
        for (name,), part in rows.group_by("domain"):
            found = histogram(part[column], both.between, logarithmic=True)
            if found:
                domains.append((str(name or "no domain"), found))
    return Lengths(
        column=column or TOKENS,
        sampled=histogram(sampled, both.between, logarithmic=True),
        published=histogram(published, both.between, logarithmic=True),
        domains=tuple(sorted(domains, key=lambda pair: (-sum(pair[1].counts), pair[0]))),
        unknown=published.null_count(),
    )


def by_domain(chapter: Chapter, verifiers: Sequence[str]) -> dict[str | None, dict[str, float | None]]:
    """The pass rate of each verifier in each domain, as {domain: {verifier: rate}}."""
    names = columns_of(chapter)
    if "domain" not in names:
        return {}
    rates = [pl.col(verifier).mean() for verifier in verifiers if verifier in names]
    table = rows_of(chapter).group_by("domain").agg(rates).collect().sort("domain", nulls_last=True)
    return {row.pop("domain"): row for row in table.iter_rows(named=True)}


# how hard a problem was for the model, by the mean reward of its rollouts: the bands of filters/difficulty.py
BANDS = ("always solved", "easy", "medium", "hard", "never solved")


def difficulty(chapter: Chapter, verifier: str) -> dict[str, dict[str, int]]:
    """How many problems of each domain stand in each band; empty where no problem has more than one rollout."""
    names = columns_of(chapter)
    if not {"problem_id", verifier} <= set(names):
        return {}
    domain = pl.col("domain").first() if "domain" in names else pl.lit(None, dtype=pl.String).alias("domain")
    rate = pl.col(verifier).mean().alias("rate")
    table = rows_of(chapter).group_by("problem_id").agg(domain, rate, pl.len().alias("rollouts")).collect()
    if table.is_empty() or table["rollouts"].max() == 1:
        return {}
    at = pl.col("rate")
    band = pl.when(at >= 1).then(0).when(at >= 0.75).then(1).when(at >= 0.25).then(2).when(at > 0).then(3).otherwise(4)
    counted = table.filter(at.is_not_null()).group_by("domain", band.alias("band")).len().sort("domain", "band")
    found: dict[str, dict[str, int]] = {}
    for name, place, count in counted.iter_rows():
        found.setdefault(name or "no domain", dict.fromkeys(BANDS, 0))[BANDS[place]] = count
    return found


def measured(story: Story) -> Iterator[Measured]:
    """Every measure of every stage of the lineage that keeps rows by measures."""
    for chapter in story.lineage():
        for kept in chapter.measures:
            if kept["column"] in columns_of(chapter):
                yield _measured(chapter, kept["column"], kept)


def _measured(chapter: Chapter, name: str, bounds: Mapping[str, Any]) -> Measured:
    kept = rows_of(chapter).select(name).collect()[name].cast(pl.Float64)
    values = pl.concat([kept, *_rejected(chapter, name)])
    least, most = bounds.get("min"), bounds.get("max")
    inside = pl.Series(values.is_not_null())
    if least is not None:
        inside &= (values >= least).fill_null(False)
    if most is not None:
        inside &= (values <= most).fill_null(False)
    everything = histogram(values)
    return Measured(
        stage=chapter.name,
        name=name,
        filter=bounds.get("name", name),
        minimum=least,
        maximum=most,
        everything=everything,
        within=histogram(values.filter(inside), everything.between) if everything else None,
        rows=values.len(),
        beyond=values.len() - values.null_count() - int(inside.sum()),
        undecided=values.null_count(),
    )


def _rejected(chapter: Chapter, name: str) -> Iterator[pl.Series]:
    for _, path in rejected_files([chapter]):
        yield pl.scan_parquet(path).select(name).collect()[name].cast(pl.Float64)


def rejected_files(chapters: Sequence[Chapter]) -> list[tuple[str, Path]]:
    """(stage, file) of everything those stages dropped."""
    return [
        (chapter.name, chapter.dataset.folder / entry["file"])
        for chapter in chapters
        for entry in chapter.dataset.manifest["rejected"]
        if entry
    ]


def shard_files(chapter: Chapter) -> list[tuple[str, Path]]:
    return [(chapter.name, chapter.dataset.folder / entry["file"]) for entry in chapter.dataset.shards]
