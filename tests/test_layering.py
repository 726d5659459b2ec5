"""Imports go one way, and reading a recipe loads no framework."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from datafactory.plugins import PACKAGES, names

from .conftest import REPOSITORY

FRAMEWORKS = ("torch", "transformers", "trl", "vllm", "ray")

GROUND = {"agreement", "answers", "boundary", "config", "errors", "fingerprint", "groups", "quiet", "types"}
# what the files of a group may import, beside each other; `engines` alone is the package's own file, `programs.*` all
MAY_IMPORT = {
    "engines": {"budget", "chat", "config", "engines", "errors", "feed", "quiet", "settings", "sources", "types"},
    "verifiers": {
        "answers",
        "boundary",
        "chat",
        "config",
        "errors",
        "programs.*",
        "sandbox",
        "settings",
        "sources",
        "types",
    },
    "programs": {"boundary", "sandbox", "sandbox.box", "types"},
    "judges": {"answers", "chat", "config", "errors", "settings", "types"},
    "rewritings": {"answers", "chat", "config", "errors", "judges", "judges._texts", "settings", "sources", "types"},
    "executors": {"engines", "errors", "feed", "filters", "types"},
    "sandbox": {"boundary", "errors", "types"},
    "report": {
        "conditions",
        "errors",
        # what language a text is in, as the filters tell it
        "filters._language_block",
        "filters._language_names",
        "filters._scan",
        "filters._text",
        "fingerprint",
        "groups",
        "leaks",
        "licences",
        "plugins",
        "sources",
        "store",
        "story",
        "types",
    },
}
# who may import a file: the higher it stands, the fewer
IMPORTED_BY = {
    "cli": {"__main__"},
    "commands": {"commands"},  # the command line finds them by their files
    "distilling": {"commands"},
    "factory": {"commands"},
    "publish": {"factory"},
    "copying": {"publish"},
    "rejecting": {"publish"},
    "checking": {"commands", "pushing"},
    "exporting": {"commands"},
    "exports": {"commands", "exporting"},
    "pushing": {"commands"},
    "showing": {"commands"},
    "build": {"factory", "outlook", "pilot", "publish", "reckoning", "showing"},
    "outlook": {"factory"},
    "recipe": {"build", "factory", "pilot", "showing"},
    "scorefile": {"commands"},
    "measurefile": {"commands"},
    "starter": {"commands"},
    "page": {"distilling", "factory", "pilot", "recipe", "settings"},
    "executors": {"build", "checking", "job", "measurefile", "reckoning", "scorefile"},
    "stages": {"distilling"},
    "training": {"distilling", "stages"},
    "report": {"checking", "commands", "copying", "factory", "publish", "pushing", "review"},
    "review": {"commands", "stages"},
}


@cache
def modules() -> dict[str, Path]:
    """Every module by its name without `datafactory.`; filters keep theirs."""
    found = {}
    for package in ("datafactory", "filters"):
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            found[".".join(parts).removeprefix("datafactory.")] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of ours that a module imports, at its top or in a function, but for a type checker alone."""
    found = set()
    for node in _nodes(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports by a relative name"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    ours = {name for name in found if name.split(".")[0] in ("datafactory", "filters")}
    # `from datafactory.report import figures` imports figures; that the package is on the way says nothing
    whole = {name for name in ours if not any(_is_module(other) and other.startswith(f"{name}.") for other in ours)}
    return frozenset(name.removeprefix("datafactory.") for name in whole if _is_module(name))


def _is_module(name: str) -> bool:
    return name.removeprefix("datafactory.") in modules()


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)):
            yield from _nodes(child)


def group(module: str) -> str:
    return module.split(".")[0]


def test_no_import_goes_round_in_a_circle():
    # engines/transformers.py imports its torch side in a function, which imports nothing back
    order = TopologicalSorter({module: imports(module) for module in modules()}).static_order()
    assert len(list(order)) == len(modules())


def test_the_ground_imports_nothing_of_ours():
    assert {module: imports(module) for module in GROUND if imports(module)} == {}


# the verifier that a filter measures by, and how the project reads files
OF_FILTERS = {"filters.answer_agrees": {"answers", "verifiers"}, "filters._evaluation": {"errors", "sources"}}


def test_filters_import_nothing_of_datafactory_but_what_they_measure_by():
    for module in modules():
        if group(module) == "filters":
            ours = {group(name) for name in imports(module)} - {"filters"}
            assert ours <= OF_FILTERS.get(module, set()), module


@pytest.mark.parametrize("own", MAY_IMPORT)
def test_a_group_imports_only_what_stands_below_it(own: str):
    for module in modules():
        if group(module) == own:
            below = {name for name in imports(module) if f"{group(name)}.*" not in {f"{own}.*", *MAY_IMPORT[own]}}
            assert below <= MAY_IMPORT[own], f"{module} imports {sorted(below - MAY_IMPORT[own])}"


@pytest.mark.parametrize("high", IMPORTED_BY)
def test_what_stands_high_is_imported_only_from_above(high: str):
    importers = {
        module for module in modules() if group(module) != high and any(group(name) == high for name in imports(module))
    }
    wrong = {module for module in importers if group(module) not in IMPORTED_BY[high]}
    assert not wrong, f"{sorted(wrong)} import {high}"


def test_a_stage_imports_no_other_stage():
    for module in modules():
        if group(module) == "stages":
            assert {name for name in imports(module) if group(name) == "stages"} == set(), module


def loaded_by(statements: str, unwanted: tuple[str, ...]) -> str:
    """What a fresh process says it loaded, where it should not have."""
    script = f"""
import sys
def look(name):
    found = sorted(set({unwanted!r}) & set(sys.modules))
    if found:
        print(name, "loads", *found)
        sys.exit()
{statements}
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_reading_a_recipe_loads_no_framework():
    plugins = [f"{PACKAGES[kind]}.{name}" for kind in PACKAGES for name in names(kind)]
    statements = "import importlib\n" + "".join(
        f"importlib.import_module({name!r}); look({name!r})\n"
        for name in ("datafactory.cli", "datafactory.recipe", "datafactory.build", "datafactory.factory", *plugins)
    )
    assert loaded_by(statements, FRAMEWORKS) == ""


def test_help_answers_without_loading_a_library():
    statements = """
import io, contextlib
sys.argv = ["datafactory", "--help"]
from datafactory.cli import main
with contextlib.redirect_stdout(io.StringIO()) as shown:
    try:
        main()
    except SystemExit as ended:
        assert ended.code == 0
assert "Usage" in shown.getvalue()
look("datafactory --help")
"""
    libraries = ("polars", "pyarrow", "pydantic", "rich", "yaml", "datasets", "sympy", "numpy", *FRAMEWORKS)
    assert loaded_by(statements, libraries) == ""
