"""Opinions of a judge model on rollouts; each judge adds columns named after itself.

In   question, answer, response; for some judges reasoning
Out  the same, and per judge <judge> (a score or null), <judge>_status, <judge>_detail (its analysis), what else it
     finds out, <judge>_votes (how many could be read) and <judge>_agreement (the share of them that say the same)

What the judge is shown is untrusted text: see docs/verifiers/judges.md. An answer that cannot be read is asked for
again, and is then null with the status `error`: never a guess, and not a wrong answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from pydantic import Field

from datafactory.check import Check
from datafactory.config import Sources, ref
from datafactory.driving import Work
from datafactory.job import Job
from datafactory.judges._votes import settled
from datafactory.judging import Case, Judging, Referee, silent
from datafactory.plugins import Use
from datafactory.scoring import NOTHING, facts_of, statuses, verdict_columns
from datafactory.settings import Judges
from datafactory.store import Draft
from datafactory.types import Verdict, completion_of, problem_of

VERSION = 1
TOGETHER = 256  # rows put to the judge at once: what a dead one may cost
DETAIL = 500  # characters of an analysis that are kept


class Config(Judging):
    source: Sources = ref("dataset", alias="from")
    """The rollouts to judge; a list is read as one dataset."""
    judges: Judges = Field(alias="with")
    """Judges by name, with their settings: [correctness, {clarity: {prompt: my.txt}}, ./mine.py]."""
    votes: int = Field(1, ge=1)
    """Opinions of each row. More than half of them must say the same; grades are averaged."""


def columns(config: Config, check: Check) -> list[str]:
    config.check(check, config.votes, "votes")
    above = check.of(config.source)
    for name in ("question", "response"):
        check.column(above, name, "from")
    added = [name for use in config.judges for name in _columns(use)]
    for name in added:
        if above is not None and name in above:
            check.wrong(("with",), f"the source has a column '{name}' already")
    return [*(above or []), *added]


def _columns(use: Use) -> list[str]:
    return [f"{use.name}{suffix}" for suffix in ("", "_status", "_detail", *_facts(use))]


def _facts(use: Use) -> dict[str, Any]:
    return {**facts_of(use), "_votes": pl.Int32, "_agreement": pl.Float64}


def run(config: Config, job: Job) -> None:
    source = job.input(config.source)
    each = config.votes * len(config.judges)
    job.progress.expect(source.rows * each, "judgements")
    referee = Referee(config, job.models[config.model], job)
    missing = [k for k in range(len(source.shards)) if not job.draft.has(k)]
    job.progress.advance(rows=(source.rows - sum(source.shards[k]["rows"] for k in missing)) * each)
    tables = ((k, _works(config, referee, source.read(k), source.rows)) for k in missing)
    for k, judged in referee.heard_all(tables):
        job.draft.write(k, pl.concat(judged))
    referee.close()
    _demand_opinions(job.draft, len(source.shards), config)


def _works(config: Config, referee: Referee, rollouts: pl.DataFrame, total: int) -> list[Work[pl.DataFrame]]:
    slices = list(rollouts.iter_slices(TOGETHER)) or [rollouts]
    return [judged(config, referee, some, total) for some in slices]


def judged(config: Config, referee: Referee, rollouts: pl.DataFrame, total: int) -> Work[pl.DataFrame]:
    """The rollouts with the columns of every judge; total is how many rows the stage has in all."""
    settings = {use.name: use.config for use in config.judges}
    verdicts: dict[str, list[Verdict]] = {use.name: [] for use in config.judges}
    rows = list(rollouts.iter_rows(named=True))
    asked = [_case(use, settings[use.name], row, config.votes) for use in config.judges for row in rows]
    heard = yield from referee.hear([case for case in asked if isinstance(case, Case)])
    votes = iter(heard)
    for use, case in zip((use for use in config.judges for _ in rows), asked, strict=True):
        verdict = settled(next(votes)) if isinstance(case, Case) else case
        verdicts[use.name].append(_brief(verdict))
        if isinstance(case, Case) or verdict.status == "error":
            referee.count(use.name, verdict.status == "error", verdict.detail, total)
    added = [column for use in config.judges for column in verdict_columns(use.name, verdicts[use.name], _facts(use))]
    return rollouts.with_columns(added)


def _case(use: Use, settings: Any, row: Mapping[str, Any], votes: int) -> Case | Verdict:
    """What the judge is asked about a row, or the verdict where there is nothing to ask."""
    if row.get("finish_reason") == "error":
        return NOTHING
    try:
        texts = use.module.shown(problem_of(row), completion_of(row), settings)
    except (Exception, SystemExit) as error:  # of a judge of the user's own, on one row
        return Verdict.undecided("error", f"{type(error).__name__}: {error}")
    if isinstance(texts, Verdict):
        return texts
    rollout = str(row.get("rollout") or 0)
    return Case(use, settings, row.get("problem_id") or "", row["question"] or "", rollout, texts, votes)


def _brief(verdict: Verdict) -> Verdict:
    detail = verdict.detail if len(verdict.detail) <= DETAIL else f"{verdict.detail[: DETAIL - 1]}…"
    return Verdict(verdict.reward, verdict.status, detail, verdict.facts)


def _demand_opinions(draft: Draft, count: int, config: Config) -> None:
    """StageError when a judge failed on more than its share of what it was asked, over all shards."""
    for use in config.judges:
        failed = pl.col(f"{use.name}_status") == "error"
        asked = _scan(draft, count).filter(failed | pl.col(f"{use.name}_votes").is_not_null())
        lost = asked.filter(failed).select(f"{use.name}_detail").collect()[f"{use.name}_detail"]
        total = asked.select(pl.len()).collect().item()
        if lost.len() > config.max_errors * total:
            raise silent(use.name, lost.len(), total, config.max_errors, lost[0])


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    count = sum(1 for _ in draft.folder.glob("shard-*.parquet"))
    table = _scan(draft, count)
    means = table.select(pl.col(use.name).mean() for use in config.judges).collect().row(0, named=True)
    said = statuses(table, config.judges)
    graded = {name for name, counts in said.items() if "scored" in counts}
    return {
        "statuses": said,
        "pass_rate": {name: mean for name, mean in means.items() if name not in graded},
        "mean_grade": {name: mean for name, mean in means.items() if name in graded},
    }


def _scan(draft: Draft, count: int) -> pl.LazyFrame:
    return pl.scan_parquet([draft.shard(k) for k in range(count)])
