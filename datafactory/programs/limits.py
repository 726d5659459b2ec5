"""Limits that a problem states: time and memory for one test, in the spellings of the sources.

In   a problem's statement, and the columns of its row
Out  seconds and bytes, None where nothing is stated
Use  time_limit: 2, "2.0 seconds", 2000 (milliseconds), {"seconds": 2, "nanos": 0}; memory_limit: 256 (megabytes),
     "256 megabytes", 256000000 (bytes); "Time Limit: {'seconds': 2, 'nanos': 0}" at the end of a statement
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from datafactory.programs.tests import Stated

TIME = ("time_limit", "time_limit_seconds", "timeLimit", "timeout")
MEMORY = ("memory_limit", "memory_limit_bytes", "memoryLimit")
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)", re.I)
_SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0}
_SECONDS |= dict.fromkeys(("ms", "millisecond", "milliseconds"), 0.001)
_BYTES = {"b": 1, "byte": 1, "bytes": 1, "kb": 1 << 10, "kilobytes": 1 << 10, "kib": 1 << 10, "gb": 1 << 30}
_BYTES |= dict.fromkeys(("mb", "mib", "megabyte", "megabytes", "m"), 1 << 20)
_SAID_TIME = re.compile(r"\btime[ _]limit(?: per test)?\s*+(?:[:：]\s*+)?(\{[^{}]*+\}|\d+(?:\.\d+)?\s*+[a-z]+)", re.I)
_SAID_MEMORY = re.compile(r"\bmemory[ _]limit(?: per test)?\s*+(?:[:：]\s*+)?(\d+(?:\.\d+)?\s*+[a-z]+)", re.I)
_PARTS = re.compile(r"'?\"?(seconds|nanos)'?\"?\s*:\s*(\d+(?:\.\d+)?)")
_TOLERANCE = re.compile(
    r"\b(?:relative|absolute)\b[^.\n]{0,60}\berror\b[^\n]{0,80}?"
    r"(?:10\s*+(?:\^\s*+)?(?:\{\s*+)?[-−–]\s*+(?P<power>\d{1,9})|1e-(?P<exponent>\d{1,9})|(?P<plain>0\.0*1)\b)",
    re.I,
)


def stated(statement: str, row: Mapping[str, Any]) -> Stated:
    """The limits in the columns of the row, else those in the statement's text."""
    seconds = next((found for name in TIME if (found := _seconds(row.get(name)))), None)
    memory = next((found for name in MEMORY if (found := _bytes(row.get(name)))), None)
    if seconds is None and (said := _SAID_TIME.search(statement)):
        seconds = _seconds(said[1])
    if memory is None and (said := _SAID_MEMORY.search(statement)):
        memory = _bytes(said[1])
    return Stated(seconds, memory)


def tolerance(statement: str) -> float | None:
    """The error that a statement allows: "the absolute or relative error does not exceed 10^{-6}"."""
    said = _TOLERANCE.search(statement)
    if said is None:
        return None
    digits = said["power"] or said["exponent"]
    found = 10.0 ** -min(int(digits), 18) if digits else float(said["plain"])
    return found if found < 0.1 else None


def _seconds(value: Any) -> float | None:
    if isinstance(value, str) and (parts := dict(_PARTS.findall(value))):
        value = {name: float(number) for name, number in parts.items()}
    if isinstance(value, Mapping):
        whole, nanos = value.get("seconds") or 0, value.get("nanos") or 0
        if not (isinstance(whole, int | float) and isinstance(nanos, int | float)):
            return None
        if not (0 <= whole < 1e7 and 0 <= nanos < 1e16):
            return None
        return (whole + nanos / 1e9) or None
    if isinstance(value, str):
        match = _QUANTITY.fullmatch(value.strip())
        if match is None or match[2].lower() not in _SECONDS:
            return None
        value = float(match[1]) * _SECONDS[match[2].lower()]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e7:
        return None
    return value / 1000 if value >= 100 else float(value)  # no judge waits 100 s: it is in milliseconds


def _bytes(value: Any) -> int | None:
    if isinstance(value, str):
        match = _QUANTITY.fullmatch(value.strip())
        if match is None or (match[2] and match[2].lower() not in _BYTES):
            return None
        if match[2]:
            value = float(match[1]) * _BYTES[match[2].lower()]
            return int(value) or None if value < 1e15 else None
        value = float(match[1])
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e15:
        return None
    if value >= 1e6:
        return int(value)
    return int(value * (1 << 10)) if value >= 16384 else int(value * (1 << 20))  # 262144 is in kilobytes, 256 in mega
