"""The card's YAML header, in the Hugging Face hub's vocabulary: https://huggingface.co/docs/hub/datasets-cards."""

from __future__ import annotations

import re
from typing import Any

import pyarrow.parquet as pq

from datafactory.licences import of_header
from datafactory.report.figures import columns_of, composition
from datafactory.report.languages import UNTOLD, languages
from datafactory.report.languages import name as name_of
from datafactory.story import Chapter, Story
from filters._language_names import NAMES

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
UNITS = ("1K", "10K", "100K", "1M", "10M", "100M", "1B")
LANGUAGE = re.compile(r"[a-z]{2,3}$")
STRAY = 0.01  # of the questions whose language is told: fewer may be misread
SOURCES = 20  # that a header names; the table of the card names all


def header(story: Story) -> dict[str, Any]:
    """The YAML header."""
    languages = _languages(story.merged)
    domains = [part.name.lower() for part in composition(story.merged, "domain") if part.name]
    sources = [f"extended|{part.name}" for part in composition(story.merged, "source") if part.name]
    return {
        **of_header(part.name for part in composition(story.merged, "license")),
        **({"language": languages} if languages else {}),
        "pretty_name": f"{story.recipe}: {story.merged.name}",
        "tags": list(dict.fromkeys(["synthetic", "reasoning", "chain-of-thought", "datafactory", *domains])),
        "annotations_creators": ["machine-generated"],
        "size_categories": [_size_category(story.merged.dataset.rows)],
        **({"source_datasets": sources[:SOURCES]} if sources else {}),
        "task_categories": ["text-generation"],
        **_configs(story.merged),
    }


def _configs(merged: Chapter) -> dict[str, Any]:
    """Which files are which split, and their columns and sizes.

    `datasets` caches a folder with `configs` under its header alone: `description` is another one for other rows.
    """
    if "messages" not in columns_of(merged):
        return {}
    from datasets import DatasetInfo, Features, SplitDict, SplitInfo
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    splits = SplitDict()
    for split, shards in merged.splits.items():
        unpacked = sum(_unpacked(merged, shard["file"]) for shard in shards)
        splits.add(SplitInfo(split, unpacked, sum(shard["rows"] for shard in shards)))
    files = [{"split": split, "path": f"data/{split}-*"} for split in merged.splits]
    info = DatasetInfo(
        features=Features.from_arrow_schema(pq.read_schema(merged.dataset.folder / merged.dataset.shards[0]["file"])),
        splits=splits,
        download_size=sum(shard["bytes"] for shards in merged.splits.values() for shard in shards),
        dataset_size=sum(each.num_bytes for each in splits.values()),
    )
    card = DatasetCardData()
    DatasetInfosDict({"default": info}).to_dataset_card_data(card)
    told = {**card.to_dict()["dataset_info"], "description": f"datafactory {merged.fingerprint[:16]}"}
    return {"configs": [{"config_name": "default", "data_files": files}], "dataset_info": told}


def _unpacked(merged: Chapter, file: str) -> int:
    """The bytes of a shard before they were compressed."""
    metadata = pq.read_metadata(merged.dataset.folder / file)
    return sum(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))


def _languages(merged: Chapter) -> list[str]:
    """Those that the rows name; where they name none, those of the questions of a sample, its strays left out."""
    named = [part.name.lower() for part in composition(merged, "language") if part.name]
    if not named and "problem" in columns_of(merged):
        found = languages(merged)
        counts = {language: count for language, count in found.questions.items() if language != UNTOLD} if found else {}
        codes = {name_of(code): code.partition("-")[0] for code in NAMES}
        named = [codes[language] for language, count in counts.items() if count >= STRAY * sum(counts.values())]
    return sorted({code for code in named if LANGUAGE.match(code)})


def _size_category(rows: int) -> str:
    place = sum(rows >= bound for bound in SIZES)
    if place == 0:
        return "n<1K"
    return f"{UNITS[place - 1]}<n<{UNITS[place]}" if place < len(UNITS) else "n>1B"
