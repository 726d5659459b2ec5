"""Syntax: what a text is as Python, looked at in a process that it may kill.

In   a text
Out  whether it compiles, what is wrong where it does not, and whether it does more than name or quote something;
     Broken where that process was ended from outside or never came to an answer, which says nothing of the text
Use  CPython's own parser can be crashed by what is nested deeply enough, hence the boundary
"""

from __future__ import annotations

import ast
import signal
import warnings
from dataclasses import dataclass
from hashlib import sha256

from datafactory import boundary
from datafactory.sandbox import Broken
from datafactory.sandbox.box import FROM_OUTSIDE

LONGEST = 400_000  # characters of a program
CPU = 20.0  # seconds of CPU time; the longest program takes less than one
TIMEOUT = 180.0  # seconds, for a machine that is busy: CPU time decides
KEPT = 4096  # texts whose syntax is remembered, by their hash: a text may have a megabyte


@dataclass(frozen=True)
class Syntax:
    """compiles: it is Python. acts: a statement of it does something, as a word alone does not."""

    compiles: bool
    acts: bool = False
    error: str = ""


_seen: dict[bytes, Syntax] = {}


def of(text: str) -> Syntax:
    if len(text) > LONGEST:
        return Syntax(False, error=f"{len(text)} characters are no program")
    key = sha256(text.encode("utf-8", "surrogatepass")).digest()
    seen = _seen.get(key)
    if seen is None:
        try:
            seen = Syntax(**boundary.call("datafactory.programs.syntax:look", text, timeout=TIMEOUT))
        except (boundary.Failed, boundary.TimedOut) as error:
            return _crashed(error)  # not remembered: the next who asks may fare better
        if len(_seen) >= KEPT:
            _seen.clear()
        _seen[key] = seen
    return seen


def _crashed(error: boundary.Failed | boundary.TimedOut) -> Syntax:
    """A parser that a text crashes has read no program; one that somebody ended has read nothing."""
    status = error.exit_status if isinstance(error, boundary.Failed) else None
    if status is None or status >= 0 or -status in FROM_OUTSIDE:
        raise Broken(f"a program's syntax could not be looked at: {error}") from None
    return Syntax(False, error=f"the parser ended with signal {-status}")


def look(text: str) -> dict[str, bool | str]:
    """Runs in the boundary's process."""
    signal.setitimer(signal.ITIMER_PROF, CPU)  # ends the process, whatever C code runs in it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            compile(tree, "program.py", "exec", dont_inherit=True)
    except Exception as error:  # SyntaxError, ValueError, RecursionError, MemoryError, and who knows what of a parser's
        return {"compiles": False, "error": f"{type(error).__name__}: {error}"[:200]}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    acts = any(not isinstance(node, ast.Expr) or isinstance(node.value, ast.Call) for node in tree.body)
    return {"compiles": True, "acts": acts}
