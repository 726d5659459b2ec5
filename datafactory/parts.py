"""Parts: works on slices of tables, and their results put together again, table by table, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from datafactory.driving import Work

T = TypeVar("T")


class Parts(Generic[T]):
    def __init__(self) -> None:
        self.tables: dict[int, list[T | None]] = {}  # under way
        self.missing: dict[int, int] = {}

    def begin(self, k: int, works: Sequence[Work[T]]) -> Iterator[Work[tuple[int, int, T]] | None]:
        """The works of table k, each of which will tell its place."""
        self.tables[k] = [None] * len(works)
        self.missing[k] = len(works)
        for at, work in enumerate(works):
            yield self._placed(k, at, work)

    def whole(self, results: Iterable[tuple[int, int, T]]) -> Iterator[tuple[int, list[T]]]:
        """Each table's results, once all are there."""
        for k, at, result in results:
            self.put(k, at, result)
            if not self.missing[k]:
                yield k, self.taken(k)

    def put(self, k: int, at: int, result: T) -> None:
        self.tables[k][at] = result
        self.missing[k] -= 1

    def taken(self, k: int) -> list[T]:
        """What there is of table k, which is let go."""
        del self.missing[k]
        return [part for part in self.tables.pop(k) if part is not None]

    def _placed(self, k: int, at: int, work: Work[T]) -> Work[tuple[int, int, T]]:
        return k, at, (yield from work)
