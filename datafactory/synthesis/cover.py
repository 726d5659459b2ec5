"""Cover: the few tests that expose the wrong submissions, and then some more.

In   which wrong submissions each test exposes, the kind of each test, the length of its input
Out  the tests that are kept, the most telling first, and what each is kept for. Pure
Source  wrong submissions choose the tests that expose them (DeepSeek-R1, arXiv:2501.12948v2, B.3.2). Greedy set cover
        needs at most ln(n) + 1 times as many tests as the best choice (Johnson 1974); the order of the rest is a choice

First every wrong submission is exposed once: always by the test that exposes most of those not exposed yet. Then all
of them once more, by other tests, and so on: a program that is wrong in another way than these is likelier caught by
what many of them fail. Where no wrong submission is left to expose, the kinds take turns. Ties go to the shorter input,
then to the earlier test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

Why = Literal["first", "again", "variety"]


@dataclass(frozen=True)
class Choice:
    """A test that is kept; `of` holds the wrong submissions that it is kept for, none where it is for variety."""

    test: int
    why: Why
    of: frozenset[int] = frozenset()


def chosen(
    exposes: Sequence[frozenset[int]], kinds: Sequence[Hashable], lengths: Sequence[int], most: int
) -> list[Choice]:
    """At most so many tests, in the order in which they are wanted."""
    left = list(range(len(exposes)))
    kept: list[Choice] = []
    seen: Counter[Hashable] = Counter()
    why: Why = "first"
    owed = frozenset[int]().union(*exposes)
    while left and len(kept) < most:
        if not any(exposes[test] & owed for test in left):
            owed = frozenset[int]().union(*(exposes[test] for test in left))
            why = "again" if owed else "variety"
        best = min(
            left, key=lambda test: (-len(exposes[test] & owed), seen[kinds[test]] * (not owed), lengths[test], test)
        )
        kept.append(Choice(best, why, exposes[best] & owed))
        owed -= exposes[best]
        seen[kinds[best]] += 1
        left.remove(best)
    return kept
