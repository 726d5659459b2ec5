"""Votes: several opinions of one thing made into one verdict.

In   what each vote said, or why it could not be read
Out  what more than half of all votes say; the mean where they are grades. No verdict where no side has that many, an
     error where not even half of the votes could be read
"""

from __future__ import annotations

from collections.abc import Sequence

from datafactory.judges._answer import Unread
from datafactory.types import Fact, Verdict


def settled(votes: Sequence[Verdict | Unread]) -> Verdict:
    """The verdict, with `votes` (how many could be read) and `agreement` (the share of them on its side) as facts."""
    quorum = len(votes) // 2 + 1
    read = [vote for vote in votes if isinstance(vote, Verdict)]
    if len(read) < quorum:
        why = next(str(vote) for vote in votes if isinstance(vote, Unread))
        return Verdict(None, "error", f"{len(read)} of {len(votes)} votes could be read: {why}", {"votes": len(read)})
    sides: dict[str, list[Verdict]] = {}
    for vote in read:
        sides.setdefault(vote.status, []).append(vote)
    side = max(sides.values(), key=len)
    facts: dict[str, Fact] = {"votes": len(read), "agreement": _agreement(side) / len(read)}
    if len(side) < quorum:
        told = ", ".join(f"{len(said)} {status}" for status, said in sorted(sides.items()))
        return Verdict(None, "no_verdict", f"{told} of {len(votes)} votes", facts)
    rewards = [vote.reward for vote in side if vote.reward is not None]
    reward = sum(rewards) / len(side) if rewards else None
    middle = min(side, key=lambda vote: abs((vote.reward or 0) - (reward or 0)))  # the vote that speaks for its side
    for name in middle.facts:
        facts[name] = _mean([vote.facts.get(name) for vote in side])
    return Verdict(reward, middle.status, middle.detail, facts)


def _agreement(side: Sequence[Verdict]) -> int:
    """How many of a side say the very same: all of those who say `correct`, of grades those who give the same one."""
    rewards = [vote.reward for vote in side]
    return max(map(rewards.count, rewards))


def _mean(values: Sequence[Fact]) -> Fact:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return sum(numbers) / len(numbers) if numbers else values[0]
