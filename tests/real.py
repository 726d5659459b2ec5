"""Real data: the rows of other people's files, where the folder beside the repository is there; a test skips otherwise."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def path_of(name: str) -> Path:
    """The place of `traces/misguided_attention` and the like."""
    found = [SHARED / f"{name}{kind}" for kind in (".jsonl.gz", ".jsonl") if (SHARED / f"{name}{kind}").exists()]
    if not found:
        pytest.skip(f"no real data: {SHARED / name}.jsonl is not there")
    return found[0]


def rows_of(name: str) -> list[dict[str, Any]]:
    path = path_of(name)
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in text.splitlines()]
