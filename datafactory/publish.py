"""Publish: a finished merge as a folder that can be copied, opened and doubted.

    data/train-00000-of-00003.parquet    the rows, with `messages`
    rejected/<stage>-00000.parquet       every row that was dropped on the way, with stage, reason and evidence
    README.md                            the dataset card
    report.html                          one page: funnel, distributions, examples
    manifest.json                        sha256 of every file, recipe, stages, models, versions

The folder is written beside and swapped in whole.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from datafactory import __version__
from datafactory.build import Plan, Step, packages
from datafactory.errors import StageError
from datafactory.fingerprint import digest, sha256_of
from datafactory.report.card import card
from datafactory.report.page import page
from datafactory.store import MANIFEST, is_finished, locked
from datafactory.story import Chapter, Story
from datafactory.tables import cannot_write, settle, write_bytes, write_parquet

LAYOUT = 1


def chapters_of(plan: Plan, steps: Iterable[Step]) -> tuple[Chapter, ...]:
    """The steps that are finished, as a story tells them."""
    return tuple(
        Chapter(
            name=step.stage.name,
            kind=step.stage.kind,
            fingerprint=step.fingerprint,
            dataset=step.dataset,
            sources=(*step.stage.datasets, *step.stage.models),
            settings=plan.recipe.settings["stages"][step.stage.name],
        )
        for step in steps
        if is_finished(step.folder)
    )


def story_of(plan: Plan, merge: Step) -> Story:
    """The finished stages of the recipe, with that merge as what is published."""
    chapters = chapters_of(plan, plan.steps.values())
    merged = next(chapter for chapter in chapters if chapter.name == merge.stage.name)
    models = {
        name: {"reference": model.label, "engine": model.engine.name, "fingerprint": model.fingerprint}
        for name, model in plan.models.items()
    }
    return Story(plan.recipe.name, chapters, merged, models)


def publish(plan: Plan, merge: Step) -> tuple[Path, bool]:
    """The folder of that merge, and whether it had to be written."""
    place = plan.published / merge.stage.name
    story = story_of(plan, merge)
    told = digest(
        [
            LAYOUT,
            __version__,
            plan.recipe.name,
            [[part.name, part.fingerprint, part.settings] for part in story.chapters],
        ]
    )
    if _stands(place, told):
        return place, False
    with locked(merge.folder):
        if place.is_symlink():
            place.unlink()
        elif place.exists() and not (place / MANIFEST).exists():
            raise StageError(f"{place} is in the way of the published dataset; move it away")
        beside, old = place.with_name(f".{place.name}.new"), place.with_name(f".{place.name}.old")
        try:
            for stale in (beside, old):  # of an attempt that was killed
                shutil.rmtree(stale, ignore_errors=True)
            _write(plan, merge, story, told, beside)
            if place.exists():
                place.rename(old)
            beside.rename(place)
        except OSError as error:
            raise cannot_write(place, error) from error
        finally:
            if old.exists() and not place.exists():
                old.rename(place)
            shutil.rmtree(beside, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    return place, True


def _stands(place: Path, told: str) -> bool:
    """Whether the folder holds that story already, every file of its size."""
    try:
        manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        sizes = [(place / name).stat().st_size == entry["bytes"] for name, entry in manifest["files"].items()]
    except (OSError, ValueError, KeyError):
        return False
    return bool(manifest.get("told") == told and all(sizes))


def _write(plan: Plan, merge: Step, story: Story, told: str, folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    shards = merge.dataset.shards
    for k, shard in enumerate(shards):
        place = folder / "data" / f"train-{k:05d}-of-{len(shards):05d}.parquet"
        # a copy, not a link: an edit of what was published must not reach the store
        shutil.copyfile(merge.folder / shard["file"], place)
        if sha256_of(place) != shard["sha256"]:
            raise StageError(
                f"{merge.folder / shard['file']} is not what was written (sha256 differs from its manifest); "
                f"remove {merge.folder} to make it again"
            )
    _rejected(story, folder / "rejected")
    files = {_name(path, folder): _entry(path) for path in sorted(folder.rglob("*.parquet"))}
    write_bytes(folder / "README.md", card(story, files).encode())
    write_bytes(folder / "report.html", page(story).encode())
    for name in ("README.md", "report.html"):
        files[name] = _entry(folder / name)
    manifest = {
        "recipe": plan.recipe.name,
        "dataset": merge.stage.name,
        "fingerprint": merge.fingerprint,
        "rows": merge.dataset.rows,
        "told": told,
        "files": files,
        "recipe_text": plan.recipe.path.read_text(encoding="utf-8"),
        "seed": plan.recipe.seed,
        "stages": [_told(plan.steps[part.name], part) for part in story.chapters],
        "models": story.models,
        "packages": packages(),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    write_bytes(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False).encode())


def _rejected(story: Story, folder: Path) -> None:
    """What each stage of the lineage dropped, all files with the same columns."""
    lineage = story.lineage()
    columns: dict[str, Any] = {}
    for part in lineage:
        for table in part.rejected():
            columns |= {name: kind for name, kind in settle(table).schema.items() if name not in columns}
    for part in lineage:
        for k, table in enumerate(part.rejected()):
            missing = [
                pl.lit(None, dtype=kind).alias(name) for name, kind in columns.items() if name not in table.columns
            ]
            write_parquet(
                settle(table).with_columns(missing).select(list(columns)), folder / f"{part.name}-{k:05d}.parquet"
            )


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _entry(path: Path) -> dict[str, Any]:
    entry: dict[str, Any] = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    if path.suffix == ".parquet":
        entry["rows"] = pq.read_metadata(path).num_rows
    return entry


def _told(step: Step, part: Chapter) -> dict[str, Any]:
    manifest = part.dataset.manifest
    return {
        "name": part.name,
        "stage": part.kind,
        "folder": step.folder.name,
        "fingerprint": part.fingerprint,
        "config": step.identity["config"],
        "settings": part.settings,
        **{
            key: manifest.get(key) for key in ("rows", "dropped", "reasons", "counts", "packages", "started", "seconds")
        },
    }
