"""Calibrate: how far a judge can be trusted, on the rows that a rule verifier decided too; stops a build below that.

In   the columns of a judge and of a verifier, as `judge` and `verify` add them; or two counts of the same thing, such
     as a judge's behaviours_verification and the filter verification
Out  the same rows; in the manifest and the report agreement, false accepts and false rejects with 95 % intervals,
     Cohen's kappa, and what the judge left undecided; of counts Spearman's and Pearson's correlation

A verdict of 1 or more is right. Rows the judge was never asked about (no reference, nothing to read) do not count.
"""

from __future__ import annotations

from typing import Any, Literal

import polars as pl
from pydantic import Field

from datafactory.agreement import Agreement, agreement, share, wilson
from datafactory.check import Check
from datafactory.config import Base, Sources, ref
from datafactory.correlation import Correlation, correlation
from datafactory.errors import StageError
from datafactory.job import Job
from datafactory.store import Draft

VERSION = 1
EXAMPLES = 3  # disagreeing rows that an error shows
UNASKED = ("no_answer", "undecidable_gold")
BOUNDS = ("min_correlation", "min_agreement", "max_false_accepts", "max_false_rejects", "max_undecided")


class Config(Base):
    source: Sources = ref("dataset", alias="from")
    """The judged and verified rows; a list is read as one dataset."""
    judge: str = "correctness"
    """The judge's column."""
    against: str
    """The rule verifier's column, or a filter's count."""
    scale: Literal["verdicts", "counts"] = "verdicts"
    """verdicts are right or wrong and agree; counts, or grades, go together and correlate."""
    min_correlation: float | None = Field(None, ge=-1, le=1)
    """Least Spearman's rank correlation of two counts."""
    min_agreement: float | None = Field(None, ge=0, le=1)
    """Least share of the rows both decided on which they agree."""
    max_false_accepts: float | None = Field(None, ge=0, le=1)
    """Largest share of the rows the verifier found wrong that the judge calls right."""
    max_false_rejects: float | None = Field(None, ge=0, le=1)
    """Largest share of the rows the verifier found right that the judge calls wrong."""
    max_undecided: float | None = Field(None, ge=0, le=1)
    """Largest share of the rows the verifier decided on which the judge comes to no verdict."""
    min_rows: int = Field(50, ge=1)
    """Rows that each share with a bound must rest on; with fewer the stage fails, since nothing can be told."""


def columns(config: Config, check: Check) -> list[str]:
    above = check.of(config.source)
    check.column(above, config.judge, "judge")
    check.column(above, config.against, "against")
    if config.judge == config.against:
        check.wrong(("against",), "is the judge itself")
    for key in BOUNDS:
        if getattr(config, key) is not None and (key == "min_correlation") != (config.scale == "counts"):
            other = "verdicts" if config.scale == "counts" else "counts"
            check.wrong((key,), f"is a bound for {other}; scale is {config.scale}")
    return list(above or [])


def run(config: Config, job: Job) -> None:
    source = job.input(config.source)
    table = source.scan()
    if config.scale == "counts":
        _demand_correlation(config, _correlated(config, table))
        job.map_shards(_unchanged, source)
        return
    found = _measured(config, table)
    _demand_rows(config, found)
    worse = _worse(config, found)
    if worse:
        raise StageError(f"{config.judge} is worse than stated: {'; '.join(worse)}.{_examples(config, table)}")
    job.map_shards(_unchanged, source)


def _unchanged(rows: pl.DataFrame) -> pl.DataFrame:
    return rows


def _correlated(config: Config, table: pl.LazyFrame) -> Correlation:
    return correlation(table.select(config.judge, config.against).collect().iter_rows())


def _demand_correlation(config: Config, found: Correlation) -> None:
    if config.min_correlation is None:
        return
    pair = f"{config.judge} and {config.against}"
    if found.rows < config.min_rows:
        raise StageError(f"{found.rows:,} rows have both {pair}, too few to tell; min_rows is {config.min_rows:,}")
    if found.spearman is None:
        raise StageError(f"{pair}: one of them is the same in all {found.rows:,} rows, so nothing correlates")
    if found.spearman < config.min_correlation:
        low, high = found.interval or (-1, 1)
        raise StageError(
            f"{pair} correlate less than stated: Spearman's is {found.spearman:.2f} (95 % interval {low:.2f} to "
            f"{high:.2f}) over {found.rows:,} rows, min_correlation is {config.min_correlation:g}"
        )


def _measured(config: Config, table: pl.LazyFrame) -> Agreement:
    names = table.collect_schema().names()
    status = f"{config.judge}_status"
    if status in names:
        if table.filter(pl.col(status) == "scored").head(1).collect().height:
            raise StageError(f"{config.judge} gives grades, and not right or wrong; `scale: counts` compares grades")
        table = table.filter(~pl.col(status).is_in(UNASKED))
    both = table.select(pl.col(config.judge) >= 1, pl.col(config.against) >= 1).collect()
    return agreement(both.iter_rows())


def _bounds(config: Config, found: Agreement) -> list[tuple[str, int, int, float | None]]:
    """(what, how many, of how many, the bound) of each share; agreement's is a least one, the others' largest ones."""
    return [
        ("agreement", found.agreed, found.rows, config.min_agreement),
        ("false accepts", found.false_accepts, found.wrong_rows, config.max_false_accepts),
        ("false rejects", found.false_rejects, found.right_rows, config.max_false_rejects),
        ("undecided", found.undecided, found.rows + found.undecided, config.max_undecided),
    ]


OF = {
    "agreement": "rows that both decided",
    "false accepts": "rows that {} found wrong",
    "false rejects": "rows that {} found right",
    "undecided": "rows that {} decided",
}


def _demand_rows(config: Config, found: Agreement) -> None:
    few = [
        f"there are {total:,} {OF[what].format(config.against)}, too few to tell {what} from"
        for what, _, total, bound in _bounds(config, found)
        if bound is not None and total < config.min_rows
    ]
    if few:
        raise StageError(f"{'; '.join(few)}; min_rows is {config.min_rows:,}")


def _worse(config: Config, found: Agreement) -> list[str]:
    worse = []
    for what, count, total, bound in _bounds(config, found):
        if bound is None:
            continue
        rate = count / total
        if rate < bound if what == "agreement" else rate > bound:
            low, high = wilson(count, total) or (0, 1)
            key = "min_agreement" if what == "agreement" else f"max_{what.replace(' ', '_')}"
            worse.append(
                f"{what} {count:,} of {total:,} {OF[what].format(config.against)} "
                f"({rate:.1%}, 95 % interval {low:.1%} to {high:.1%}), {key} is {bound:g}"
            )
    return worse


def _examples(config: Config, table: pl.LazyFrame) -> str:
    """A few of the rows they disagree on, those that the judge accepts first."""
    names = table.collect_schema().names()
    wanted = ["problem_id", "rollout", "question", "answer", "response"]
    details = [f"{name}_detail" for name in (config.judge, config.against)]
    judge, rule = pl.col(config.judge), pl.col(config.against)
    rows = table.filter((judge >= 1) != (rule >= 1)).sort(judge, descending=True, maintain_order=True).head(EXAMPLES)
    shown = rows.select([name for name in (*wanted, config.judge, config.against, *details) if name in names]).collect()
    told = []
    for row in shown.iter_rows(named=True):
        facts = [f"{name} {_short(row[name])}" for name in row if row[name] not in (None, "")]
        told.append("\n  " + ", ".join(facts))
    return f" Rows on which they differ:{''.join(told)}" if told else ""


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return repr(text if len(text) <= 120 else f"{text[:59]}…{text[-60:]}") if isinstance(value, str) else f"{value:g}"


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    table = pl.scan_parquet(sorted(draft.folder.glob("shard-*.parquet")))
    if config.scale == "counts":
        both = _correlated(config, table)
        return {
            "correlation": {
                "judge": config.judge,
                "against": config.against,
                "rows": both.rows,
                "spearman": both.spearman,
                "interval": both.interval,
                "pearson": both.pearson,
                "mean": both.mean,
                "bound": config.min_correlation,
            }
        }
    found = _measured(config, table)
    shares = {
        what: {
            "count": count,
            "of": total,
            "share": share(count, total),
            "interval": wilson(count, total),
            "bound": bound,
        }
        for what, count, total, bound in _bounds(config, found)
    }
    return {"calibration": {"judge": config.judge, "against": config.against, "kappa": found.kappa, **shares}}
