"""The stages behind a path: in the order they were made, with the folders where their rows are.

outputs/<recipe>             the recipe's links, and what its merges published
outputs/<recipe>/<merge>     the stages that its manifest tells of; their rows in `outputs/store` where it is
a stage's folder             what it was made from
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from rich.console import Console

from datafactory.report.opened import manifest_of
from datafactory.report.spelling import clean, print_table, say, table
from datafactory.report.units import counted, duration, number, percent, size
from datafactory.store import MANIFEST

VERDICT = ("", "_status", "_detail")
# what stands behind the names of a stage's `with`; that of a load looks at gold answers and leaves no column
MADE = {"verify": VERDICT, "judge": VERDICT, "generate": VERDICT, "rewrite": ("", "_detail", "_model")}
REVIEWED = ("reviewed", "reviewed_by")


@dataclass(frozen=True)
class Stage:
    """A finished stage. folder is None where its rows are not here; published is the folder that a merge filled.

    sources  the names of the stages that it read
    """

    name: str
    kind: str
    fingerprint: str
    settings: Mapping[str, Any]
    manifest: Mapping[str, Any]
    folder: Path | None
    published: Path | None = None
    sources: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def kept(self) -> list[Path]:
        return self._files("shards")

    @cached_property
    def dropped(self) -> list[Path]:
        return self._files("rejected")

    def _files(self, key: str) -> list[Path]:
        entries = self.manifest.get(key) or ()
        return [self.folder / entry["file"] for entry in entries if entry] if self.folder else []

    @property
    def bounds(self) -> dict[str, tuple[float | None, float | None]]:
        """Of a filter: what each measure may be, (min, max)."""
        keep = self.config.get("keep")
        if not isinstance(keep, list):
            return {}
        return {each["column"]: (each.get("min"), each.get("max")) for each in keep if "column" in each}

    @property
    def columns(self) -> list[str]:
        """The columns that it is known to make, by its kind and settings."""
        named = self.config.get("with")
        names = [each["name"] for each in named if "name" in each] if isinstance(named, list) else []
        made = [f"{name}{end}" for name in names for end in MADE.get(self.kind, ())]
        return [*self.bounds, *made, *(REVIEWED if self.kind == "review" else ())]


def stages_of(path: Path) -> list[Stage]:
    """The stages behind a path in the order they were made; none where nothing is known of them."""
    manifest = manifest_of(path) if path.is_dir() else {}
    if "stages" in manifest:
        return _published(path, manifest)
    if manifest and path.is_symlink():  # a recipe's link: what follows the stage stands beside it
        beside = _recipe(path.parent)
        if any(stage.folder == path.resolve() for stage in beside):
            return beside
    if manifest:
        return _above(path.resolve())
    return _recipe(path)


def _published(path: Path, manifest: Mapping[str, Any]) -> list[Stage]:
    store = path.resolve().parent.parent / "store"
    found = []
    for told in manifest["stages"]:
        folder = store / told.get("folder", "")
        here = told.get("folder") and (folder / MANIFEST).is_file()
        settings = told.get("settings") or {}
        merged = told["name"] == manifest.get("dataset")
        found.append(
            Stage(
                name=told["name"],
                kind=told["stage"],
                fingerprint=told["fingerprint"],
                settings=settings,
                manifest=manifest_of(folder) if here else told,
                folder=folder if here else None,
                published=path if merged else None,
                sources=_sources(settings),
                config=told.get("config") or {},
            )
        )
    return found


def _recipe(path: Path) -> list[Stage]:
    """What a recipe's folder links to, and what it published."""
    links, published = {}, {}
    for place in sorted(path.iterdir()) if path.is_dir() else ():
        if place.name.startswith(".") or not (place / MANIFEST).is_file():
            continue
        if place.is_symlink():
            links[place.name] = place.resolve()
        elif "stages" in (manifest := manifest_of(place)):
            published[manifest["dataset"]] = place
    found = [_stage(name, folder) for name, folder in links.items()]
    for name, place in published.items():
        told = {stage.name: stage for stage in _published(place, manifest_of(place))}
        found = [stage for stage in found if stage.name != name] + [told[name]]
        found += [stage for stage in told.values() if stage.name not in {each.name for each in found}]
        order = list(told)
        found.sort(key=lambda stage: order.index(stage.name) if stage.name in order else len(order))
    return found if published else _ordered(found)


def _above(folder: Path) -> list[Stage]:
    """A stage and what it was made from, by the fingerprints of its inputs."""
    found: dict[Path, Stage] = {}
    left = [folder]
    names = _names(folder.parent)
    while left:
        place = left.pop()
        if place in found or not (place / MANIFEST).is_file():
            continue
        stage = _stage(names.get(place, place.name), place)
        found[place] = stage
        for fingerprint in stage.manifest.get("inputs", ()):
            left += folder.parent.glob(f"*-{fingerprint[:16]}")
    return _ordered(list(found.values()))


def _names(store: Path) -> dict[Path, str]:
    """What recipes beside the store call its folders."""
    return {
        link.resolve(): link.name for link in store.parent.glob("*/*") if link.is_symlink() and link.parent != store
    }


def _stage(name: str, folder: Path) -> Stage:
    manifest = manifest_of(folder)
    settings = manifest.get("settings") or {}
    return Stage(
        name=name,
        kind=manifest.get("stage", "?"),
        fingerprint=manifest["fingerprint"],
        settings=settings,
        manifest=manifest,
        folder=folder,
        sources=_sources(settings),
        config=(manifest.get("identity") or {}).get("config") or {},
    )


def _sources(settings: Mapping[str, Any]) -> tuple[str, ...]:
    given = settings.get("from")
    names = given if isinstance(given, list) else [given] if given else []
    return tuple(name for name in names if isinstance(name, str))


def _ordered(stages: list[Stage]) -> list[Stage]:
    """What is read stands before what reads it, else in the order of time."""
    stages = sorted(stages, key=lambda stage: (stage.manifest.get("started") or "", stage.name))
    by_name = {stage.name: stage for stage in stages}
    by_print = {stage.fingerprint: stage.name for stage in stages}
    order: TopologicalSorter[str] = TopologicalSorter()
    for stage in stages:
        inputs = (by_print.get(fingerprint) for fingerprint in stage.manifest.get("inputs") or ())
        order.add(stage.name, *(name for name in (*inputs, *stage.sources) if name in by_name and name != stage.name))
    return [by_name[name] for name in order.static_order()]


def stages_told(path: Path, console: Console) -> None:
    """All stages of a recipe in one table."""
    stages = stages_of(path)
    finished = [stage for stage in stages if stage.manifest]
    say(console, f"{path}: {counted(len(finished), 'finished stage')}", "bold")
    made = table("stage", "do", "rows", "dropped", "kept", "on disk", "time", "mostly for")
    for stage in finished:
        made.add_row(*map(clean, _line(stage)))
    print_table(console, made)
    for stage in finished:
        if stage.published:
            say(console, f"published: {stage.published}")
    say(console, f"rows of one: datafactory inspect {path / finished[-1].name}" if finished else "")


def _line(stage: Stage) -> Iterator[str]:
    rows, dropped = stage.manifest.get("rows") or 0, stage.manifest.get("dropped") or 0
    makes_rows = bool(stage.kept) or rows > 0
    yield stage.name
    yield stage.kind
    yield number(rows) if makes_rows else "a model"
    yield number(dropped) if dropped else ""
    yield percent(rows / (rows + dropped)) if dropped else ""
    yield size(sum(path.stat().st_size for path in stage.folder.rglob("*") if path.is_file())) if stage.folder else "-"
    yield duration(stage.manifest.get("seconds"))
    reasons = stage.manifest.get("reasons") or {}
    yield next((f"{reason} ({number(count)})" for reason, count in reasons.items()), "")
