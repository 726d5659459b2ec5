"""Target: so many accepted rollouts of a whole stage, cut at the same row whatever the timing.

Parts are begun in the order of the problems and end in any order. The rows kept are those up to the accepted one that
makes the target; it is known once every part before it has ended.
"""

from __future__ import annotations

import polars as pl

from datafactory.until import Until, accepted

Part = tuple[int, int]  # a table, and the place of some problems in it


class Target:
    def __init__(self, count: int, until: Until):
        self.count = count
        self.until = until
        self.order: list[Part] = []
        self.got: dict[Part, int] = {}
        self.before = 0  # accepted in the parts that `passed` counts
        self.passed = 0  # parts that ended with every part before them

    @property
    def reached(self) -> bool:
        return self.before >= self.count

    @property
    def wants_more(self) -> bool:
        """Whether what is under way is not likely to be enough."""
        under_way = len(self.order) - len(self.got)
        total = sum(self.got.values())
        mean = total / len(self.got) if self.got else self.until.accepted
        return not self.reached and (not under_way or total + under_way * mean < self.count)

    def begin(self, part: Part) -> None:
        self.order.append(part)

    def end(self, part: Part, rollouts: pl.DataFrame) -> None:
        self.got[part] = int(accepted(rollouts, self.until.where).sum())
        while not self.reached and self.passed < len(self.order) and self.order[self.passed] in self.got:
            self.before += self.got[self.order[self.passed]]
            self.passed += 1

    def has_passed(self, part: Part) -> bool:
        return part in self.order[: self.passed]

    def cut(self, part: Part, rollouts: pl.DataFrame) -> pl.DataFrame:
        """What is kept of a part: all of it, its beginning where the target falls into it, or nothing."""
        if not self.has_passed(part):
            return rollouts.clear()
        beyond = self.before - self.count
        if beyond <= 0 or part != self.order[self.passed - 1]:
            return rollouts
        places = accepted(rollouts, self.until.where).arg_true()
        return rollouts.head(int(places[len(places) - beyond - 1]) + 1)
