"""The table of tests: a row per input that was proposed, and one for a problem that was set aside.

In   a problem's row, the rollouts that hold its generators, what became of it
Out  rows of the problem's columns, the generator's completion and COLUMNS; the dropped ones with reason and evidence
"""

from __future__ import annotations

from typing import Any

import polars as pl

from datafactory.job import Split, parted
from datafactory.synthesis.candidates import Candidate, Result, SetAside
from datafactory.tables import clean

NUMBERS = pl.List(pl.Int32)
COLUMNS: dict[str, Any] = {
    "test": pl.Int32,
    "input_seed": pl.Int32,
    "input_size": pl.String,
    "input": pl.String,
    "output": pl.String,
    "agree": NUMBERS,
    "against": NUMBERS,
    "exposes": NUMBERS,
    "exposed": pl.Int32,
    "kept_for": pl.String,
    "right": NUMBERS,
    "wrong": NUMBERS,
    "suspects": NUMBERS,
    "unusable": NUMBERS,
}
SHOWN = 2000  # characters of an input that was dropped, and of its output: the kept ones are whole


class Table:
    """Rows as they come, problem by problem; the problem's own columns are taken over as they stand."""

    def __init__(self) -> None:
        self.problems: list[int] = []  # of each row, the place of its problem
        self.rollouts: list[int | None] = []  # and of the completion that holds its generator
        self.values: list[dict[str, Any]] = []
        self.reasons: list[str | None] = []
        self.evidence: list[str | None] = []

    def add(self, problem: int, first: int, became: Result | SetAside) -> None:
        """first: the place of the problem's first rollout, None where no model was asked."""
        if isinstance(became, SetAside):
            self._row(problem, None, {}, became.reason, became.evidence)
            return
        about = {"right": became.right, "wrong": became.wrong}
        about |= {"suspects": became.suspects, "unusable": sorted(became.unusable)}
        for test in became.tests:
            rollout = first + test.call.generator if test.call else None
            self._row(problem, rollout, {**_values(test), **about}, test.reason, test.evidence)

    def _row(
        self, problem: int, rollout: int | None, values: dict[str, Any], reason: str | None, evidence: str | None
    ) -> None:
        self.problems.append(problem)
        self.rollouts.append(rollout)
        self.values.append(values)
        self.reasons.append(reason)
        self.evidence.append(clean(evidence) if evidence else evidence)

    def split(self, problems: pl.DataFrame, completions: pl.DataFrame) -> Split:
        own = problems[self.problems]
        written = completions.select(pl.all().gather(pl.Series(self.rollouts, dtype=pl.UInt32)))
        added = [pl.Series(name, [row.get(name) for row in self.values], dtype=kind) for name, kind in COLUMNS.items()]
        return parted(pl.concat([own, written, pl.DataFrame(added)], how="horizontal"), self.reasons, self.evidence)


def _values(test: Candidate) -> dict[str, Any]:
    whole = test.reason is None
    return {
        "test": test.number,
        "input_seed": test.call.seed if test.call else None,
        "input_size": test.call.size if test.call else None,
        "input": test.input if whole else _head(test.input),
        "output": test.output if whole else _head(test.output),
        "agree": test.agree,
        "against": test.against,
        "exposes": test.exposes,
        "exposed": len(test.exposes),
        "kept_for": test.kept_for,
    }


def _head(text: str | None) -> str | None:
    if text is None or len(text) <= SHOWN:
        return text
    return f"{text[:SHOWN]}... ({len(text):,} characters)"
