"""The card's YAML header, in the Hugging Face hub's vocabulary."""

from __future__ import annotations

import re
from typing import Any

from datafactory.report.figures import composition
from datafactory.story import Chapter, Story

# The hub's identifiers of the licences that such data mostly come under; any other is `other` with its name.
LICENSES = {
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-4.0", "odc-by",
    "odbl", "pddl", "cdla-permissive-2.0", "gpl-2.0", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "unlicense",
    "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "gemma", "unknown",
}  # fmt: skip
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
UNITS = ("1K", "10K", "100K", "1M", "10M", "100M", "1B")
LANGUAGE = re.compile(r"[a-z]{2,3}$")


def header(story: Story) -> dict[str, Any]:
    """The YAML header.

    It names no `configs`: with them `datasets` caches by the pattern alone, and shows old rows of a folder built anew.
    """
    languages = _languages(story.merged)
    domains = [part.name.lower() for part in composition(story.merged, "domain") if part.name]
    return {
        **_license(story.merged),
        **({"language": languages} if languages else {}),
        "pretty_name": f"{story.recipe}: {story.merged.name}",
        "tags": list(dict.fromkeys(["synthetic", "reasoning", "chain-of-thought", "datafactory", *domains])),
        "annotations_creators": ["machine-generated"],
        "size_categories": [_size_category(story.merged.dataset.rows)],
        "task_categories": ["text-generation"],
    }


def _license(merged: Chapter) -> dict[str, Any]:
    """One licence as it is; several as a list; with one that the hub has no identifier for, `other` and the names."""
    named = [part.name for part in composition(merged, "license")] or [None]
    known = sorted({(name or "unknown").strip().lower() for name in named})
    if not set(known) <= LICENSES:
        return {"license": "other", "license_name": ", ".join(sorted({name or "unknown" for name in named}))}
    return {"license": known[0] if len(known) == 1 else known}


def _languages(merged: Chapter) -> list[str]:
    found = [part.name.lower() for part in composition(merged, "language") if part.name]
    return sorted({name for name in found if LANGUAGE.match(name)})


def _size_category(rows: int) -> str:
    place = sum(rows >= bound for bound in SIZES)
    if place == 0:
        return "n<1K"
    return f"{UNITS[place - 1]}<n<{UNITS[place]}" if place < len(UNITS) else "n>1B"
