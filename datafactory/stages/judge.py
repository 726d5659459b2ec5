"""Opinions of a judge model on rollouts; each judge adds columns named after itself.

In   question, answer, response; for some judges reasoning
Out  the same, and per judge <judge> (a score or null), <judge>_status, <judge>_detail (its analysis), what else it
     finds out, <judge>_votes (how many could be read) and <judge>_agreement (the share of them that say the same)

What the judge is shown is untrusted text: see docs/verifiers/judges.md. An answer that cannot be read is asked for
again, and is then null with the status `error`: never a guess, and not a wrong answer.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from datafactory.check import Check
from datafactory.config import Sources, ref
from datafactory.driving import Work
from datafactory.job import Job
from datafactory.judging import Referee, silent
from datafactory.opinions import Opinions, judged, opinion_types
from datafactory.scoring import statuses
from datafactory.store import Draft

VERSION = 1
TOGETHER = 256  # rows put to the judge at once: what a dead one may cost


class Config(Opinions):
    source: Sources = ref("dataset", alias="from")
    """The rollouts to judge; a list is read as one dataset."""


def columns(config: Config, check: Check) -> list[str]:
    config.check(check, config.votes, "votes")
    above = check.of(config.source)
    for name in ("question", "response"):
        check.column(above, name, "from")
    added = list(opinion_types(config))
    for name in added:
        if above is not None and name in above:
            check.wrong(("with",), f"the source has a column '{name}' already")
    return [*(above or []), *added]


def run(config: Config, job: Job) -> None:
    source = job.input(config.source)
    each = config.votes * len(config.judges)
    job.progress.expect(source.rows * each, "judgements")
    referee = Referee(config, job.models[config.model], job)
    missing = [k for k in range(len(source.shards)) if not job.draft.has(k)]
    job.progress.advance(rows=(source.rows - sum(source.shards[k]["rows"] for k in missing)) * each)
    tables = ((k, _works(config, referee, source.read(k), source.rows)) for k in missing)
    for k, parts in referee.heard_all(tables):
        job.draft.write(k, pl.concat(parts))
    referee.close()
    _demand_opinions(job.draft, len(source.shards), config)


def _works(config: Config, referee: Referee, rollouts: pl.DataFrame, total: int) -> list[Work[pl.DataFrame]]:
    slices = list(rollouts.iter_slices(TOGETHER)) or [rollouts]
    return [judged(config, referee, some, total) for some in slices]


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
