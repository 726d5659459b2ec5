"""Phases: which problems each round of rollouts is of, from the first step to the last, decided before the first.

The order depends on the seed and on nothing that happens on the way, so that a training that was killed goes on with
the very problems it would have had. General rows come in only in the last steps (arXiv:2501.12948, 3.2.2).
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from datafactory.asking import seed_of


@dataclass(frozen=True)
class Rounds:
    """How a training is divided: `count` rounds of sampling, of so many problems, each followed by so many steps."""

    count: int
    problems: int
    steps: int

    @property
    def all_steps(self) -> int:
        return self.count * self.steps


def rounds(problems: int, a_round: int, steps: int, epochs: float, max_steps: int) -> Rounds:
    """The rounds that `max_steps`, or else `epochs` over the problems, come to; a_round problems are needed."""
    whole = problems // a_round
    return Rounds(math.ceil(max_steps / steps) if max_steps > 0 else math.ceil(epochs * whole), a_round, steps)


def schedule(
    divided: Rounds, problems: Sequence[int], general: Sequence[int], last_steps: int | None, seed: int
) -> list[int]:
    """The indices of the problems in order, round upon round; no round has a problem twice.

    Rounds whose steps are among the last `last_steps` (all of them at None) draw from problems and general rows alike.
    """
    mixed = divided.count if last_steps is None else min(divided.count, math.ceil(last_steps / divided.steps))
    before = _drawn(problems, divided.problems, seed, "reasoning")
    after = _drawn([*problems, *general], divided.problems, seed, "all")
    order = []
    for number in range(divided.count):
        order += next(after if general and number >= divided.count - mixed else before)
    return order


def fresh(
    problems: Collection[int], taken: Collection[int], count: int, seed: int, place: int, attempt: int
) -> list[int]:
    """Up to `count` other problems than those taken, for the round at that place of the schedule."""
    pool = sorted(set(problems) - set(taken))
    return random.Random(seed_of(seed, "fresh", place, attempt)).sample(pool, min(count, len(pool)))


def _drawn(pool: Sequence[int], each: int, seed: int, name: str) -> Iterator[list[int]]:
    """Rounds of `each`, pass after pass in another order; what is left of a pass and fills no round is left out."""
    passes = 0
    while True:
        order = list(pool)
        random.Random(seed_of(seed, name, passes)).shuffle(order)
        yield from (order[at : at + each] for at in range(0, len(order) - each + 1, each))
        passes += 1
