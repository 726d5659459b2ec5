"""Problems with the tests that `synthesize_tests` kept, so that `generate` and `verify` with `code` go on from them.

In   tests: the rows of `synthesize_tests`, all or those that a `select` left
Out  a row per problem: its own columns, and synthetic_tests, which `code` takes in place of `tests`; synthetic_count,
     and how many submissions stood behind them: synthetic_right, synthetic_wrong, and synthetic_exposed of these

`tests` stays what it was, and a row with synthetic_tests says by it that no person wrote them. A problem without one
test left is not here; what became of it stands among the rows that `synthesize_tests` dropped.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import polars as pl

from datafactory.check import Check
from datafactory.config import Base, Sources, ref
from datafactory.job import Job
from datafactory.synthesis.problem import tests_of
from datafactory.synthesis.table import COLUMNS
from datafactory.types import COMPLETION_COLUMNS

VERSION = 1
ADDED: dict[str, Any] = {
    "synthetic_tests": pl.String,
    "synthetic_count": pl.Int32,
    "synthetic_right": pl.Int32,
    "synthetic_wrong": pl.Int32,
    "synthetic_exposed": pl.Int32,
}


class Config(Base):
    source: Sources = ref("dataset", alias="from")
    """The tests; a list is read as one dataset."""


def columns(config: Config, check: Check) -> list[str]:
    above = check.of(config.source)
    for name in ("input", "output", "exposes", "right", "wrong"):
        check.column(above, name, "from")
    for name in ADDED:
        if above is not None and name in above:
            check.wrong(("from",), f"the source has a column '{name}' already")
    gone = (*COMPLETION_COLUMNS, *COLUMNS)
    return [*(name for name in above or [] if name not in gone), *ADDED]


def run(config: Config, job: Job) -> None:
    job.map_shards(gather, job.input(config.source))


def gather(tests: pl.DataFrame) -> pl.DataFrame:
    """A row per problem, in the order of the first test of each."""
    first = tests.unique("problem_id", keep="first", maintain_order=True)
    groups = {key[0]: group for key, group in tests.group_by("problem_id", maintain_order=True)}
    made = [_gathered(groups[problem]) for problem in first["problem_id"]]
    added = [pl.Series(name, [row[name] for row in made], dtype=kind) for name, kind in ADDED.items()]
    return first.drop([*COMPLETION_COLUMNS, *COLUMNS], strict=False).with_columns(added)


def _gathered(tests: pl.DataFrame) -> dict[str, Any]:
    exposed = {number for numbers in tests["exposes"] for number in numbers}
    return {
        "synthetic_tests": json.dumps(_written(tests), ensure_ascii=False),
        "synthetic_count": tests.height,
        "synthetic_right": len(tests["right"][0]),
        "synthetic_wrong": len(tests["wrong"][0]),
        "synthetic_exposed": len(exposed),
    }


def _written(tests: pl.DataFrame) -> dict[str, Any]:
    """The cases in the shape that `code` reads, with the problem's own checker, tolerance and limits."""
    own = tests_of(tests.row(0, named=True))
    cases = [{"input": given, "output": wanted} for given, wanted in zip(tests["input"], tests["output"], strict=True)]
    written: dict[str, Any] = {"cases": cases}
    if own.what.checker is not None:
        written["checker"] = asdict(own.what.checker)
    if own.what.tolerance is not None:
        written["tolerance"] = own.what.tolerance
    if own.stated.seconds is not None:
        written["time_limit"] = {"seconds": own.stated.seconds}  # a bare number of 100 and more would be milliseconds
    if own.stated.memory is not None:
        written["memory_limit"] = own.stated.memory
    return written
