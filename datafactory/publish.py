"""Publish: a finished merge as a folder that can be copied, opened and doubted.

    data/train-00000-of-00003.parquet    the rows, with `messages`; data/validation-... where the merge made one
    rejected/<stage>-00000.parquet       every row that was dropped on the way, with stage, reason and evidence
    README.md                            the dataset card
    report.html                          one page: funnel, distributions, examples
    manifest.json                        sha256 of every file, recipe, stages, models, versions

The folder is written beside and swapped in whole. What a killed attempt had copied is not copied again.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from datafactory import __version__
from datafactory.build import Plan, Step, packages
from datafactory.copying import Copy, copied
from datafactory.errors import StageError
from datafactory.fingerprint import content_of, digest, sha256_of
from datafactory.rejecting import write_rejected
from datafactory.report.card import card
from datafactory.report.page import page
from datafactory.store import MANIFEST, is_finished, locked
from datafactory.story import Chapter, Story
from datafactory.tables import cannot_write, write_bytes

LAYOUT = 2


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
            if old.exists() and not place.exists():  # of an attempt that was killed between two renames
                old.rename(place)
            shutil.rmtree(old, ignore_errors=True)
            _write(plan, merge, story, told, beside, place)
            if place.exists():
                place.rename(old)
            beside.rename(place)
        except (OSError, StageError) as error:
            shutil.rmtree(beside, ignore_errors=True)  # room on the disk is worth more than what was copied
            if isinstance(error, OSError):
                raise cannot_write(place, error) from error
            raise
        finally:
            if old.exists() and not place.exists():
                old.rename(place)
            shutil.rmtree(old, ignore_errors=True)
    return place, True


def _stands(place: Path, told: str) -> bool:
    """Whether the folder holds that story already, every file as it was written."""
    try:
        manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        if manifest.get("told") != told:
            return False
        files = {place / name: entry for name, entry in manifest["files"].items()}
        if any(path.stat().st_size != entry["bytes"] for path, entry in files.items()):
            return False
        return all(content_of(path) == entry["sha256"] for path, entry in files.items())
    except (OSError, ValueError, KeyError):
        return False


def _write(plan: Plan, merge: Step, story: Story, told: str, folder: Path, earlier: Path) -> None:
    for stale in ("rejected", "README.md", "report.html", MANIFEST):  # of an attempt that was killed
        _removed(folder / stale)
    copies = _copies(story, folder)
    for stray in set((folder / "data").glob("*")) - {copy.target for copy in copies}:
        _removed(stray)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    copied(copies, {copy.target: earlier / "data" / copy.target.name for copy in copies})
    write_rejected(story.lineage(), folder / "rejected")
    files = {_name(copy.target, folder): _entry(copy.target, copy.sha256) for copy in copies}
    files |= {_name(path, folder): _entry(path) for path in sorted((folder / "rejected").glob("*.parquet"))}
    write_bytes(folder / "README.md", card(story, files).encode())
    write_bytes(folder / "report.html", page(story).encode())
    for name in ("README.md", "report.html"):
        files[name] = _entry(folder / name)
    manifest = {
        "recipe": plan.recipe.name,
        "dataset": merge.stage.name,
        "fingerprint": merge.fingerprint,
        "rows": merge.dataset.rows,
        "splits": {
            name: [_name(copy.target, folder) for copy in copies if copy.target.name.startswith(f"{name}-")]
            for name in story.merged.splits
        },
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


def _copies(story: Story, folder: Path) -> list[Copy]:
    """Every shard of every split under its published name."""
    return [
        Copy(
            story.merged.dataset.folder / shard["file"],
            folder / "data" / f"{split}-{k:05d}-of-{len(shards):05d}.parquet",
            shard["bytes"],
            shard["sha256"],
        )
        for split, shards in story.merged.splits.items()
        for k, shard in enumerate(shards)
    ]


def _removed(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _entry(path: Path, sha256: str | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"bytes": path.stat().st_size, "sha256": sha256 or sha256_of(path)}
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
