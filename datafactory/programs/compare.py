"""Comparison: what a program wrote against what it should have written, the whole of both.

In   two outputs; how: lines, where only the whitespace at the ends of lines and after the last one is free, or tokens,
     where all of it is; the error that a number may have, where the problem allows one
Out  whether they are the same. Nothing more may follow, nothing may be missing, and case counts
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from itertools import zip_longest
from math import isfinite
from typing import Literal

How = Literal["lines", "tokens"]
_NUMBER = re.compile(rb"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d{1,4})?")
_TOKEN = re.compile(rb"\S++")


def same(wanted: bytes, got: bytes, how: How = "lines", tolerance: float | None = None) -> bool:
    if wanted == got:
        return True
    if how == "tokens":
        return all(_alike(ours, theirs, tolerance) for ours, theirs in zip_longest(_tokens(wanted), _tokens(got)))
    wanted, got = wanted.rstrip(), got.rstrip()
    if wanted.count(b"\n") != got.count(b"\n"):
        return False
    # a line at a time: an output of a megabyte can be a million of them
    for ours, theirs in zip_longest(BytesIO(wanted), BytesIO(got), fillvalue=b""):
        ours, theirs = ours.rstrip(), theirs.rstrip()
        if ours != theirs and (tolerance is None or not same(ours, theirs, "tokens", tolerance)):
            return False
    return True


def _tokens(output: bytes) -> Iterator[bytes]:
    return (token[0] for token in _TOKEN.finditer(output))


def _alike(wanted: bytes | None, got: bytes | None, tolerance: float | None) -> bool:
    """None stands for a token that is not there."""
    if wanted == got:
        return True
    return tolerance is not None and wanted is not None and got is not None and _near(wanted, got, tolerance)


def _near(wanted: bytes, got: bytes, tolerance: float) -> bool:
    if len(got) > 400 or not _NUMBER.fullmatch(wanted) or not _NUMBER.fullmatch(got):
        return False
    ours, theirs = float(wanted), float(got)
    # of a number beyond 1e308, which is infinite here, every other would be no further off than allowed
    return isfinite(ours) and isfinite(theirs) and abs(ours - theirs) <= tolerance * max(1.0, abs(ours))
