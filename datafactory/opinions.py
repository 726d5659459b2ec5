"""Opinions: judges over a table of rollouts; each adds columns named after itself.

In   question, response; for some judges reasoning and answer
Out  the same, and per judge <judge>, <judge>_status, <judge>_detail, its facts, <judge>_votes and <judge>_agreement
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from pydantic import Field

from datafactory.driving import Work
from datafactory.judges._votes import settled
from datafactory.judging import Case, Judging, Referee
from datafactory.plugins import Use
from datafactory.scoring import NOTHING, facts_of, verdict_columns
from datafactory.settings import Judges
from datafactory.types import Verdict, completion_of, problem_of

DETAIL = 500  # characters of an analysis that are kept


class Opinions(Judging):
    """Judges, and how often each is asked."""

    judges: Judges = Field(alias="with")
    """Judges by name, with their settings: [correctness, {clarity: {prompt: my.txt}}, ./mine.py]."""
    votes: int = Field(1, ge=1)
    """Opinions of each row. More than half of them must say the same; grades are averaged."""


def opinion_types(config: Opinions) -> dict[str, Any]:
    """The columns that the judges add, with their types."""
    own = {"": pl.Float64, "_status": pl.String, "_detail": pl.String}
    return {f"{use.name}{suffix}": kind for use in config.judges for suffix, kind in {**own, **_facts(use)}.items()}


def _facts(use: Use) -> dict[str, Any]:
    return {**facts_of(use), "_votes": pl.Int32, "_agreement": pl.Float64}


def judged(config: Opinions, referee: Referee, rollouts: pl.DataFrame, total: int) -> Work[pl.DataFrame]:
    """The rollouts with the columns of every judge; total is how many rows there are in all, for which the judge
    may fail on `max_errors`."""
    settings = {use.name: use.config for use in config.judges}
    verdicts: dict[str, list[Verdict]] = {use.name: [] for use in config.judges}
    rows = list(rollouts.iter_rows(named=True))
    asked = [case_of(use, settings[use.name], row, config.votes) for use in config.judges for row in rows]
    heard = yield from referee.hear([case for case in asked if isinstance(case, Case)])
    votes = iter(heard)
    for use, case in zip((use for use in config.judges for _ in rows), asked, strict=True):
        verdict = settled(next(votes)) if isinstance(case, Case) else case
        verdicts[use.name].append(_brief(verdict))
        if isinstance(case, Case) or verdict.status == "error":
            referee.count(use.name, verdict.status == "error", verdict.detail, total)
    added = [column for use in config.judges for column in verdict_columns(use.name, verdicts[use.name], _facts(use))]
    return rollouts.with_columns(added)


def case_of(use: Use, settings: Any, row: Mapping[str, Any], votes: int) -> Case | Verdict:
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
