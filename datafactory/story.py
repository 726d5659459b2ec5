"""A published dataset's story: the finished stages it came through, for the card, the report and the manifest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from datafactory.store import EVIDENCE, REASON, Dataset


@dataclass(frozen=True)
class Chapter:
    """A finished stage under the name the recipe gives it; `sources` are the names of what it read."""

    name: str
    kind: str
    fingerprint: str
    dataset: Dataset
    sources: tuple[str, ...]
    settings: dict[str, Any]

    @property
    def counts(self) -> dict[str, Any]:
        """What the stage itself counted (its module's `summary`), models under the names the recipe gives them."""
        counts = dict(self.dataset.manifest.get("counts", {}))
        if isinstance(counts.get("scores"), list):
            before = [scores["name"] for scores in counts["scores"]]
            called = dict(zip(before, self.settings["models"], strict=True))
            counts["scores"] = {called[scores["name"]]: scores for scores in counts["scores"]}
            counts["comparisons"] = [
                {**pair, "model": called[pair["model"]], "against": called[pair["against"]]}
                for pair in counts["comparisons"]
            ]
        return counts

    @property
    def measures(self) -> list[dict[str, Any]]:
        """What a filter stage kept rows by, as it was settled: column, name of the filter, min, max, settings."""
        keep: list[dict[str, Any]] = self.dataset.manifest.get("identity", {}).get("config", {}).get("keep", [])
        return keep

    @property
    def splits(self) -> dict[str, list[dict[str, Any]]]:
        """The shards of each split of a merge that has any."""
        shards = {shard["file"]: shard for shard in self.dataset.shards}
        return {name: [shards[file] for file in files] for name, files in self.dataset.splits.items() if files}

    def rejected(self) -> Iterator[pl.DataFrame]:
        """What the stage dropped, shard by shard, with `stage`, `reason` and `evidence` in front."""
        for k, shard in enumerate(self.dataset.manifest["rejected"]):
            if shard:
                table = self.dataset.rejected(k)
                assert table is not None
                yield table.select(
                    pl.lit(self.name).alias("stage"),
                    pl.col(REASON).alias("reason"),
                    pl.col(EVIDENCE).alias("evidence"),
                    pl.exclude(REASON, EVIDENCE),
                )


@dataclass(frozen=True)
class Story:
    """The recipe's finished stages in page order, and which of them is the merge that is published."""

    recipe: str
    chapters: tuple[Chapter, ...]
    merged: Chapter
    models: dict[str, dict[str, Any]]

    def lineage(self) -> tuple[Chapter, ...]:
        """The merge and what stands above it, in page order."""
        by_name = {chapter.name: chapter for chapter in self.chapters}
        found: set[str] = set()
        left = [self.merged.name]
        while left:
            name = left.pop()
            if name in by_name and name not in found:
                found.add(name)
                left.extend(by_name[name].sources)
        return tuple(chapter for chapter in self.chapters if chapter.name in found)
