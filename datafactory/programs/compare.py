"""Comparison: what a program wrote against what it should have written, the whole of both.

In   two outputs; how: lines, where only the whitespace at the ends of lines and after the last one is free, or tokens,
     where all of it is; the error that a number may have, where the problem allows one
Out  whether they are the same. Nothing more may follow, nothing may be missing, and case counts
"""

from __future__ import annotations

import re
from typing import Literal

How = Literal["lines", "tokens"]
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?")


def same(wanted: bytes, got: bytes, how: How = "lines", tolerance: float | None = None) -> bool:
    if how == "lines":
        ours, theirs = _lines(wanted), _lines(got)
        if ours == theirs:
            return True
        if tolerance is None or len(ours) != len(theirs):
            return False
        return all(_near(one.split(), other.split(), tolerance) for one, other in zip(ours, theirs, strict=True))
    ours, theirs = wanted.split(), got.split()
    return ours == theirs or (tolerance is not None and _near(ours, theirs, tolerance))


def _lines(output: bytes) -> list[bytes]:
    return [line.rstrip() for line in output.rstrip().split(b"\n")]


def _near(wanted: list[bytes], got: list[bytes], tolerance: float) -> bool:
    return len(wanted) == len(got) and all(
        ours == theirs or _near_number(ours, theirs, tolerance) for ours, theirs in zip(wanted, got, strict=True)
    )


def _near_number(wanted: bytes, got: bytes, tolerance: float) -> bool:
    if len(got) > 400 or not _NUMBER.fullmatch(wanted) or not _NUMBER.fullmatch(got):
        return False
    ours, theirs = float(wanted), float(got)
    return abs(ours - theirs) <= tolerance * max(1.0, abs(ours))
