"""Voting: which rollouts of a group give the same final answer, as mathematics or as the letter of an option.

In   the rollouts of one problem, as rows; how long a comparison may take
Out  for each a label that it shares with those of the same answer, None where it gives none
Use  majority voting (self-consistency, arXiv:2203.11171), for cons@k and for the majority answer of a group

An answer is what is marked as it, a box or an <answer> block, or else stated; of a truncated response only what is
marked. Each distinct spelling is compared once with one answer of each class so far. One that runs out of time is a
class of its own, and said to be undecided.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datafactory import answers
from datafactory.verifiers import choice, math

# of the stages that vote: another policy of these verifiers makes other classes
VERSION = f"math {math.VERSION}, choice {choice.VERSION}"
MOST_CLASSES = 32  # that an answer is compared with; a group with more has no majority to find


@dataclass(frozen=True)
class Ballot:
    """answers and labels stand in the order of the rows; undecided are the rows whose answer could not be compared."""

    answers: tuple[str | None, ...]
    labels: tuple[int | None, ...]
    undecided: frozenset[int]


def ballot(rows: Sequence[Mapping[str, Any]], timeout: float) -> Ballot:
    given = tuple(answer_of(row) for row in rows)
    spellings = [None if answer is None else answers.plain(answer) for answer in given]
    counts = Counter(spelling for spelling in spellings if spelling is not None)
    label_of: dict[str, int] = {}
    classes: dict[int, str] = {}  # of each label, the answer that stands for it
    hung: set[str] = set()
    # the most common and shortest first: where a comparison hangs it is most likely the later one's fault
    for spelling in sorted(counts, key=lambda each: (-counts[each], len(each), each)):
        place = spellings.index(spelling)
        answer = given[place] or ""
        label, decided = _label(answer, classes, timeout)
        label_of[spelling] = place if label is None else label
        if not decided:
            hung.add(spelling)
        elif label is None:
            classes[place] = answer
    labels = tuple(None if spelling is None else label_of[spelling] for spelling in spellings)
    return Ballot(given, labels, frozenset(at for at, spelling in enumerate(spellings) if spelling in hung))


def answer_of(row: Mapping[str, Any]) -> str | None:
    """The final answer of a rollout; None where it gives none."""
    response, cut = row.get("response") or "", row.get("finish_reason") == "length"
    if row.get("finish_reason") == "error":
        return None
    if row.get("choices"):
        return choice.settled_on(response, json.loads(row["choices"]), cut)
    found = answers.final(response)
    if found is None and not cut and (said := answers.stated(response)):
        found = next((part for part in (said, answers.claim(said)) if answers.is_formula(part)), None)
    return found if found and len(found) <= math.LONGEST else None


def _label(answer: str, classes: Mapping[int, str], timeout: float) -> tuple[int | None, bool]:
    """The class whose answer this is, and whether that was decided; the first comparison that hangs is the last."""
    for label, other in list(classes.items())[:MOST_CLASSES]:
        verdict = math.compare(other, answer, timeout)
        if verdict.status == "correct":
            return label, True
        if verdict.status in ("timeout", "error"):
            return None, False
    return None, True
