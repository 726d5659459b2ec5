"""Agreement: a judge's verdicts against a rule's, on the rows that both decided. Pure.

Right and wrong are the rule's words: a false accept is a row that the rule found wrong and the judge right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

NORMAL = 1.959964  # half the width of a 95 % interval, in standard deviations


@dataclass(frozen=True)
class Agreement:
    """How many rows of each kind; the four first were decided by both."""

    right: int = 0
    wrong: int = 0
    false_accepts: int = 0
    false_rejects: int = 0
    undecided: int = 0  # by the judge alone

    @property
    def rows(self) -> int:
        return self.right + self.wrong + self.false_accepts + self.false_rejects

    @property
    def agreed(self) -> int:
        return self.right + self.wrong

    @property
    def wrong_rows(self) -> int:
        """What the rule found wrong: what can be accepted falsely."""
        return self.wrong + self.false_accepts

    @property
    def right_rows(self) -> int:
        return self.right + self.false_rejects

    @property
    def kappa(self) -> float | None:
        """Agreement beyond chance (Cohen 1960): 1 is all of it, 0 what two who guess would have; None for one word."""
        if not self.rows:
            return None
        accepted = self.right + self.false_accepts
        chance = self.right_rows * accepted + self.wrong_rows * (self.rows - accepted)
        whole = self.rows**2
        return None if chance == whole else (self.agreed * self.rows - chance) / (whole - chance)


def agreement(pairs: Iterable[tuple[bool | None, bool | None]]) -> Agreement:
    """Counted from (judge says right, rule says right); a row that the rule did not decide is left out."""
    kinds = {(True, True): 0, (False, False): 0, (True, False): 0, (False, True): 0}
    undecided = 0
    for judge, rule in pairs:
        if rule is None:
            continue
        if judge is None:
            undecided += 1
        else:
            kinds[(judge, rule)] += 1
    right, wrong, false_accepts, false_rejects = kinds.values()
    return Agreement(right, wrong, false_accepts, false_rejects, undecided)


def share(count: int, total: int) -> float | None:
    return count / total if total else None


def wilson(count: int, total: int) -> tuple[float, float] | None:
    """The 95 % interval of a share (Wilson 1927): it stays within 0 and 1 and holds for few rows and rare cases."""
    if not total:
        return None
    p, z = count / total, NORMAL
    middle = p + z * z / (2 * total)
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    whole = 1 + z * z / total
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)
