"""The room: the files that a program in the sandbox sees, and no others.

In   the bytes that all it writes may have
Out  steps to build a root from nothing, in order, for bubblewrap or for our own mounts

Read-only: /usr and the folders beside it, what the linker and `alternatives` keep in /etc, and the standard library of
the Python that runs here, wherever it lies, without its site-packages. Writable: one bounded tmpfs, /box, where the
program starts (/box/work) and where /tmp, /var/tmp and /dev/shm lead. No home folder, no /sys, no terminal.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Literal, NamedTuple

BOX = "/box"
NAME = f"python{sys.version_info.major}.{sys.version_info.minor}"
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
OF_ETC = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
# not /dev/zero: mapped, it is shared memory that nothing counts
DEVICES = ("null", "full", "random", "urandom")
LINKS = {
    "/tmp": f"{BOX}/tmp",
    "/var/tmp": f"{BOX}/tmp",
    "/dev/shm": f"{BOX}/shm",
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
}


class Step(NamedTuple):
    """One thing to put at `place`: a bind of `source`, a link to it, or a file system of its own."""

    do: Literal["bind", "device", "link", "hide", "proc", "box"]
    place: str
    source: str = ""


def steps() -> list[Step]:
    found = [step for path in SYSTEM for step in _system(path)]
    found += [Step("bind", path, path) for path in OF_ETC if Path(path).exists()]
    found += _python()
    found += [Step("device", f"/dev/{name}", f"/dev/{name}") for name in DEVICES]
    found += [Step("link", place, target) for place, target in LINKS.items()]
    return [*found, Step("proc", "/proc"), Step("box", BOX)]


def python() -> str:
    """The interpreter itself: a virtual environment's would bring its packages along."""
    inside = Path(sys.base_prefix) / "bin" / NAME
    return str(inside) if inside.exists() else str(Path(sys.executable).resolve())


def search_path() -> str:
    return os.pathsep.join([str(Path(python()).parent), "/usr/local/bin", "/usr/bin", "/bin"])


def which(program: str) -> str | None:
    """Where a program of the system lies that the sandbox sees too, such as g++ or node."""
    return shutil.which(program, path="/usr/local/bin:/usr/bin:/bin")


def _system(path: str) -> list[Step]:
    if Path(path).is_symlink():
        return [Step("link", path, str(Path(path).readlink()))]
    return [Step("bind", path, path)] if Path(path).is_dir() else []


def _python() -> list[Step]:
    program = Path(python())
    prefix = program.parent.parent
    if prefix.is_relative_to("/usr"):
        return []
    found = [Step("bind", str(program), str(program.resolve()))]
    found += [Step("link", str(program.parent / other), program.name) for other in ("python3", "python")]
    for library in (prefix / "lib", prefix / "lib64"):
        found += _system(str(library))
        packages = library / NAME / "site-packages"
        if packages.is_dir() and not library.is_symlink():
            found.append(Step("hide", str(packages)))
    return found
