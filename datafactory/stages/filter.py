"""Filter: measures of every row, and the rows outside the bounds dropped.

In   reasoning, response, and what the filters named need
Out  the same, and a column per filter; a row outside `min` and `max` (inclusive), or with no value, is dropped with
     the measure that failed, what it was, and what the filter says of where
All measures are taken before any row is dropped, so the order of the filters cannot matter. They are kept apart from
the decision: another threshold measures nothing again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from datafactory.check import Check
from datafactory.config import Base, Mention, Sources, ref
from datafactory.errors import StageError
from datafactory.identity import used
from datafactory.job import Job, Split, parted
from datafactory.measures import Measure, Measures, stages_in
from datafactory.measuring import EVIDENCE, evidence, gather, measure, settle
from datafactory.store import Dataset
from datafactory.tables import TYPES
from filters._columns import NoColumn

VERSION = 2


class Config(Base):
    source: Sources = ref("dataset", alias="from")
    """The rows to filter; a list is read as one dataset."""
    keep: Measures
    """Filters by name, or a list of names: {repetition: {max: 0.2, ngram: 5}, ./mine.py: {min: 1}}. Without `min` and
    `max` a filter's own bounds count; `undecided: keep` keeps rows without a value; `filter: NAME` names the filter of
    a column that you call otherwise."""

    def mentions(self) -> dict[str, Mention]:
        """The stages above that a filter compares with."""
        found = stages_in(self.keep).items()
        return {name: mention._replace(way=("keep", *mention.way)) for name, mention in found}


def columns(config: Config, check: Check) -> list[str]:
    above = check.of(config.source)
    for part in config.keep:
        name = part.column
        if above is not None and name in above:
            check.wrong(("keep", name), f"the source has a column '{name}' already; {_another(part)}")
        if above is not None and not stages_in((part,)):
            _try(part, above, check)
        if part.minimum is None and part.maximum is None:
            check.wrong(("keep", name), "needs `min` or `max`; `datafactory measure` measures without deciding")
    return [*(above or []), *(part.column for part in config.keep)]


def _another(part: Measure) -> str:
    return f"call this one otherwise: `another_name: {{filter: {part.use.name}, ...}}`"


def _try(part: Measure, above: list[str], check: Check) -> None:
    """A filter tells by itself, on a table without rows, which columns and settings it cannot work with."""
    try:
        measure([part], pl.DataFrame(schema={name: TYPES.get(name, pl.Float64) for name in above}))
    except StageError as error:
        missing = error.__cause__.name if isinstance(error.__cause__, NoColumn) else None
        named = [key for key, value in part.use.settings if missing is not None and value == missing]
        if named:
            check.column(above, str(missing), "keep", part.column, named[0])
        else:
            check.wrong(("keep", part.column), str(error))


def run(config: Config, job: Job) -> None:
    source = job.input(config.source)
    stages = {name: job.inputs[name].folder for name in stages_in(config.keep)}
    near = tuple(part for part in config.keep if part.scope != "dataset")
    measures = [_measured(job, source, near, stages)] if near else []
    measures += [_settled(job, source, part, stages) for part in config.keep if part.scope == "dataset"]
    job.map_shards(partial(decide, config.keep, stages), source, *measures)


def _decided(job: Job, source: Dataset, parts: tuple[Measure, ...]) -> list[Any]:
    """What decides the measures of a dataset: not the bounds."""
    fingerprint = {name: dataset.manifest["fingerprint"] for name, dataset in job.inputs.items()}
    spelled = [[part.column, used(part.use, lambda role, name: fingerprint[name])] for part in parts]
    return [source.manifest["fingerprint"], spelled]


def _measured(job: Job, source: Dataset, parts: tuple[Measure, ...], stages: Mapping[str, Path]) -> Dataset:
    return job.aside("measures", _decided(job, source, parts), partial(measure, parts, stages=stages), source)


def _settled(job: Job, source: Dataset, part: Measure, stages: Mapping[str, Path]) -> Dataset:
    """The measure of a filter that has to see all rows."""
    decided = _decided(job, source, (part,))
    gathered = job.aside("gathered", decided, partial(gather, part, stages=stages), source)

    def settled() -> pl.DataFrame:
        whole = pl.concat([gathered.read(k) for k in range(len(gathered.shards))])
        told = f"{part.column}_{EVIDENCE}"
        return settle(part, whole, stages, whole.height).rename({EVIDENCE: told})

    return job.aside_whole("settled", decided, settled, source)


def decide(keep: tuple[Measure, ...], stages: Mapping[str, Path], rows: pl.DataFrame, *parts: pl.DataFrame) -> Split:
    """The rows with their measures, parted by the bounds."""
    measures = pl.concat(parts, how="horizontal")
    values = measures.select(part.column for part in keep)
    reasons: list[str | None] = [None] * rows.height
    said: list[list[str]] = [[] for _ in range(rows.height)]
    for part in keep:
        failed = [at for at, value in enumerate(values[part.column]) if not part.keeps(value)]
        for at, told in zip(failed, _told(part, rows, measures, failed, stages), strict=True):
            value = values[part.column][at]
            reasons[at] = reasons[at] or _reason(part, value)
            said[at].append(f"{part.column} = {_shown(value)}{f': {told}' if told else ''}")
    return parted(pl.concat([rows, values], how="horizontal"), reasons, ["; ".join(lines) or None for lines in said])


def _told(
    part: Measure, rows: pl.DataFrame, measures: pl.DataFrame, failed: list[int], stages: Mapping[str, Path]
) -> list[str | None]:
    """What the filter says of each row that it drops."""
    told = f"{part.column}_{EVIDENCE}"
    if part.scope == "dataset":
        return measures[told].gather(failed).to_list()
    return evidence(part, rows[failed], stages) if failed else []


def _reason(part: Measure, value: float | None) -> str:
    if value is None:
        return f"{part.column} undecided"
    if part.minimum is not None and value < part.minimum:
        return f"{part.column} below {part.minimum:g}"
    return f"{part.column} above {part.maximum:g}"


def _shown(value: float | None) -> str:
    return "null" if value is None else f"{value:.4g}"
