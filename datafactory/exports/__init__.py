"""Exporting: a published dataset in the form that another trainer reads, a file for each.

A format is a module with

    SUMMARY        a line for `datafactory export --help`
    THINKING       what can be done with the thinking, the default first: keep, strip, field
    parts(how)     the files of it: where, how written, and what a row becomes there
    beside(told)   small texts beside the files, by name: a loader's configuration, a launch command
    limits(told)   what the trainer would refuse, a line each

A part's `make` gives the row's record, or why the row has no place in it, which is counted.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol, cast

import pyarrow as pa

from datafactory.errors import UserError, did_you_mean

Thinking = Literal["keep", "strip", "field"]
Record = dict[str, Any]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class How:
    """What was asked for: what becomes of the thinking, and the name the dataset goes by."""

    thinking: Thinking
    name: str


@dataclass(frozen=True)
class Part:
    """Files of one form. `place` is a folder or "", `schema` None for JSON lines; `sharded`: a file per shard."""

    place: str
    make: Callable[[Row, str], Record | str]
    schema: pa.Schema | None = None
    sharded: bool = False

    def named(self, split: str) -> str:
        """The file of a split; without the number of a shard."""
        return f"{self.place}/{split}" if self.place else split


@dataclass
class Told:
    """What an export came to. rows and bytes are by file, longest by part: the characters of its longest record."""

    how: How
    splits: tuple[str, ...]
    rows: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    longest: dict[str, int] = field(default_factory=dict)


class Format(Protocol):
    SUMMARY: str
    THINKING: tuple[Thinking, ...]

    def parts(self, how: How) -> Iterable[Part]: ...

    def beside(self, told: Told) -> dict[str, str]: ...

    def limits(self, told: Told) -> Iterator[str]: ...


def names() -> list[str]:
    """The formats there are: the files of this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))


def format_of(name: str) -> Format:
    if name not in names():
        raise UserError(f"--to {name}: there is no such format.{did_you_mean(name, names())}")
    module: ModuleType = importlib.import_module(f"{__name__}.{name}")
    return cast(Format, module)
