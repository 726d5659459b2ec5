"""Accepting: rollouts scored, and whether each meets the condition; the work of a process beside the engine's.

Many problems are taken at once: a frame of a few rows costs as much as one of a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from datafactory.conditions import expression
from datafactory.scoring import score, score_types
from datafactory.settings import Verifiers
from datafactory.tables import frame
from datafactory.types import COMPLETION_COLUMNS

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Accepting:
    """Given rollouts of several problems, what the verifiers add to each and whether it meets `where`.

    problem holds the types of a problem's columns.
    """

    verifiers: Verifiers
    where: str
    problem: dict[str, Any]

    def __call__(self, given: Sequence[Sequence[tuple[Row, Row]]]) -> list[list[tuple[Row, bool]]]:
        """given are (problem, completion) row by row, problem by problem."""
        pairs = [pair for some in given for pair in some]
        problems = pl.DataFrame(
            {name: [problem[name] for problem, _ in pairs] for name in self.problem}, schema=self.problem
        )
        completions = frame([completion for _, completion in pairs], COMPLETION_COLUMNS)
        scored = score(self.verifiers, pl.concat([problems, completions], how="horizontal"))
        met = scored.select(expression(self.where).alias("met"))["met"].to_list()
        added = iter(zip(scored.select(list(score_types(self.verifiers))).to_dicts(), met, strict=True))
        return [[next(added) for _ in some] for some in given]
