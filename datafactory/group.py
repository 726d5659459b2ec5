"""A group: the rollouts of one problem as they come, and which of them are accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from datafactory.tables import frame
from datafactory.types import COMPLETION_COLUMNS

Row = dict[str, Any]


@dataclass
class Group:
    """rows hold what is added to the problem's columns; met says for each whether it is accepted."""

    rows: list[Row] = field(default_factory=list)
    met: list[bool] = field(default_factory=list)
    _said: set[tuple[Any, Any]] = field(default_factory=set)

    def add(self, row: Row, meets: bool) -> None:
        """A further rollout, accepted where it meets the condition and is the first to say what it says."""
        said = row["reasoning"], row["response"]
        self.rows.append(row)
        self.met.append(meets and said not in self._said)
        if meets:
            self._said.add(said)

    @property
    def accepted(self) -> int:
        return sum(self.met)

    def head(self, count: int) -> Group:
        """The first rollouts alone."""
        return Group(self.rows[:count], self.met[:count])


def table_of(problems: pl.DataFrame, groups: Sequence[Group], scores: Mapping[str, Any]) -> pl.DataFrame:
    """The rollouts of all groups, group by group, behind the columns of their problems; scores are further columns with
    their types."""
    rows = [row for group in groups for row in group.rows]
    places = [place for place, group in enumerate(groups) for _ in group.rows]
    kept = problems.drop([name for name in (*COMPLETION_COLUMNS, *scores) if name in problems.columns])
    added = [pl.Series(name, [row[name] for row in rows], dtype=kind) for name, kind in scores.items()]
    return pl.concat([kept[places], frame(rows, COMPLETION_COLUMNS), pl.DataFrame(added)], how="horizontal")
