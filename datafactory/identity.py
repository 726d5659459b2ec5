"""The identity of a checked config: its values with names replaced by what they stand for.

Runtime fields are left out; a stage or model above counts by its fingerprint, a file by its content, a plugin by its
name, version and settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from datafactory.config import Base, key_of, role
from datafactory.fingerprint import content_of
from datafactory.measures import Measure
from datafactory.outside import Above, File, Weighed, identity_of
from datafactory.plugins import Use
from datafactory.settings import Text

Resolve = Callable[[str, str], str]  # (role, name) -> fingerprint


def identity(config: Base, resolve: Resolve) -> dict[str, Any]:
    """The fields of a config that decide its rows, in a form with one spelling."""
    found: dict[str, Any] = {}
    for name, field in type(config).model_fields.items():
        kind, value = role(field), getattr(config, name)
        if kind == "runtime":
            continue
        if kind in ("dataset", "model", "weights"):
            value = resolve(kind, value) if isinstance(value, str) else [resolve(kind, item) for item in value or ()]
        elif kind == "tokenizer" and value is not None:
            value = resolve(kind, value.name)
        elif kind == "file" and isinstance(value, Path):
            value = content_of(value) if value.exists() else None  # one that is still to be written
        elif kind == "named" and value is not None:
            value = [[path.name, content_of(path)] for path in value]
        found[key_of(name, field)] = spelled(value, resolve)
    return found


def spelled(value: Any, resolve: Resolve) -> Any:
    """A value with every plugin, text and nested config in it spelled out."""
    if isinstance(value, Base):
        return identity(value, resolve)
    if isinstance(value, Use):
        return used(value, resolve)
    if isinstance(value, Measure):
        bounds = {"min": value.minimum, "max": value.maximum, "undecided": value.undecided}
        return {**used(value.use, resolve), "column": value.column, **bounds}
    if isinstance(value, File | Above | Weighed):
        return identity_of(value, resolve)
    if isinstance(value, Text):
        return value.content
    if isinstance(value, Mapping):
        return {key: spelled(item, resolve) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [spelled(item, resolve) for item in value]
    return value


def used(use: Use, resolve: Resolve) -> dict[str, Any]:
    settings: dict[str, Any] = spelled(dict(use.settings), resolve)
    if hasattr(use.module, "Config"):
        settings = identity(use.config, resolve)
    return {"name": use.name, "version": use.version, "settings": settings}
