"""Target: so many accepted rollouts of a whole stage, cut at the same row whatever the timing.

Parts are begun in the order of the problems and end in any order. The rows kept are those up to the accepted one that
makes the target; it is known once every part before it has ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from datafactory.driving import Work
from datafactory.group import Group
from datafactory.parts import Parts
from datafactory.until import Until

Part = tuple[int, int]  # a table, and the place of some problems in it


class Target:
    def __init__(self, count: int, until: Until):
        self.count = count
        self.until = until
        self.before = 0  # accepted in the parts that are passed: they and every part before them have ended
        self.last: Part = (-1, 0)  # the last that is passed
        self._order: deque[Part] = deque()  # begun and not passed
        self._ended: dict[Part, int] = {}  # of these, what was accepted in those that have ended
        self._parts, self._total = 0, 0  # that have ended in all

    @property
    def reached(self) -> bool:
        return self.before >= self.count

    @property
    def wants_more(self) -> bool:
        """Whether what is under way is not likely to be enough."""
        under_way = len(self._order) - len(self._ended)
        mean = (self._total + self.until.accepted) / (self._parts + 1)  # so that a few hard problems decide nothing
        return not self.reached and (not under_way or self._total + under_way * mean < self.count)

    def begin(self, part: Part) -> None:
        self._order.append(part)

    def end(self, part: Part, count: int) -> None:
        """A part has ended, with so many accepted."""
        self._ended[part] = count
        self._parts += 1
        self._total += self._ended[part]
        while not self.reached and self._order and self._order[0] in self._ended:
            self.last = self._order.popleft()
            self.before += self._ended.pop(self.last)

    def cut(self, part: Part, groups: Sequence[Group]) -> list[Group]:
        """What is kept of a part: all of it, its beginning where the target falls into it, or nothing."""
        if part > self.last:
            return [Group() for _ in groups]
        beyond = max(self.before - self.count, 0) if part == self.last else 0
        left = sum(group.accepted for group in groups) - beyond
        kept = []
        for group in groups:
            if group.accepted > left or (beyond and left == 0):
                places = [place for place, met in enumerate(group.met) if met]
                group = group.head(places[left - 1] + 1 if left else 0)
            kept.append(group)
            left -= group.accepted
        return kept


class Cut(Parts[list[Group]]):
    """Parts that are begun as far as a target needs them, and whose tables end where it is reached."""

    def __init__(self, target: Target):
        super().__init__()
        self.target = target

    def begin(self, k: int, works: Sequence[Work[list[Group]]]) -> Iterator[Work[tuple[int, int, list[Group]]] | None]:
        for at, work in enumerate(super().begin(k, works)):
            while not self.target.wants_more:
                yield None
            self.target.begin((k, at))
            yield work

    def whole(self, results: Iterable[tuple[int, int, list[Group]]]) -> Iterator[tuple[int, list[list[Group]]]]:
        """The tables in their order, the last cut at the target; nothing once it is reached."""
        for k, at, groups in results:
            self.put(k, at, groups)
            self.target.end((k, at), sum(group.accepted for group in groups))
            yield from self._settled()
            if self.target.reached:
                return

    def _settled(self) -> Iterator[tuple[int, list[list[Group]]]]:
        for k in sorted(self.tables):
            ended = not self.missing[k] and (k, len(self.tables[k]) - 1) <= self.target.last
            if not ended and not (self.target.reached and k <= self.target.last[0]):
                return
            places = [at for at, part in enumerate(self.tables[k]) if part is not None]
            parts = zip(places, self.taken(k), strict=True)
            yield k, [self.target.cut((k, at), part) for at, part in parts]
