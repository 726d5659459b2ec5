"""Owned: the files of the user's own that stages run; every machine at work on them has to have them as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from datafactory.config import Base
from datafactory.measures import Measure
from datafactory.plugins import Use


def files_in(value: Any) -> Iterator[tuple[Path, str]]:
    """The plugin files anywhere in a config, each with the hash of its content."""
    if isinstance(value, Use):
        if value.file:
            yield Path(value.file), value.version
        value = dict(value.settings)
    if isinstance(value, Measure):
        yield from files_in(value.use)
    elif isinstance(value, Base):
        yield from files_in([getattr(value, name) for name in type(value).model_fields])
    elif isinstance(value, Mapping):
        yield from files_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from files_in(inner)
