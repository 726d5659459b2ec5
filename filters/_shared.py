"""What several filters need of the same rows, made once and kept while their frame lives."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import polars as pl

Made = TypeVar("Made")

_kept: dict[int, tuple[weakref.ref[pl.DataFrame], dict[Any, Any]]] = {}


def shared(rows: pl.DataFrame, name: Any, make: Callable[[], Made]) -> Made:
    """make(), or what it gave when this very frame was last asked for that name."""
    kept = _kept.get(id(rows))
    if kept is None or kept[0]() is not rows:
        at = id(rows)
        kept = _kept[at] = (weakref.ref(rows, lambda _: _kept.pop(at, None)), {})
    if name not in kept[1]:
        kept[1][name] = make()
    found: Made = kept[1][name]
    return found
