"""Votes: what the right submissions say of an input. Their common output is the expected one; else it is no test.

In   what each right submission printed for each input, None where it failed
Out  per input the output that most stand by; whether enough agree; who is against nearly all the others. Pure
Source  correct submissions remove bad tests (DeepSeek-R1, arXiv:2501.12948v2, B.3.2); how many must agree is a choice
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence


def commonest(outputs: Sequence[str | None]) -> str | None:
    """The output that most submissions print, spelled as the first of them does; None where all failed.

    Spaces at the ends of lines are nothing. Where outputs differ otherwise and are right all the same (a special judge,
    a tolerance), it is that of the first, and whether the others agree is the judge's to say.
    """
    spelled: dict[str, str] = {}
    for output in outputs:
        if output is not None:
            spelled.setdefault(_plain(output), output)
    counted = Counter(_plain(output) for output in outputs if output is not None)
    return spelled[max(counted, key=lambda plain: counted[plain])] if counted else None


def _plain(output: str) -> str:
    return "\n".join(line.rstrip() for line in output.rstrip().split("\n"))


def suspects(agreeing: Sequence[Collection[int]], voters: Collection[int]) -> frozenset[int]:
    """Submissions that are called right and are against more than half of what most of them agree on."""
    settled = [agree for agree in agreeing if 2 * len(agree) > len(voters)]
    return frozenset(voter for voter in voters if 2 * sum(voter not in agree for agree in settled) > len(settled))


def enough(agree: int, voters: int, share: float, least: int) -> bool:
    """Whether so many of the voters are enough for the input to be a test."""
    return agree >= max(least, 1) and agree >= share * voters
