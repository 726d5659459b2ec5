"""Settled: a mixture applied to what there is: the rows that each part gives, and the parts that cannot be met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from datafactory.merging.parts import Part, Quota
from datafactory.merging.quotas import Supply, asked, missing, scaled

Shortfall = Literal["fail", "scale", "report"]
REST = ""  # the rows of a divided part whose value `within` does not name
Place = tuple[str, str]  # a part, and the value that `within` names, or REST


@dataclass(frozen=True)
class Settled:
    """want: the rows asked of each part. given: those of each place. short: (there is, wanted) where that is less, and
    scarce the same where the whole was made smaller for it."""

    want: dict[str, int]
    given: dict[Place, int]
    short: dict[str, tuple[int, int]]
    scarce: dict[str, tuple[int, int]]


def settled(parts: Mapping[str, Part], total: int | None, shortfall: Shortfall, have: Mapping[Place, int]) -> Settled:
    """The mixture of the rows that there are of each place."""
    inner = {name: _inner(part, name, have) for name, part in parts.items()}
    supply = {name: _supply(part, inner[name], have.get((name, REST), 0)) for name, part in parts.items()}
    want = asked(parts, supply, total)
    short, scarce = missing(want, supply), dict[str, tuple[int, int]]()
    if shortfall == "scale":
        floors = {name: part.floor for name, part in parts.items()}
        given = scaled(want, supply, floors)
        scarce, short = (
            short,
            {name: (supply[name].most, floor) for name, floor in floors.items() if supply[name].most < floor},
        )
    else:
        given = {name: min(count, supply[name].most) for name, count in want.items()}
    places: dict[Place, int] = {}
    for name, part in parts.items():
        if not part.by:
            places[name, REST] = given[name]
            continue
        quotas = {**part.within, REST: Quota()}
        lacking = missing(asked(quotas, inner[name], given[name]), inner[name])
        short |= {f"{name}.{value}": pair for value, pair in lacking.items()}
        able = {value: _able(quota, inner[name][value].most) for value, quota in quotas.items()}
        deep = asked(able, inner[name], given[name])
        places |= {(name, value): min(count, inner[name][value].most) for value, count in deep.items()}
    return Settled(want, places, short, scarce)


def _able(quota: Quota, most: int) -> Quota:
    """What a value can be asked for at least."""
    rows = None if quota.rows is None else min(quota.rows, most)
    return quota.model_copy(update={"rows": rows, "floor": min(quota.floor, most)})


def _inner(part: Part, name: str, have: Mapping[Place, int]) -> dict[str, Supply]:
    """What there is of each value that a divided part names, and of the rest together."""
    if not part.by:
        return {}
    return {
        value: _supply(quota, {}, have.get((name, value), 0)) for value, quota in {**part.within, REST: Quota()}.items()
    }


def _supply(part: Quota, inner: Mapping[str, Supply], have: int) -> Supply:
    if isinstance(part, Part) and inner:
        caps = {value: quota.cap for value, quota in part.within.items() if quota.cap is not None}
        caps |= {value: quota.rows for value, quota in part.within.items() if quota.rows is not None}
        most = sum(min(each.most, caps.get(value, each.most)) for value, each in inner.items())
        return Supply(sum(each.have for each in inner.values()), most)
    return Supply(have, have * part.upsample)
