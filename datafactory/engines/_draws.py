"""Draws: numbers in [0, 1) that depend on a rollout's seed and on what they are drawn for, and on nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any


def drawn(seed: int, what: str) -> float:
    content = hashlib.blake2b(f"{seed} {what}".encode(), digest_size=8).digest()
    return (int.from_bytes(content, "big") >> 11) / 2**53


def place_in(draw: float, shares: Mapping[Any, float]) -> Any:
    """The name whose share the draw falls into, in the order of the names; None beyond all of them."""
    end = 0.0
    for name in sorted(shares):
        end += shares[name]
        if draw < end:
            return name
    return None
