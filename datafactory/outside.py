"""Outside: what a filter's setting names beside the rows it measures.

    against: data/math_500.jsonl     a file of rows, or a folder of them, from the recipe's folder
    against: [aime24, math500]       benchmarks by name: files of that name in `benchmarks/` beside the recipe, or in
                                     the folder that DATAFACTORY_BENCHMARKS names
    against: test                    a stage above
    tokenizer: Qwen/Qwen2.5-7B       weights, as `models` names them; only the tokenizer is read

A file counts by its content, a stage by its fingerprint, a tokenizer by its weights.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datafactory.errors import UserError, did_you_mean
from datafactory.fingerprint import content_of
from datafactory.models import weights_at
from datafactory.sources import KINDS, files_at

BENCHMARKS = "DATAFACTORY_BENCHMARKS"
NAME = re.compile(r"[\w.-]+$")


@dataclass(frozen=True)
class File:
    """A file or a folder of rows."""

    name: str
    path: Path


@dataclass(frozen=True)
class Above:
    """A name that no file and no benchmark has: a stage above. `missing` says where it was looked for."""

    name: str
    missing: str


@dataclass(frozen=True)
class Weighed:
    """The tokenizer of weights; `folder` is where a path starts."""

    name: str
    folder: Path


Rows = File | Above
Outside = Rows | Weighed


def rows_named(name: str, folder: Path) -> Rows:
    """The rows of that name; UserError where it is plainly a path, and nothing is there."""
    path = folder / Path(name).expanduser()
    if path.exists():
        files_at(path)
        return File(name, path.resolve())
    if not NAME.match(name) or name.endswith(KINDS) or name.startswith("."):
        near = [inner.name for inner in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UserError(f"there is no {path}.{did_you_mean(path.name, near)}")
    looked = benchmark_folders(folder)
    known = {_plain(_stem(inner)): inner for place in reversed(looked) if place.is_dir() for inner in _data_in(place)}
    if _plain(name) in known:
        return File(name, known[_plain(name)].resolve())
    hint = did_you_mean(name, [_stem(inner) for inner in known.values()])
    if BENCHMARKS not in os.environ:
        hint += f" The variable {BENCHMARKS} can name another folder."
    return Above(name, f"There is no file {name}.jsonl, .parquet or .csv in {' or '.join(map(str, looked))}.{hint}")


def benchmark_folders(folder: Path) -> list[Path]:
    given = os.environ.get(BENCHMARKS)
    return [folder / "benchmarks", *([Path(given).expanduser()] if given else [])]


def identity_of(value: Outside, resolve: Callable[[str, str], str]) -> Any:
    """What counts of it: the content of a file, the fingerprint of a stage, the identity of weights."""
    if isinstance(value, File):
        return content_of(value.path)
    if isinstance(value, Above):
        return resolve("dataset", value.name)
    return weights_at(value.name, value.folder).identity


def given(value: Any, stages: Mapping[str, Path]) -> Any:
    """The value as the filter gets it: the path of rows, the folder or hub id of a tokenizer."""
    if isinstance(value, File):
        return value.path
    if isinstance(value, Above):
        if value.name not in stages:
            raise UserError(value.missing)
        return stages[value.name]
    if isinstance(value, Weighed):
        return weights_at(value.name, value.folder).fetch()
    if isinstance(value, tuple):
        return tuple(given(item, stages) for item in value)
    return value


def above_in(value: Any) -> list[Above]:
    """The stages that a setting names."""
    items = value if isinstance(value, tuple) else (value,)
    return [item for item in items if isinstance(item, Above)]


def _data_in(folder: Path) -> list[Path]:
    """The data files of a folder, and its folders that hold some."""
    return [inner for inner in sorted(folder.iterdir()) if not inner.name.startswith(".") and _holds_data(inner)]


def _holds_data(path: Path) -> bool:
    inside = path.rglob("*") if path.is_dir() else [path]
    return any(inner.is_file() and inner.name.lower().endswith(KINDS) for inner in inside)


def _stem(path: Path) -> str:
    kind = next((kind for kind in sorted(KINDS, key=len, reverse=True) if path.name.lower().endswith(kind)), "")
    return path.name[: len(path.name) - len(kind)]


def _plain(name: str) -> str:
    """`MATH-500` and `math_500` are one benchmark."""
    return re.sub(r"[\W_]", "", name).casefold()
