"""Pairing: which two rollouts of a problem are compared, what the judgements come to, and pairs of balanced lengths.

All of it is pure, and depends on what the rows hold, never on where they stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from datafactory.asking import seed_of
from datafactory.judges._answer import Unread
from datafactory.types import Verdict

TOLERANCE = 0.02  # of the mean length: as near as the two means are brought; a choice, the paper names none


@dataclass(frozen=True)
class Weighed:
    """What the judgements of a pair come to.

    forward    what was said where the first rollout was shown as A: above 0 is for A
    backward   what was said where it was shown as B: above 0 is for A, the other one
    mean       above 0 is for the first rollout; None where too few judgements could be read; `why` says what was wrong
    """

    forward: tuple[float, ...]
    backward: tuple[float, ...]
    mean: float | None
    why: str = ""

    @property
    def judgements(self) -> list[float]:
        """Each of them, turned so that above 0 is for the first rollout."""
        return [*self.forward, *(-number for number in self.backward)]


def candidates(rows: Sequence[Mapping[str, Any]], most: int | None, seed: int) -> list[tuple[int, int]]:
    """The pairs of rows of one table to compare: two different responses to one problem, at most so many of each.

    Which come first, and which of the two rollouts does, is drawn by the seed: to raise `most` adds pairs.
    """
    groups: dict[str, list[int]] = {}
    for at, row in enumerate(rows):
        if (row.get("response") or "").strip() and row.get("finish_reason") != "error":
            groups.setdefault(row["problem_id"], []).append(at)
    found = []
    for problem, group in groups.items():
        pairs = [(a, b) for a, b in combinations(group, 2) if rows[a]["response"] != rows[b]["response"]]
        drawn = {pair: seed_of(seed, problem, subject(rows, *pair)) for pair in pairs}
        chosen = sorted(pairs, key=lambda pair: (drawn[pair], pair))[:most]
        found += [(b, a) if drawn[(a, b)] % 2 else (a, b) for a, b in chosen]
    return found


def subject(rows: Sequence[Mapping[str, Any]], a: int, b: int) -> str:
    """`3-0`: which two rollouts of a problem, in the order they are shown."""
    return f"{rows[a].get('rollout') or 0}-{rows[b].get('rollout') or 0}"


def weighed(forward: Sequence[Verdict | Unread], backward: Sequence[Verdict | Unread]) -> Weighed:
    """The mean over both orders, each with the same weight, so that a liking for what stands first cancels out.

    More than half of all judgements must have been read, and so at least one of each order.
    """
    said = [tuple(_number(vote) for vote in votes if isinstance(vote, Verdict)) for votes in (forward, backward)]
    asked, read = len(forward) + len(backward), len(said[0]) + len(said[1])
    if read <= asked // 2 or not all(said):
        why = next(str(vote) for vote in (*forward, *backward) if isinstance(vote, Unread))
        return Weighed(said[0], said[1], None, f"{read} of {asked} judgements could be read: {why}")
    mean = (sum(said[0]) / len(said[0]) - sum(said[1]) / len(said[1])) / 2
    return Weighed(said[0], said[1], mean)


def _number(vote: Verdict) -> float:
    return float(vote.reward or 0)  # an opinion of the user's own that decides nothing favours neither


def unbalanced(lengths: Sequence[tuple[int, int]], ties: Sequence[int]) -> set[int]:
    """The places of the pairs to leave out so that chosen and rejected are equally long on the mean.

    lengths are (chosen, rejected). While one side is longer by more than TOLERANCE, the pair that adds most to it is
    left out, unless the other side would then be longer by more: as few pairs as it takes. `ties` orders equals.
    """
    gap = sum(chosen - rejected for chosen, rejected in lengths)
    whole = sum(chosen + rejected for chosen, rejected in lengths) / 2
    side = 1 if gap > 0 else -1
    order = sorted(range(len(lengths)), key=lambda at: (side * (lengths[at][1] - lengths[at][0]), ties[at]))
    out: set[int] = set()
    for at in order:
        if abs(gap) <= TOLERANCE * whole:
            break
        chosen, rejected = lengths[at]
        if abs(gap - (chosen - rejected)) < abs(gap):
            out.add(at)
            gap -= chosen - rejected
            whole -= (chosen + rejected) / 2
    return out
