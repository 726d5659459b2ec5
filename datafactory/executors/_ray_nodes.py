"""Nodes: what every machine of a cluster has to have as the one that drives it, or the bytes would differ.

the same code       this package, and the versions of those that decide a row or how a shard is written
the same folder     where the datasets are, under the same path; told by a file that the driver wrote into it
the same plugins    the files of the user's own that the recipe names, by content
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import datafactory
import filters
from datafactory.errors import UserError

PACKAGES = ("polars", "pyarrow", "sympy", "math-verify", "langdetect", "ruff")


@dataclass(frozen=True)
class Alike:
    """What the driver has; `demand()` is called where work is done."""

    code: str
    versions: tuple[tuple[str, str], ...]
    mark: Path
    files: tuple[tuple[Path, str], ...]

    def demand(self) -> None:
        """UserError with what is another here; asked once by each process."""
        if self in _ALIKE:
            return
        here = f"the Ray node {socket.gethostname()}"
        if not self.mark.exists():
            raise UserError(
                f"{here} does not see {self.mark.parent}: with --executor ray, --outputs is to be a folder that all "
                "nodes share under the same path (NFS or the like)"
            )
        for name, version in self.versions:
            if _version(name) != version:
                raise UserError(f"{here} has {name} {_version(name)}, this machine {version}; the bytes could differ")
        if code() != self.code:
            raise UserError(f"{here} has another datafactory than this machine; install the same on every node")
        for path, content in self.files:
            if not path.is_file():
                raise UserError(f"{here} does not see {path}: keep the recipe's files in a folder that all nodes share")
            if hashlib.sha256(path.read_bytes()).hexdigest() != content:
                raise UserError(f"{here} has another {path} than this machine")
        _ALIKE.add(self)


_ALIKE: set[Alike] = set()


@contextmanager
def marked(folder: Path, files: Mapping[Path, str]) -> Iterator[Alike]:
    """What this machine has, with a file in that folder for as long as the work goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".ray-*"):  # by a driver that was killed
        _remove_unheld(left)
    mark = folder.absolute() / f".ray-{secrets.token_hex(8)}"
    with mark.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        try:
            yield Alike(code(), tuple((name, _version(name)) for name in PACKAGES), mark, tuple(files.items()))
        finally:
            mark.unlink(missing_ok=True)


def _remove_unheld(mark: Path) -> None:
    try:
        with mark.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mark.unlink(missing_ok=True)
    except (BlockingIOError, FileNotFoundError):
        pass


@cache
def code() -> str:
    """The hash of all the code of this project."""
    found = hashlib.sha256()
    for package in (datafactory, filters):
        for root in sorted(package.__path__):
            for path in sorted(Path(root).rglob("*.py")):
                found.update(f"{path.relative_to(root)} {os.path.getsize(path)}\n".encode())  # noqa: PTH202
                found.update(path.read_bytes())
    return found.hexdigest()


@cache
def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "(none)"
