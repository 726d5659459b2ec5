"""Submissions: programs that are known to be right or wrong, by the problem they were written for.

In   datasets of programs, a condition that says which are right and one that says which are wrong
Out  the first so many of each kind for a problem, every program once; one that stands there as both is neither
Use  a condition speaks of columns, or of what `load` left in `meta`: label = 'correct'
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

from datafactory.conditions import columns_in, expression
from datafactory.errors import StageError, did_you_mean


@dataclass(frozen=True)
class Submission:
    """number: its place among all submissions to its problem, from 0, in the order of the datasets."""

    number: int
    right: bool
    response: str


@dataclass(frozen=True)
class Kind:
    """What the right ones, or the wrong ones, meet; how many of a problem are wanted."""

    condition: str
    most: int


class Archive:
    """The submissions by what a problem and they have in common; read once, the first ones kept."""

    def __init__(self, right: Kind, wrong: Kind, by: str):
        self.kinds, self.by = {True: right, False: wrong}, by
        self.seen: Counter[str] = Counter()
        self.kept: Counter[tuple[str, bool]] = Counter()
        self.held: defaultdict[str, dict[str, Submission | None]] = defaultdict(dict)  # None: called both

    def add(self, rows: pl.DataFrame) -> None:
        right, wrong = (_meeting(self.kinds[kind].condition, rows) for kind in (True, False))
        for key, response, *met in zip(keys_of(rows, self.by), rows["response"], right, wrong, strict=True):
            number = self.seen[key]
            self.seen[key] += 1
            if all(met):
                both = " and ".join(f"'{kind.condition}'" for kind in self.kinds.values())
                raise StageError(f"submission {number} to {key[:80]!r} is right and wrong: it meets {both}")
            if key and response and any(met):
                self._keep(key, Submission(number, met[0], response))

    def _keep(self, key: str, found: Submission) -> None:
        held = self.held[key]
        if found.response in held:
            known = held[found.response]
            if known is not None and known.right != found.right:
                held[found.response] = None
                self.kept[key, known.right] -= 1
        elif self.kept[key, found.right] < self.kinds[found.right].most:
            held[found.response] = found
            self.kept[key, found.right] += 1

    def of(self, key: str) -> list[Submission]:
        held = self.held[key].values() if key in self.held else ()
        return sorted((submission for submission in held if submission), key=lambda submission: submission.number)


def both(by: str) -> tuple[str, str]:
    """What the problem and the submission call it: `id = question`, or one name for both."""
    problems, equals, theirs = (part.strip() for part in by.partition("="))
    return problems, theirs if equals else problems


def keys_of(rows: pl.DataFrame, name: str) -> list[str]:
    """The values of a column, or of a key of `meta`, as text."""
    values = rows[name].to_list() if name in rows.columns else _from_meta(rows, [name])[name]
    return ["" if value is None else str(value) for value in values]


def _meeting(condition: str, rows: pl.DataFrame) -> list[bool]:
    missing = [name for name in columns_in(condition) if name not in rows.columns]
    try:
        added = [pl.Series(name, values, strict=False) for name, values in _from_meta(rows, missing).items()]
        met = rows.with_columns(added).select(expression(condition).alias("met"))["met"]
    except pl.exceptions.PolarsError as error:
        raise StageError(f"'{condition}' cannot be asked of the submissions: {str(error).splitlines()[0]}") from error
    if met.dtype != pl.Boolean or met.len() != rows.height:
        raise StageError(f"'{condition}' is not true or false for each submission")
    return met.to_list()


def _from_meta(rows: pl.DataFrame, names: Iterable[str]) -> dict[str, list[Any]]:
    """The values under these keys of `meta`; StageError where no row has one."""
    names = list(names)
    if not names:
        return {}
    parsed = [json.loads(text) if text else {} for text in rows["meta"]] if "meta" in rows.columns else []
    known = {key for row in parsed for key in row}
    for name in names:
        if rows.height and name not in known:
            raise StageError(
                f"no column and no key of meta is named '{name}'.{did_you_mean(name, known | set(rows.columns))}"
            )
    return {name: [row.get(name) for row in parsed] for name in names}
