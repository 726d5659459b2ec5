"""Names: which of those that tests use without defining them are the program's, and which the standard library's.

In   the tests as a tree, the entry point where the row tells it, the text of the problem
Out  the entry point, and the imports that the tests left out
Why  a name that is taken for the program's lets the program decide: `assert isclose(f(1), 3)`, and its own isclose

The entry point is the program's, and so is what nothing else has a name for. What LeetCode's Python has without an
import (Counter, isclose, math) is the library's, unless the problem asks for it ("def add", "a class Counter"), or an
assert has nothing else that could be the program's: `assert add(1, 2) == 3` tests a function of the program's own.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import re
import symtable
from collections.abc import Iterator
from functools import cache
from pathlib import Path

BUILTINS = frozenset(dir(builtins))
# modules that tests mean by `name.something`, beside those of LeetCode's Python
MODULES = ("cmath", "decimal", "fractions", "json", "statistics", "typing")
# not installed: tests that use them without an import cannot run, and are nothing that a program defines
ABSENT = {"np": "numpy", "numpy": "numpy", "pd": "pandas", "pandas": "pandas", "pytest": "pytest"}
PURE = ("collections", "functools", "itertools", "math", "operator", "string")
ASKED = r"\b(?:def|class|function|method|named|called|implement|write)\s+[`'\"*]*{}\b"


def free(code: str) -> set[str]:
    """The names that code uses and neither defines, imports nor has built in."""
    used = {symbol.get_name() for symbol in _global(code) if symbol.is_referenced()}
    return used - defined(code) - BUILTINS


def defined(code: str) -> set[str]:
    return {symbol.get_name() for symbol in _global(code) if symbol.is_assigned() or symbol.is_imported()}


def _global(code: str) -> Iterator[symtable.Symbol]:
    """What stands for a name of the module, wherever it stands: a parameter of the same name does not."""
    todo = [symtable.symtable(code, "tests.py", "exec")]
    while todo:
        table = todo.pop()
        todo += table.get_children()
        for symbol in table.get_symbols():
            if table.get_type() == "module" or symbol.is_global():
                yield symbol


def methods(tree: ast.Module, kind: str) -> int:
    """How many attributes tests take of the objects they make of a class: of one alone, it is as a function."""
    objects = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _calls(node.value) == kind
        for target in node.targets
        for name in _names(target)
    }
    taken = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return len({
        node.attr
        for node in taken
        if _calls(node.value) == kind or (isinstance(node.value, ast.Name) and node.value.id in objects)
    })  # fmt: skip


def decided(code: str, tree: ast.Module, entry: str, text: str, given: set[str]) -> tuple[str, list[str]]:
    """The entry point, as the row has it or as the asserts call it, and the imports of names that are the library's.

    `given` are the names that the prompt defines for the tests."""
    loose = free(code) - given
    known = {name for name in loose if name in library() and _as_known(name, tree)} - {entry}
    asked = {name for name in known if re.search(ASKED.format(re.escape(name)), text)}
    ours = loose - known
    theirs = ours | asked | _alone(tree, known - asked, known | BUILTINS | given)
    theirs |= {name for name in known if _for_effect(name, tree)}
    theirs |= {entry} if entry.isidentifier() else set()
    if not theirs:
        theirs = known or _alone(tree, set(BUILTINS), BUILTINS)  # as MBPP's `sum`, a function of the program's own
    if not entry.isidentifier():
        entry = "Solution" if "Solution" in loose else _tested(tree, theirs)
    return entry, [library()[name] for name in sorted(known - theirs - {entry})]


@cache
def library() -> dict[str, str]:
    """The names that LeetCode's Python has without an import, and the import of each."""
    found = {name: f"import {module}" + (f" as {name}" if name != module else "") for name, module in ABSENT.items()}
    prelude = ast.parse((Path(__file__).parent / "inside" / "prelude.py").read_text(encoding="utf-8"))
    for node in prelude.body:
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            module = importlib.import_module(str(node.module))
            public = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
            found |= {name: f"from {node.module} import {name}" for name in public if name not in BUILTINS}
        elif isinstance(node, ast.Import):
            found |= {alias.name: f"import {alias.name}" for alias in node.names}
    return found | {name: f"import {name}" for name in MODULES}


def _as_known(name: str, tree: ast.Module) -> bool:
    """Whether a name is used as the library's: a module only before a dot."""
    if not library()[name].startswith("import ") or name in ABSENT:
        return True
    dotted = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return all(id(node) in dotted for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name)


def _for_effect(name: str, tree: ast.Module) -> bool:
    """Whether a call's result is let go: nobody calls a function of the library that has no other effect for that."""
    pure = library()[name].startswith(tuple(f"from {module} " for module in PURE))
    return pure and any(isinstance(node, ast.Expr) and _calls(node.value) == name for node in ast.walk(tree))


def _alone(tree: ast.Module, candidates: set[str], known: set[str] | frozenset[str]) -> set[str]:
    """Which of the candidates an assert calls that holds nothing else of the program: the innermost of them."""
    from_program = _from_program(tree, known)
    found = set()
    for test in _asserted(tree):
        if any(node.id in from_program for node in ast.walk(test) if isinstance(node, ast.Name)):
            continue
        calls = [node for node in ast.walk(test) if _calls(node) in candidates]
        found |= {_calls(call) for call in calls if not any(one is not call and one in ast.walk(call) for one in calls)}
    return found


def _from_program(tree: ast.Module, known: set[str] | frozenset[str]) -> set[str]:
    """Names that may hold what the program gave: parameters, what is nobody else's, and what is made of such."""
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    loaded = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | (loaded - bound - known)
    made = list(_made(tree))
    while more := {name for names, of in made for name in names if of & found} - found:
        found |= more
    return found


def _made(tree: ast.Module) -> Iterator[tuple[set[str], set[str]]]:
    """Names that are assigned, and the names that they are made of."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value is not None:
            targets, value = [node.target], node.value
        elif isinstance(node, ast.For | ast.comprehension):
            targets, value = [node.target], node.iter
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            targets, value = [node.optional_vars], node.context_expr
        else:
            continue
        yield {name for target in targets for name in _names(target)}, _names(value)


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _asserted(tree: ast.Module) -> list[ast.expr]:
    return [node.test for node in ast.walk(tree) if isinstance(node, ast.Assert)]


def _calls(node: ast.AST) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _tested(tree: ast.Module, theirs: set[str]) -> str:
    """The function that every assert calls; empty where there is none."""
    first: list[str] = []
    for number, test in enumerate(_asserted(tree)):
        names = [name for node in ast.walk(test) if (name := _calls(node)) in theirs]
        first = names if not number else [name for name in first if name in names]
    return first[0] if first else ""
