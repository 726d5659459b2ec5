"""Syntax: what a text is as Python, looked at in a process that it may kill.

In   a text
Out  whether it compiles, what is wrong where it does not, and whether it does more than name or quote something
Use  CPython's own parser can be crashed by what is nested deeply enough, hence the boundary
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from functools import lru_cache

from datafactory import boundary

LONGEST = 400_000  # characters of a program
TIMEOUT = 60.0  # seconds; the longest program takes less than one


@dataclass(frozen=True)
class Syntax:
    """compiles: it is Python. acts: a statement of it does something, as a word alone does not."""

    compiles: bool
    acts: bool = False
    error: str = ""


@lru_cache(maxsize=1024)
def of(text: str) -> Syntax:
    if len(text) > LONGEST:
        return Syntax(False, error=f"{len(text)} characters are no program")
    try:
        return Syntax(**boundary.call("datafactory.programs.syntax:look", text, timeout=TIMEOUT))
    except (boundary.Failed, boundary.TimedOut) as error:
        return Syntax(False, error=str(error)[:200])


def look(text: str) -> dict[str, bool | str]:
    """Runs in the boundary's process."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            compile(tree, "program.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return {"compiles": False, "error": f"{type(error).__name__}: {error}"[:200]}
    acts = any(not isinstance(node, ast.Expr) or isinstance(node.value, ast.Call) for node in tree.body)
    return {"compiles": True, "acts": acts}
