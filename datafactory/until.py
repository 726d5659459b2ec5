"""Until: a problem is asked until enough of its rollouts are accepted, and no longer.

Which rollouts are kept depends on their index alone and not on when they came: those up to the one that made it
enough. What was asked ahead beyond it is dropped, so that the same seed gives the same rows whatever the timing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl
from pydantic import Field, model_validator

from datafactory.conditions import expression
from datafactory.config import Base


class Until(Base):
    accepted: int = Field(1, ge=1)
    """Rollouts that meet `where`, no two of them with the same text."""
    where: str
    """A SQL condition over the columns of a rollout and of its verifiers, `math = 1 and format = 1`."""
    max_rollouts: int = Field(64, ge=1)
    """At most so many rollouts of a problem."""
    give_up: int | None = Field(None, ge=1)
    """Give a problem up after so many rollouts of which none is accepted."""

    @model_validator(mode="after")
    def _room(self) -> Until:
        if self.accepted > self.max_rollouts:
            raise ValueError(f"{self.accepted} accepted cannot come of max_rollouts: {self.max_rollouts}")
        return self

    @property
    def first(self) -> int:
        """The size of a problem's first round."""
        return min(self.accepted, self.give_up or self.accepted)

    def more(self, met: Sequence[bool]) -> int:
        """How many rollouts to ask for next, 0 where it is enough; never more than there have been."""
        asked, got = len(met), sum(met)
        if got >= self.accepted or asked >= self.max_rollouts or (not got and self.give_up and asked >= self.give_up):
            return 0
        most = self.give_up if self.give_up and not got else self.max_rollouts
        expected = math.ceil((self.accepted - got) * (asked + 1) / (got + 1))
        return max(1, min(expected, asked, most - asked))

    def enough(self, met: Sequence[bool]) -> int:
        """How many of a problem's rollouts are kept: those up to the one that made it enough."""
        places = [place for place, accepted in enumerate(met) if accepted]
        if len(places) >= self.accepted:
            return places[self.accepted - 1] + 1
        if self.give_up and (not places or places[0] >= self.give_up):
            return self.give_up
        return self.max_rollouts


def accepted(rows: pl.DataFrame, where: str) -> pl.Series:
    """Whether each rollout meets the condition, and is the first of its problem to say what it says."""
    said = ["problem_id", "reasoning", "response"]
    met = rows.select(expression(where).alias("met"), *said).with_columns(pl.col("met").fill_null(False))
    first = pl.col("met") & (pl.col("met").cast(pl.Int32).cum_sum().over(said) == 1)
    return met.select(first)["met"]
