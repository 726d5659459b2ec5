"""Quotas: how many rows each part of a mixture gives, from what is asked and what there is. Numbers alone.

A whole is divided in proportion to weights, within each part's bounds, and rounded by largest remainders: the parts
sum to the whole wherever the bounds allow it. A part that is held by a bound leaves or takes what the others share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from datafactory.merging.parts import Part, Quota

MANY = 1 << 62


@dataclass(frozen=True)
class Supply:
    """What there is of a part: rows, and how many it can give where rows may stand more than once."""

    have: int
    most: int


def asked(parts: Mapping[str, Part | Quota], supply: Mapping[str, Supply], total: int | None) -> dict[str, int]:
    """How much is wanted of each part.

    With a total, shares are of it. Without one but with counts, the counts are what the shares leave. Where there are
    shares alone, the whole is as large as the scarcest part allows.
    """
    want = {name: _alone(part, supply[name]) for name, part in parts.items() if part.share is None}
    shared = {name: part.share for name, part in parts.items() if part.share is not None}
    bounds = {name: (part.floor, MANY if part.cap is None else part.cap) for name, part in parts.items()}
    for name, (floor, cap) in bounds.items():
        if name in want or (total is None and len(shared) == len(parts)):  # as much as there is, and no more
            bounds[name] = floor, max(floor, min(cap, supply[name].most))
    if total is not None:
        free = {name: float(max(1, supply[name].have)) for name in want if parts[name].rows is None}
        fixed = sum(count for name, count in want.items() if name not in free)
        first = divided(total - fixed - round(total * sum(shared.values())) if free else 0, free, bounds)
        rest = total - fixed - sum(first.values())
        want |= first | divided(rest, shared, bounds)
    elif shared:
        whole = _whole(want, shared, supply, bounds)
        held = {name: min(max(whole * share, bounds[name][0]), bounds[name][1]) for name, share in shared.items()}
        want |= divided(math.floor(sum(held.values()) + 1e-6), shared, bounds)
    return want


def _alone(part: Quota, supply: Supply) -> int:
    if part.rows is not None:
        return part.rows
    return max(part.floor, min(supply.have, MANY if part.cap is None else part.cap))


def _whole(
    counted: Mapping[str, int],
    shares: Mapping[str, float],
    supply: Mapping[str, Supply],
    bounds: Mapping[str, tuple[int, int]],
) -> float:
    """What the whole comes to where no total is given."""
    if not counted:
        limits = [supply[name].most / share for name, share in shares.items() if supply[name].most <= bounds[name][1]]
        return min(limits) if limits else max(bounds[name][1] / share for name, share in shares.items())
    fixed, left = float(sum(counted.values())), dict(shares)
    while left:  # a part that a bound holds is a count to the others
        whole = fixed / max(1e-9, 1 - sum(left.values()))
        over = {name: min(max(whole * share, bounds[name][0]), bounds[name][1]) for name, share in left.items()}
        held = [name for name, share in left.items() if not math.isclose(over[name], whole * share)]
        if not held:
            return whole
        for name in held:
            fixed += over[name]
            del left[name]
    return fixed


def divided(total: int, weights: Mapping[str, float], bounds: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """The total in proportion to the weights, each within its bounds; less or more where the bounds leave no choice."""
    names = sorted(weights)  # so that ties are settled whatever the order on the page
    low, high = 0.0, 1.0
    kept = {name: (min(bounds[name]), bounds[name][1]) for name in names}

    def filled(level: float) -> dict[str, float]:
        return {name: min(max(weights[name] * level, kept[name][0]), kept[name][1]) for name in names}

    if not names or sum(kept[name][0] for name in names) >= total:
        return {name: kept[name][0] for name in names}
    if sum(kept[name][1] for name in names) <= total:
        return {name: kept[name][1] for name in names}
    while sum(filled(high).values()) < total:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(filled(middle).values()) < total else (low, middle)
    exact = filled(high)
    found = {name: math.floor(exact[name] + 1e-6) for name in names}
    left = total - sum(found.values())
    room = [name for name in names if found[name] < kept[name][1]]
    for name in sorted(room, key=lambda name: found[name] - exact[name])[: max(0, left)]:
        found[name] += 1
    return found


def missing(want: Mapping[str, int], supply: Mapping[str, Supply]) -> dict[str, tuple[int, int]]:
    """The parts that cannot be met: (what there is, what is wanted)."""
    return {name: (supply[name].most, count) for name, count in want.items() if supply[name].most < count}


def scaled(want: Mapping[str, int], supply: Mapping[str, Supply], floors: Mapping[str, int]) -> dict[str, int]:
    """Every part made smaller by the same factor, as much as the scarcest needs; no part below its floor."""
    factor = min([1.0, *(supply[name].most / count for name, count in want.items() if count)])
    free = {name: float(count) for name, count in want.items() if count}
    bounds = {name: (min(floors[name], supply[name].most), supply[name].most) for name in free}
    total = math.floor(factor * sum(free.values()) + 1e-6)
    return dict.fromkeys(want, 0) | divided(total, free, bounds)
