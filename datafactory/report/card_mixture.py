"""The card's table of the mixture: what a merge was asked for, had and took of each part."""

from __future__ import annotations

from typing import Any

from datafactory.report.markdown import table
from datafactory.report.units import number, percent
from datafactory.story import Chapter


def mixture(merged: Chapter) -> str:
    """Empty where the merge was asked for none."""
    parts: list[dict[str, Any]] = merged.counts.get("parts") or []
    if not any("asked" in part for part in parts):
        return ""
    lines, rows = [], max(1, merged.dataset.rows)
    for part in parts:
        lines.append(_line(str(part["part"]), part, rows))
        lines += [_line(f"{part['part']}, {each['value']}", each, rows) for each in part.get("within") or ()]
    headings = [str(merged.counts.get("by", "part")), "asked for", "there were", "taken", "of these copies", "share"]
    return table(headings, lines)


def _line(name: str, part: dict[str, Any], rows: int) -> list[str]:
    counts = [number(part.get(key)) for key in ("asked", "had", "rows", "copies")]
    return [name, *counts, percent(part["rows"] / rows)]
