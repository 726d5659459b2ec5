"""Filter: measures of every row, and the rows outside the bounds dropped.

In   reasoning, response, and what the filters named need
Out  the same, and a column per filter; a row outside `min` and `max` (inclusive), or with no value, is dropped with
     the measure that failed and what it was
All measures are taken before any row is dropped, so the order of the filters cannot matter. They are kept apart from
the decision: another threshold measures nothing again.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from datafactory.check import Check
from datafactory.config import Base, Sources, ref
from datafactory.errors import StageError
from datafactory.job import Job, Split, parted
from datafactory.measuring import measure
from datafactory.settings import Measure, Measures
from datafactory.tables import TYPES

VERSION = 1


class Config(Base):
    source: Sources = ref("dataset", alias="from")
    """The rows to filter; a list is read as one dataset."""
    keep: Measures
    """Filters by name with bounds and settings: {repetition: {max: 0.2, ngram: 5}, ./mine.py: {min: 1}}."""


def columns(config: Config, check: Check) -> list[str]:
    above = check.of(config.source)
    for part in config.keep:
        name, settings = part.use.name, dict(part.use.settings)
        if above is not None and name in above:
            check.wrong(("keep", name), f"the source has a column '{name}' already")
        if name == "pass_rate" and above is not None and settings["of"] not in above:
            check.column(above, settings["of"], "keep", name, "of")
        elif above is not None:
            _try(part, above, check)
        if part.minimum is None and part.maximum is None:
            check.wrong(("keep", name), "needs `min` or `max`; `datafactory measure` measures without deciding")
    return [*(above or []), *(part.use.name for part in config.keep)]


def _try(part: Measure, above: list[str], check: Check) -> None:
    """A filter tells by itself, on a table without rows, which columns and settings it cannot work with."""
    try:
        measure([part.use], pl.DataFrame(schema={name: TYPES.get(name, pl.Float64) for name in above}))
    except StageError as error:
        check.wrong(("keep", part.use.name), str(error))


def run(config: Config, job: Job) -> None:
    source = job.input(config.source)
    uses = tuple(part.use for part in config.keep)
    decided = [source.manifest["fingerprint"], [[use.name, use.version, dict(use.settings)] for use in uses]]
    measures = job.aside("measures", decided, partial(measure, uses), source)
    job.map_shards(partial(decide, config.keep), source, measures)


def decide(keep: tuple[Measure, ...], rows: pl.DataFrame, measures: pl.DataFrame) -> Split:
    """The rows with their measures, parted by the bounds."""
    reasons: list[str | None] = []
    evidence: list[str | None] = []
    for values in measures.iter_rows(named=True):
        failed = [part for part in keep if not part.keeps(values[part.use.name])]
        reasons.append(_reason(failed[0], values[failed[0].use.name]) if failed else None)
        evidence.append("; ".join(f"{part.use.name} = {_shown(values[part.use.name])}" for part in failed) or None)
    return parted(pl.concat([rows, measures], how="horizontal"), reasons, evidence)


def _reason(part: Measure, value: float | None) -> str:
    if value is None:
        return f"{part.use.name} undecided"
    if part.minimum is not None and value < part.minimum:
        return f"{part.use.name} below {part.minimum:g}"
    return f"{part.use.name} above {part.maximum:g}"


def _shown(value: float | None) -> str:
    return "null" if value is None else f"{value:.4g}"
