"""Outcomes: what the reviewers' words about a trace come to. Pure.

An accept and an edit both say that a trace is good; one reject says that it is not. Where reviewers differ, or their
edits do, the recipe says what then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from datafactory.agreement import agreement
from datafactory.review.decisions import KEEPS, Decision, Words

Conflict = Literal["reject", "keep", "majority", "fail"]
Kind = Literal["accepted", "edited", "rejected", "undecided"]
DIFFER = "reviewed: reviewers differ"


@dataclass(frozen=True)
class Outcome:
    """reason and evidence are those of a row that is dropped, `edit` the decision whose text stands in."""

    kind: Kind
    by: tuple[str, ...] = ()
    reason: str | None = None
    evidence: str | None = None
    edit: Decision | None = None


def outcome(words: Sequence[Decision], need: int, conflict: Conflict) -> Outcome:
    """words are the last ones of each reviewer about one text, in the order they were said."""
    good = [said for said in words if said.decision in KEEPS]
    bad = [said for said in words if said.decision == "reject"]
    by = tuple(said.reviewer for said in good)
    if differ(words):
        if conflict == "reject" or (conflict == "majority" and bad and len(good) <= len(bad)):
            return Outcome("rejected", reason=DIFFER, evidence=told(words))
        bad = []
    if bad:
        return Outcome("rejected", reason=f"reviewed: {bad[0].reason or 'rejected'}", evidence=told(bad))
    if len(good) < need:
        return Outcome("undecided", by, evidence=f"{len(good)} of {need} accepts" + (f": {told(good)}" if good else ""))
    edits = [said for said in good if said.decision == "edit"]
    return Outcome("edited", by, edit=edits[-1]) if edits else Outcome("accepted", by)


def differ(words: Sequence[Decision]) -> bool:
    """Whether one keeps what another rejects, or two would have it say different things."""
    edits = {(said.reasoning, said.response) for said in words if said.decision == "edit"}
    return len(edits) > 1 or len({said.decision in KEEPS for said in words}) > 1


def told(words: Iterable[Decision]) -> str:
    """`rejected by anna, 2026-11-21 (wrong): the last step; accepted by ben, 2026-11-22`."""
    lines = []
    for said in words:
        day = f", {said.time[:10]}" if said.time else ""
        reason = f" ({said.reason})" if said.reason else ""
        note = f": {said.note}" if said.note else ""
        lines.append(f"{said.decision}ed by {said.reviewer}{day}{reason}{note}")
    return "; ".join(lines)


def agreements(words: Words) -> dict[str, dict[str, float | int | None]]:
    """How far each two reviewers agree on what both decided, keep or reject; kappa is None where chance says it all."""
    found = {}
    names = sorted({reviewer for by in words.values() for reviewer in by})
    for one, other in combinations(names, 2):
        both = [by for by in words.values() if one in by and other in by]
        if both:
            pairs = agreement((by[one].decision in KEEPS, by[other].decision in KEEPS) for by in both)
            kappa = None if pairs.kappa is None else round(pairs.kappa, 4)
            found[f"{one} and {other}"] = {"rows": pairs.rows, "agreed": pairs.agreed, "kappa": kappa}
    return found
