"""The identity of what is made: a canonical text of everything that decided it, and the hash of that text.

A value without a canonical form raises; nothing is turned into text by chance.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

HASH = re.compile(r"[0-9a-f]{64}$")
REMEMBER = 32 << 20  # files of this size and more are hashed once per (path, size, time), not at every build


def canonical(value: Any) -> Any:
    """The value in JSON's types with keys in order; TypeError for anything that has no single spelling."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError(f"{value} has no canonical form")
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a mapping whose keys are not all text has no canonical form")
        return {key: canonical(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    raise TypeError(f"a {type(value).__name__} has no canonical form")


def digest(value: Any) -> str:
    """sha256 of the canonical text, 64 hex digits."""
    text = json.dumps(canonical(value), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sha256_of(path: Path) -> str:
    """sha256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def content_of(path: Path) -> str:
    """The identity of a file or a folder by what it holds, hidden files left out; large files are remembered."""
    if path.is_dir():
        files = sorted(
            inner
            for inner in path.rglob("*")
            if inner.is_file() and not any(part.startswith(".") for part in inner.relative_to(path).parts)
        )
        return digest([[str(inner.relative_to(path)), content_of(inner)] for inner in files])
    state = path.stat()
    if state.st_size < REMEMBER:
        return sha256_of(path)
    known = digest([str(path.resolve()), state.st_size, state.st_mtime_ns, state.st_ino])
    note = cache_folder() / "hashes" / known
    with suppress(OSError):
        known_content = note.read_text()
        if HASH.match(known_content):
            return known_content
    content = sha256_of(path)
    with suppress(OSError):  # a cache that cannot be written only costs the hashing again
        note.parent.mkdir(parents=True, exist_ok=True)
        beside = note.with_name(f".{known}.{os.getpid()}.tmp")
        beside.write_text(content)
        beside.replace(note)
    return content


def cache_folder() -> Path:
    """Where models and hashes are kept between builds: $DATAFACTORY_CACHE, else the user's cache folder."""
    given = os.environ.get("DATAFACTORY_CACHE")
    if given:
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "datafactory"
