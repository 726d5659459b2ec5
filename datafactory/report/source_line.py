"""Source line: where in a JSONL file a problem stands, found by its question, where the file is still at its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

LARGEST = 1 << 30  # bytes that are looked through
KINDS = (".jsonl", ".ndjson")


def source_line(settings: Mapping[str, Any], question: str | None, folder: Path | None) -> str | None:
    """`data/problems.jsonl:12`, None where it is not found.

    settings  those of the load stage; folder its place in outputs/store: a recipe's paths start from the recipe, which
              stands at, above or beside the outputs
    """
    given = settings.get("path")
    for name in given if isinstance(given, list) else [given]:
        for path in _candidates(name, folder) if isinstance(name, str) and question else ():
            line = _line(path, question or "")
            if line:
                return f"{name}:{line}"
    return None


def _candidates(name: str, folder: Path | None) -> Iterable[Path]:
    above = [Path(), Path("recipes")]
    if folder is not None and len(folder.parents) > 2:
        above += [folder.parents[2], folder.parents[2] / "recipes"]
    for place in above:
        path = place / name
        if path.suffix in KINDS and path.is_file() and path.stat().st_size < LARGEST:
            yield path


def _line(path: Path, question: str) -> int | None:
    spelled = {json.dumps(question, ensure_ascii=ascii).encode("utf-8", "replace") for ascii in (True, False)}
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if any(text in line for text in spelled):
                return number
    return None
