"""What a merge takes of each part of its mixture, and the bytes that it writes, publishes and needs meanwhile."""

from __future__ import annotations

from datafactory.merging.parts import DATASET
from datafactory.merging.settled import REST, settled
from datafactory.outlook.at import At
from datafactory.outlook.figure import NONE, Figure, known, total
from datafactory.outlook.rows import PACKED, SPILLED, Parts, Rows, Seen, bytes_of, count_of, together

TWICE = 2  # a published row holds its text in `messages` and in columns of their own


def merged(at: At) -> Seen:
    rows = _stated(at, _mixed(at))
    own = at.sum("bytes") if at.measured.bytes is not None else known(TWICE) * bytes_of(rows)
    whole = total(bytes_of(each.rows) for each in at.above)
    beyond = (at.given - count_of(rows)).most(NONE)
    rejected = NONE if at.measured.bytes is not None else whole * (beyond / at.given)
    return Seen(
        at.name,
        at.kind,
        total(each.problems for each in at.above),
        rows,
        store=own + rejected,
        rejected=rejected,
        published=own + rejected + _dropped_above(at),
        spill=whole * known(SPILLED / PACKED),
        notes=tuple(at.notes),
    )


def _mixed(at: At) -> Parts:
    """The rows that the mixture takes."""
    config = at.config
    apart = config.mixture and config.by == DATASET
    have = together(_as_one(each) if apart else each.rows for each in at.above)
    count = count_of(have)
    if at.measured.rows is not None:
        share = at.sum("rows") / count
        return {key: part.of(part.count * share) for key, part in have.items()}
    if config.mixture is None or count.value is None:
        return have
    if config.by not in (DATASET, "domain"):
        at.notes.append(f"is taken to have enough of each {config.by}: what rows there are of each is not known")
        return have
    there = {(str(key), REST): round(part.count.value or 0) for key, part in have.items() if key in config.mixture}
    made = settled(config.mixture, config.rows, config.shortfall, there)
    at.notes.extend(f"comes short of {part}: {there:,} of {wanted:,}" for part, (there, wanted) in made.short.items())
    found: dict[str | None, Rows] = {}
    for key, part in have.items():
        if key in config.mixture:
            found[key] = part.of(known(made.given.get((str(key), REST), 0)).like(part.count))
        elif config.other == "take":
            found[key] = part
    return found


def _as_one(seen: Seen) -> dict[str | None, Rows]:
    """The rows of a dataset, of whatever domains, as one part."""
    found: dict[str | None, Rows] = {}
    for part in seen.rows.values():
        found = together([found, {seen.name: part}])
    return found


def _stated(at: At, rows: Parts) -> Parts:
    """The rows that the recipe says come out, where it does."""
    wanted = at.step.stage.expect.rows
    if wanted is None or at.measured.rows is not None:
        return rows
    copies = max((part.upsample for part in (at.config.mixture or {}).values()), default=1)
    if at.given.value is not None and wanted > at.given.value * copies:
        if at.limited:
            return rows
        at.wrong("rows", f"{wanted:,} are more than go in: {at.given.value:,.0f}")
    share = known(wanted, stated=True) / count_of(rows)
    return {domain: part.of(part.count * share) for domain, part in rows.items()}


def _dropped_above(at: At) -> Figure:
    """What the stages of the lineage dropped stands once more in the published folder."""
    lineage: set[str] = set()
    left = list(at.step.stage.datasets)
    while left:
        name = left.pop()
        if name not in lineage:
            lineage.add(name)
            left += at.plan.steps[name].stage.datasets
    return total(each.rejected for name, each in at.all.items() if name in lineage)
