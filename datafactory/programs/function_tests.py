"""Function tests: Python code with asserts, made from HumanEval, MBPP, LeetCode, APPS and our own shape.

In   the code or the values of the tests, and the row they stand in: entry_point, prompt, test_setup_code, fn_name ...
Out  FunctionTests whose code runs as it is; Unreadable where it tests nothing
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datafactory.programs import extract, names, syntax
from datafactory.programs.tests import FunctionTests, Unreadable

NAMED = ("fn_name", "func_name", "function_name", "function", "entry_point")
SETUP = ("test_imports", "test_setup_code", "setup")
LEETCODE = {"Solution", "list_node", "tree_node", "is_same_list", "is_same_tree"}
# what the tests have at hand where they are written for LeetCode, beside its library
GIVEN = LEETCODE - {"Solution"} | {"ListNode", "TreeNode", "__same__"}
RUN_TEXT = ("exec", "compile")


def called(row: Mapping[str, Any]) -> str:
    """The name of the function that a row says is called; empty where it says none."""
    found = next((row[name] for name in NAMED if isinstance(row.get(name), str) and row[name]), "")
    if found:
        return found
    for name in ("metadata", "input_output"):
        try:
            held = json.loads(row[name]) if isinstance(row.get(name), str) else row.get(name)
        except (ValueError, RecursionError):
            continue
        if isinstance(held, Mapping) and held is not row:
            inner = next((held[key] for key in NAMED if isinstance(held.get(key), str) and held[key]), "")
            if inner:
                return inner
    return ""


def of_code(code: str, row: Mapping[str, Any]) -> FunctionTests:
    """Tests that are code already: check(candidate), test_...() or plain asserts."""
    code = code.replace("\r\n", "\n").replace("\r", "\n")
    tree = parsed(code)
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "solution"]
    if imports:  # the module that the program would have been
        tree.body = [node for node in tree.body if node not in imports]
        code = ast.unparse(tree)
    if not any(isinstance(node, ast.Assert) for node in ast.walk(tree)):
        raise Unreadable("the tests assert nothing")
    entry = called(row)
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    calls = []
    if "check" in defined and "check" not in used:
        if not entry.isidentifier() and not entry.startswith("Solution()."):
            raise Unreadable("check(candidate) is never called, and no entry_point says with what")
        calls = [f"check({entry})"]
    elif not set(defined) & used:
        calls = [f"{name}()" for name, node in defined.items() if name.startswith("test") and not node.args.args]
    code = "\n".join([*_setup(row), code, *calls])
    return _made(code, entry, row)


def _made(code: str, entry: str, row: Mapping[str, Any], prelude: bool = False) -> FunctionTests:
    """The tests with the imports that they left out."""
    tree = parsed(code)
    prelude = prelude or bool(names.free(code) & LEETCODE)
    prompt = _prompt(row.get("prompt"), entry)
    preamble = _preamble(prompt, entry)
    given = bound_names(parsed(preamble)) | (GIVEN if prelude else set())
    _can_be_run(tree, names.free(code) - given, entry)
    found, imports = names.decided(code, tree, entry, str(row.get("prompt") or ""), given)
    if found != entry:
        prompt = _prompt(row.get("prompt"), found)
        preamble = _preamble(prompt, found)
    futures = [node.end_lineno or 0 for node in tree.body if getattr(node, "module", "") == "__future__"]
    lines = code.split("\n")
    lines[max(futures, default=0) : max(futures, default=0)] = imports  # before them only a __future__ may stand
    return FunctionTests("\n".join(lines), found, prompt, preamble, prelude)


def _can_be_run(tree: ast.Module, loose: set[str], entry: str) -> None:
    """Unreadable where tests do what no process but the program's could, or what a program could turn against them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in RUN_TEXT and node.id != entry:
            raise Unreadable(f"the tests run text as code with {node.id}, and a program could have written the text")
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            caught = {inner.id for inner in ast.walk(node.type) if isinstance(inner, ast.Name)} & loose
            if caught:
                raise Unreadable(f"the tests catch {', '.join(sorted(caught))}, a class of the program's own")


def of_asserts(lines: Sequence[str], row: Mapping[str, Any]) -> FunctionTests:
    """MBPP's test_list: a statement or a few in each text."""
    code = "\n".join(line.strip() for line in lines)
    return of_code(code, row)


def of_values(name: str, inputs: Sequence[Any], outputs: Sequence[Any], row: Mapping[str, Any]) -> FunctionTests:
    """Arguments and results as APPS, TACO and LiveCodeBench keep them: lists, or a JSON text per argument."""
    if not name:
        raise Unreadable("the tests call a function, and no fn_name or entry_point says which")
    arguments = [_arguments(given) for given in inputs]
    wanted = [_loaded(output) for output in outputs]
    # APPS keeps a result x as [x]; one that is a list of one element by itself cannot be told from that
    packed = all(isinstance(output, list) and len(output) == 1 for output in wanted) and not any(
        isinstance(output, str) for output in outputs
    )
    pairs = [
        (_call(name, given, {}), output[0] if packed else output)
        for given, output in zip(arguments, wanted, strict=True)
    ]
    return _of_pairs(name, pairs, row, packed)


def of_calls(cases: Sequence[Mapping[str, Any]], row: Mapping[str, Any]) -> FunctionTests:
    """Our own shape: {"args": [...], "kwargs": {...}, "expected": ...} for each call of `function`."""
    name = called(row)
    if not name:
        raise Unreadable('tests with args and what is expected need the name of the function: {"function": "add", ...}')
    pairs = []
    for case in cases:
        given, named = case.get("args", []), case.get("kwargs", {})
        if not isinstance(given, list) or not isinstance(named, Mapping):
            raise Unreadable("args should be a list, kwargs a mapping")
        pairs.append((_call(name, given, named), case["expected"]))
    return _of_pairs(name, pairs, row, False)


def _of_pairs(name: str, pairs: Sequence[tuple[str, Any]], row: Mapping[str, Any], packed: bool) -> FunctionTests:
    tolerance = row.get("tolerance")
    settings = f", tolerance={tolerance!r}" if isinstance(tolerance, float | int) else ""
    settings += ", packed=True" if packed else ""
    code = "\n".join(f"assert __same__({call}, {wanted!r}{settings})" for call, wanted in pairs)
    entry = name if name.isidentifier() else name.partition("(")[0]
    return _made("\n".join([*_setup(row), code]), entry, row, prelude=True)


def _call(name: str, given: Sequence[Any], named: Mapping[str, Any]) -> str:
    return f"{name}({', '.join([*map(repr, given), *(f'{key}={value!r}' for key, value in named.items())])})"


def _arguments(given: Any) -> list[Any]:
    if isinstance(given, str):
        return [_loaded(line) for line in given.split("\n") if line.strip()]
    return given if isinstance(given, list) else [given]


def _loaded(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def _setup(row: Mapping[str, Any]) -> Iterator[str]:
    for name in SETUP:
        held = row.get(name)
        lines = held if isinstance(held, list) else [held]
        yield from (line.replace("\r", "") for line in lines if isinstance(line, str) and line.strip())


def parsed(code: str) -> ast.Module:
    seen = syntax.of(code)
    if not seen.compiles:
        raise Unreadable(f"the tests are not Python: {seen.error}")
    return ast.parse(code)


def bound_names(tree: ast.Module) -> set[str]:
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return bound


def _prompt(text: Any, entry: str) -> str:
    """The prompt where it is code that ends in the function to write, or the block of it that is."""
    if not isinstance(text, str) or not entry or f"def {entry}" not in text:
        return ""
    text = text.replace("\r\n", "\n")
    blocks = [block.text for block in extract.fenced(text, "python") if extract.defines(block.text, entry)]
    for start in [text, *blocks[-1:]]:
        for whole in (start, f"{start}\n    pass\n"):
            last = ast.parse(whole).body[-1:] if syntax.of(whole).compiles else []
            if last and isinstance(last[0], ast.FunctionDef | ast.AsyncFunctionDef) and last[0].name == entry:
                return start
    return ""


def _preamble(prompt: str, entry: str) -> str:
    """What the prompt holds beside the function to write: its imports and helpers."""
    if not prompt:
        return ""
    tree = ast.parse(prompt if syntax.of(prompt).compiles else f"{prompt}\n    pass\n")
    tree.body = [node for node in tree.body if getattr(node, "name", None) != entry]
    return ast.unparse(tree)
