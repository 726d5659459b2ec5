"""A dataset's folder checked: every file that its manifest names, and nothing beside them.

A published folder or a stage's. Several files are looked at at once; they are told in the manifest's order.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from datafactory.checking.card import differences
from datafactory.checking.shard import Found, Numbers, looked
from datafactory.errors import UserError
from datafactory.executors import local
from datafactory.store import MANIFEST

PER_WORKER = 64 << 20  # bytes; fewer are looked through before another process has started
Files = dict[str, dict[str, Any]]


@dataclass
class Checked:
    """A folder's failures, a line each that begins with the file; how many files and rows were looked at."""

    failures: list[str] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    mend: str = ""


def checked(folder: Path, workers: int) -> Checked:
    """UserError where the folder is no dataset."""
    manifest = _manifest(folder)
    if isinstance(manifest, str):
        again = "run `datafactory build` with its recipe, which publishes it again from the store"
        return Checked(
            [f"{MANIFEST}: {manifest}"], mend=f"To mend it: remove {folder / MANIFEST}'s folder and {again}."
        )
    published = "files" in manifest
    files = _listed(manifest)
    splits = _splits(manifest, files)
    shards = {name for names in splits.values() for name in names}
    tasks = [partial(looked, folder, name, entry, name in shards) for name, entry in files.items()]
    size = sum(entry.get("bytes", 0) for entry in files.values())
    found = {each.name: each for each in local.stream(tasks, min(workers, 1 + size // PER_WORKER))}
    checked = Checked(files=len(files), bytes=size)
    checked.failures += [f"{each.name}: {why}" for each in found.values() for why in each.wrong]
    checked.failures += [f"{name}: is not in {MANIFEST}" for name in _unlisted(folder, files, published)]
    whole = {split: [found[name] for name in names] for split, names in splits.items()}
    checked.splits = {split: sum(each.rows for each in parts) for split, parts in whole.items()}
    checked.failures += _columns([each for parts in whole.values() for each in parts])
    others = sorted(name for name in files if name not in shards)
    for _, names in groupby(others, lambda name: Path(name).parent):
        checked.failures += _columns([found[name] for name in names])
    checked.failures += _twice([each for parts in whole.values() for each in parts])
    checked.failures += _leaks(whole)
    if not any(each.wrong for parts in whole.values() for each in parts):
        checked.failures += _counts(folder, manifest, checked.splits, whole)
    if checked.failures:
        checked.mend = _mend(folder, manifest, published)
    return checked


def _manifest(folder: Path) -> dict[str, Any] | str:
    """What the manifest says, or what is wrong with it."""
    if not (folder / MANIFEST).is_file():
        raise UserError(f"{folder} is no finished dataset: it has no {MANIFEST}")
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return f"is not readable: {error}"
    if not isinstance(manifest, dict) or not {"files", "shards"} & manifest.keys():
        return "is not the manifest of a dataset"
    if not manifest.get("files") and not manifest.get("shards"):
        raise UserError(f"{folder} holds no rows")
    return manifest


def _listed(manifest: dict[str, Any]) -> Files:
    if "files" in manifest:
        return dict(manifest["files"])
    return {entry["file"]: entry for entry in (*manifest["shards"], *manifest.get("rejected", ())) if entry}


def _splits(manifest: dict[str, Any], files: Files) -> dict[str, list[str]]:
    """The files of each split; a stage's shards are in none."""
    if named := manifest.get("splits"):
        return {split: [name for name in names if name in files] for split, names in named.items()}
    if "shards" in manifest:
        return {"": [entry["file"] for entry in manifest["shards"]]}
    kept = [name for name in files if name.startswith("data/")]
    return {"train": kept} if kept else {}


def _unlisted(folder: Path, files: Files, published: bool) -> Iterator[str]:
    """Files that the manifest does not name; of a stage only Parquet, since it may keep notes of its own."""
    for path in sorted(folder.rglob("*" if published else "*.parquet")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and not hidden and name.as_posix() not in {*files, MANIFEST}:
            yield name.as_posix()


def _columns(parts: Sequence[Found]) -> Iterator[str]:
    """Files whose columns are others than those of the most."""
    schemas = Counter(each.schema for each in parts if each.schema)
    if len(schemas) < 2:
        return
    usual = schemas.most_common(1)[0][0]
    for each in parts:
        if each.schema and each.schema != usual:
            odd = sorted({name for name, _ in set(each.schema) ^ set(usual)}) or ["their order"]
            yield f"{each.name}: has other columns than the rest: {', '.join(odd)}"


def _twice(parts: Sequence[Found]) -> Iterator[str]:
    """Files with traces that stand somewhere before."""
    seen: Numbers = np.sort(np.concatenate([each.traces for each in parts])) if parts else np.empty(0, np.uint64)
    double = np.unique(seen[1:][seen[1:] == seen[:-1]])
    met: Numbers = np.empty(0, np.uint64)
    for each in parts if double.size else ():
        own = each.traces[np.isin(each.traces, double)]
        once = np.unique(own)
        count = own.size - once.size + int(np.isin(once, met).sum())
        met = np.union1d(met, once)
        if count:
            yield f"{each.name}: {count:,} rows have the trace_id of a row before them"


def _leaks(whole: dict[str, list[Found]]) -> Iterator[str]:
    """Files with problems that another split has too."""
    names = list(whole)
    for at, split in enumerate(names):
        before = [each.problems for other in names[:at] for each in whole[other]]
        if not before:
            continue
        taken = np.unique(np.concatenate(before))
        for each in whole[split]:
            if count := int(np.isin(each.problems, taken).sum()):
                yield f"{each.name}: {count:,} problems stand in the split {', '.join(names[:at])} too"


def _counts(
    folder: Path, manifest: dict[str, Any], splits: dict[str, int], whole: dict[str, list[Found]]
) -> Iterator[str]:
    rows = sum(splits.values())
    if "rows" in manifest and manifest["rows"] != rows:
        yield f"{MANIFEST}: says {manifest['rows']:,} rows; its files hold {rows:,}"
    if "recipe" in manifest and (folder / "README.md").is_file():  # the card; an export has a page of another kind
        domains = sum((each.domains for parts in whole.values() for each in parts), Counter[str | None]())
        yield from (f"README.md: {why}" for why in differences(folder / "README.md", splits, domains))


def _mend(folder: Path, manifest: dict[str, Any], published: bool) -> str:
    if "export" in manifest:
        return f"To mend it: run `datafactory export` again with `--out {folder}`."
    if published:
        return (
            f"To mend it: remove the files named above from {folder} and run `datafactory build` with the recipe "
            f"'{manifest.get('recipe')}', which publishes them again from the store; where a row is at fault and not "
            "its file, the stage that made the row is to be mended."
        )
    return f"To mend it: remove {folder} and run `datafactory build` with its recipe, which makes the stage again."
