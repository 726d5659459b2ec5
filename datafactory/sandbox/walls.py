"""Walls: the first way to a sandbox that works on this machine.

In   a mode
Out  bubblewrap, or user namespaces made by ourselves; Unavailable where neither works, with what to do about it
Use  demand(mode) where a recipe is read
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from functools import cache

from datafactory.sandbox.outcome import Limits, Mode, Unavailable
from datafactory.sandbox.start import Gone, Wall, start

SMALLEST = 1 << 20

WAYS = (
    "install bubblewrap (0.8 or newer; apt install bubblewrap), or allow user namespaces "
    "(sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0), "
    "or write `sandbox: none` to run untrusted programs with no sandbox at all"
)


def demand(mode: Mode) -> None:
    """Raises Unavailable where programs could not be run as the recipe says."""
    if mode != "none":
        wall(mode)


def wall(mode: Mode) -> Wall:
    """The way to start a sandbox on this machine."""
    tried = {}
    for candidate in ("bubblewrap", "namespaces") if mode == "auto" else (mode,):
        trouble = _trouble(candidate)
        if trouble is None:
            return candidate
        tried[candidate] = trouble
    reasons = "; ".join(f"{name}: {why}" for name, why in tried.items())
    raise Unavailable(f"sandbox: {mode}: no sandbox on this machine ({reasons}). {WAYS}")


@cache
def _trouble(way: Wall) -> str | None:
    """Why sandboxes cannot be started this way; found by starting one."""
    if not sys.platform.startswith("linux"):
        return "needs Linux"
    if way == "bubblewrap" and not shutil.which("bwrap"):
        return "bwrap is not installed"
    sandbox = start(way, {}, SMALLEST)
    limits = Limits()
    try:
        sandbox.ask({"argv": ["true"], "stdin": b"", "keep": False, "limits": asdict(limits)})
        outcome = sandbox.answer(limits).outcome
    except Gone as error:
        return str(error)
    sandbox.end()
    return (
        None
        if outcome.succeeded
        else f"`true` failed in it: {outcome.status} {outcome.stderr.decode(errors='replace')}"
    )
