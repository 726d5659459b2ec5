"""From a name in a recipe to the code behind it. Name = file; nothing is registered, nothing happens at import.

A kind is a package: `math` among the verifiers is `datafactory/verifiers/math.py`. A name that ends in `.py` is a
file of the user's own, of the same form, sought from the recipe's folder; its column is named after the file.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from datafactory.config import Base
from datafactory.errors import UserError, did_you_mean

PACKAGES = {
    "stage": "datafactory.stages",
    "engine": "datafactory.engines",
    "verifier": "datafactory.verifiers",
    "judge": "datafactory.judges",
    "rewriting": "datafactory.rewritings",
    "filter": "filters",
}


class NoSettings(Base):
    """The Config of a plugin that declares none."""


@dataclass(frozen=True)
class Use:
    """A plugin with the settings one recipe gives it; small and picklable, so that a worker process can load it.

    file is set for a plugin of the user's own, and is then absolute; folder is where paths in its settings start.
    """

    kind: str
    name: str
    file: str | None = None
    settings: tuple[tuple[str, Any], ...] = field(default=())
    folder: str = "."

    @property
    def module(self) -> ModuleType:
        if not self.file:
            return _module_named(self.kind, self.name)
        state = Path(self.file).stat()  # a file that was edited is another module
        return _module_at(self.kind, self.file, state.st_mtime_ns, state.st_size)

    @property
    def config(self) -> Any:
        return getattr(self.module, "Config", NoSettings).model_validate(
            dict(self.settings), context={"folder": Path(self.folder)}
        )

    @property
    def version(self) -> str:
        """What counts in the identity: VERSION for ours, the file's content for the user's own."""
        if self.file:
            return hashlib.sha256(Path(self.file).read_bytes()).hexdigest()
        return str(self.module.VERSION)


def names(kind: str) -> list[str]:
    """The names of a kind: the files that are there."""
    package = PACKAGES[kind]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"the package {package} is not installed")
    found = {
        path.stem
        for folder in spec.submodule_search_locations
        for path in Path(folder).glob("*.py")
        if not path.stem.startswith("_")
    }
    return sorted(found)


def summary(kind: str, name: str) -> str:
    """The first line of a plugin's docstring, read without importing it."""
    return docstring(kind, name).partition("\n")[0].strip()


def docstring(kind: str, name: str) -> str:
    spec = importlib.util.find_spec(f"{PACKAGES[kind]}.{name}")
    assert spec is not None and spec.origin is not None
    return ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""


def find(kind: str, name: str, folder: Path, settings: dict[str, Any] | None = None) -> Use:
    """The plugin of that name, checked to exist; raises UserError with the nearest name otherwise."""
    given = tuple((settings or {}).items())
    if name.endswith(".py"):
        path = (folder / name).resolve()
        if not path.is_file():
            raise UserError(f"there is no file {path}")
        return Use(kind, path.stem, str(path), given, str(folder.resolve()))
    if name not in names(kind):
        raise UserError(f"no {kind} named '{name}'.{did_you_mean(name, names(kind))}")
    return Use(kind, name, None, given, str(folder.resolve()))


@cache
def _module_named(kind: str, name: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGES[kind]}.{name}")


@cache
def _module_at(kind: str, file: str, changed: int, size: int) -> ModuleType:
    digest = hashlib.sha256(f"{file} {changed} {size}".encode()).hexdigest()[:12]
    name = f"datafactory_{kind}_{digest}_{Path(file).stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look their module up by name
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UserError(f"{file} does not load: {type(error).__name__}: {error}") from error
    return module
