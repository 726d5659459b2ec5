"""Errors a person reads: one line that says where, what, and what would be right.

UserError is the user's mistake (exit 2), found before anything runs. StageError is a stage that could not go on
(exit 1); what was finished before it is kept. Everything else is a bug of ours and raises as it is.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DatafactoryError(Exception):
    """Base of the errors that are shown as one line, without a traceback."""


class UserError(DatafactoryError, ValueError):
    """The user's mistake, or several: `problems` holds one line each, in page order."""

    def __init__(self, *problems: str):
        self.problems = list(problems)
        super().__init__("\n".join(problems))


class StageError(DatafactoryError):
    """A stage stopped; the shards it had finished stay and count at the next build."""


class NothingLeft(StageError):
    """A stage was left without a row; what was dropped on the way, and why, is what helps."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the nearest of `known`, else the whole list when it is short, else nothing."""
    options = sorted({str(option) for option in known})
    near = difflib.get_close_matches(str(word), options, n=1, cutoff=0.6)
    if near:
        return f" Did you mean '{near[0]}'?"
    if 0 < len(options) <= 24:
        return f" There is: {', '.join(options)}."
    return ""
