"""The dataset card: README.md of a published folder, with the YAML header the Hugging Face hub reads.

Everything in it is read from the rows and the manifests.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import yaml

from datafactory.report.card_columns import columns
from datafactory.report.card_composition import composed, sources
from datafactory.report.card_header import header
from datafactory.report.card_making import dropped, judged, limits, made
from datafactory.report.card_mixture import mixture
from datafactory.report.figures import columns_of, problems, rows_of
from datafactory.report.units import counted, size
from datafactory.story import Chapter, Story


def card(story: Story, files: dict[str, dict[str, Any]]) -> str:
    """README.md; `files` are those published, as {path: {rows, bytes, sha256}}."""
    sections = {
        "Composition": composed(story.merged),
        "Mixture": mixture(story.merged),
        "Sources and licences": sources(story.merged),
        "How it was made": made(story),
        "What was dropped, and why": dropped(story),
        "Judges": judged(story),
        "Columns": columns(story),
        "Known limits": limits(story),
        "Loading": _loading(),
    }
    parts = [
        f"---\n{yaml.safe_dump(header(story), sort_keys=False, allow_unicode=True)}---",
        f"# {story.recipe}: {story.merged.name}",
        _about(story, files),
        *(f"## {heading}\n\n{text}" for heading, text in sections.items() if text),
    ]
    return "\n\n".join(parts) + "\n"


def _about(story: Story, files: dict[str, dict[str, Any]]) -> str:
    rows, count = story.merged.dataset.rows, problems([story.merged])
    shards = [entry for name, entry in files.items() if name.startswith("data/")]
    weight = (
        f" in {counted(len(shards), 'Parquet file')} ({size(sum(entry['bytes'] for entry in shards))})"
        if shards
        else ""
    )
    lineage = story.lineage()
    lost = sum(chapter.dataset.dropped for chapter in lineage)
    return (
        f"{counted(rows, 'row')} of supervised fine-tuning data about {counted(count, 'problem')}{weight}, made by "
        f"datafactory from the recipe `{story.recipe}` in {counted(len(lineage), 'stage')}.{_splits(story.merged)} "
        f"What was dropped on the way, {counted(lost, 'row')}, is in `rejected/` with stage, reason and evidence; "
        "`report.html` shows the distributions, `manifest.json` holds checksums and every setting."
        f"{_pseudo(story.merged)}"
    )


def _splits(merged: Chapter) -> str:
    counts = {name: sum(shard["rows"] for shard in shards) for name, shards in merged.splits.items()}
    if len(counts) < 2:
        return ""
    told = ", ".join(f"{counted(count, 'row')} in `{name}`" for name, count in counts.items())
    shared = _in_several(merged)
    apart = "no problem is in two of them" if not shared else f"{counted(shared, 'problem')} are in more than one"
    return f" It is split into {told}; {apart}."


def _in_several(merged: Chapter) -> int:
    """How many problems stand in more than one split."""
    tables = [
        pl.scan_parquet([merged.dataset.folder / shard["file"] for shard in shards]).select("problem_id").unique()
        for shards in merged.splits.values()
    ]
    together = pl.concat(tables).group_by("problem_id").len().filter(pl.col("len") > 1)
    return int(together.select(pl.len()).collect().item())


def _pseudo(merged: Chapter) -> str:
    """What is said of solutions that nobody gave; nothing where there are none."""
    if "solution_from" not in columns_of(merged):
        return ""
    voted = rows_of(merged).filter(pl.col("solution_from") == "majority")
    rows, count = voted.select(pl.len(), pl.col("problem_id").n_unique()).collect().row(0)
    if not rows:
        return ""
    return (
        f"\n\n**{counted(rows, 'solution')} of {merged.dataset.rows:,}, of {counted(count, 'problem')}, "
        f"{'is' if rows == 1 else 'are'} pseudo-gold**: no gold answer exists, and the most common answer of the "
        "problem's completions stands in for it. `solution_from` says `majority` in these rows."
    )


def _loading() -> str:
    return (
        "```python\nfrom datasets import load_dataset\n\n"
        'rows = load_dataset("path/to/this/folder", split="train")  # or its id on the hub\n```\n\n'
        "```python\nimport polars as pl\n\n"
        'rows = pl.read_parquet("path/to/this/folder/data/train-*.parquet")\n```'
    )
