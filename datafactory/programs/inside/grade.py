"""Grade: the process of the tests; what they call of the program happens in another process, by messages.

In   on the sandbox's channel: the code of the tests, what stands before it, the names that are the program's
Out  on the same channel: what to ask the program, and a record for every assert that was evaluated

Every assert counts by itself, and asks a process of its own unless it goes on with an object or a state that the tests
made before (remote.Program). Nothing of the program is ever in this process but data of the builtin types.
"""

from __future__ import annotations

import ast
import builtins
import json
import math
import reprlib
from typing import Any

from datafactory.programs.inside import formula, trees
from datafactory.programs.inside.channel import receive, send
from datafactory.programs.inside.remote import NODES, CannotCross, Ended, Name, program

OWN = ("list_node", "tree_node", "is_same_list", "is_same_tree")


class Test:
    """One assert while it is evaluated: what it compares, and how it went."""

    def __init__(self, text: str, reverse: bool):
        self.text = text
        self.reverse = reverse  # what is expected stands first
        self.sides: list[Any] = []

    def side(self, value: Any) -> Any:
        self.sides.append(value)
        return value

    def __enter__(self) -> Test:
        program.begin(in_assert=True)
        program.last = None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        program.begin(in_assert=False)
        if isinstance(error, CannotCross):
            return False
        if error is None:
            record(self.text, True)
            return True
        got, expected = self.sides if len(self.sides) == 2 else (program.last, None)
        got, expected = (expected, got) if self.reverse and len(self.sides) == 2 else (got, expected)
        failed = shown(got) if type(error) is AssertionError else _said(error)
        record(self.text, False, shown(expected) if len(self.sides) == 2 else "", failed)
        return True


def record(text: str, passed: bool, expected: str = "", got: str = "") -> None:
    made = {"test": text[:500], "passed": passed, "expected": expected[:500], "got": got[:500]}
    send(b"A" + json.dumps(made).encode())


class Shown(reprlib.Repr):
    """A short repr of what may be long, deep or odd."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = self.maxdict = 20
        self.maxstring = self.maxother = 200
        self.maxlevel = 3  # twenty of twenty, three times over: one list that holds another many times has no end

    repr_Counter = repr_OrderedDict = repr_defaultdict = reprlib.Repr.repr_dict


def shown(value: Any) -> str:
    try:
        return Shown().repr(value)
    except Exception:  # a number of more digits than Python writes
        return f"<{type(value).__name__}>"


def _said(error: BaseException | None) -> str:
    if isinstance(error, Ended):
        return str(error)
    name = type(error).__name__
    try:
        return f"{name}: {error}"[:300] if str(error) else name
    except Exception:  # as above, or a __str__ of the tests' own
        return name


class Counted(ast.NodeTransformer):
    """Each assert as a test of its own, which fails without ending what stands around it."""

    def __init__(self, code: str):
        self.code = code
        self.count = 0
        self.refusals: list[str] = []  # `assert False` where the program should not come to, and which it came to
        self.reached: set[int] = set()

    def visit_Assert(self, node: ast.Assert) -> Any:
        text = ast.get_source_segment(self.code, node) or ast.unparse(node)
        if isinstance(node.test, ast.Constant):
            if node.test.value:
                return ast.Pass()  # `assert True, "..."` tests nothing
            self.refusals.append(text)
            reached = ast.Call(ast.Name("__reached__", ast.Load()), [ast.Constant(len(self.refusals) - 1)], [])
            return [ast.Expr(reached), node]
        self.count += 1
        sides = _sides(node.test)
        reverse = [
            _calls(getattr(holder, field) if place is None else getattr(holder, field)[place])
            for holder, field, place in sides
        ] == [False, True]
        for holder, field, place in sides:
            side = getattr(holder, field) if place is None else getattr(holder, field)[place]
            call = ast.Call(ast.Attribute(ast.Name("__test__", ast.Load()), "side", ast.Load()), [side], [])
            if place is None:
                setattr(holder, field, call)
            else:
                getattr(holder, field)[place] = call
        opened = ast.Call(ast.Name("__Test__", ast.Load()), [ast.Constant(text), ast.Constant(reverse)], [])
        item = ast.withitem(opened, ast.Name("__test__", ast.Store()))
        return ast.With([item], [node])


def _calls(node: ast.expr) -> bool:
    return any(isinstance(inner, ast.Call) for inner in ast.walk(node))


def _sides(test: ast.expr) -> list[tuple[Any, str, int | None]]:
    """The two places of a test where what the program gave and what is expected stand; none where that is unclear."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return [(test, "left", None), (test, "comparators", 0)]
    if isinstance(test, ast.Call) and len(test.args) == 2 and not any(isinstance(a, ast.Starred) for a in test.args):
        return [(test, "args", 0), (test, "args", 1)]
    return []


def same(got: Any, wanted: Any, tolerance: float = 0.0, packed: bool = False) -> bool:
    """Whether a result is the one that JSON spells: a tuple is a list there, and a key is a text."""
    todo = [(got, wanted)]
    while todo:
        one, other = todo.pop()
        one = list(one) if isinstance(one, tuple) else one
        if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            todo += zip(one, other, strict=True)
        elif isinstance(one, dict) and isinstance(other, dict) and len(one) == len(other):
            spelled = {key if key in other else str(key): value for key, value in one.items()}
            if spelled.keys() != other.keys():
                return False
            todo += [(spelled[key], other[key]) for key in other]
        elif one != other and not _near(one, other, tolerance):
            return packed and got is not wanted and same(got, [wanted], tolerance)
    return True


def _near(one: Any, other: Any, tolerance: float) -> bool:
    if not tolerance or not isinstance(one, (int, float)) or not isinstance(other, (int, float)):
        return False
    try:
        allowed = tolerance * max(1.0, abs(other))
        return math.isfinite(allowed) and math.isfinite(one) and abs(one - other) <= allowed
    except OverflowError:  # an int beyond every float
        return False


def run(tests: dict[str, Any]) -> None:
    """Evaluate the tests; each assert leaves a record, and so does what ends them early."""
    names: dict[str, Any] = {"__name__": "tests", "__builtins__": {**vars(builtins), "eval": formula.value}}
    names["__same__"] = same
    if tests["prelude"]:
        names |= {name: getattr(trees, name) for name in OWN} | NODES
    counted = Counted(tests["code"])
    ended: BaseException | None = None
    try:
        exec(compile(tests["preamble"], "preamble.py", "exec", dont_inherit=True), names)
        theirs = [name for name in tests["free"] if name not in names]
        names |= {name: Name(name) for name in theirs}
        program.several = len(theirs) > 1
        program.entry = tests["entry"]
        program.plain = set() if tests["plain"] else None
        program.cheap = tests["cheap"]
        runnable = ast.fix_missing_locations(counted.visit(ast.parse(tests["code"])))
        names |= {"__Test__": Test, "__reached__": counted.reached.add}
        exec(compile(runnable, "tests.py", "exec", dont_inherit=True), names)
    except BaseException as error:
        ended = error
    if program.cannot or (ended and not program.used):
        send(b"X" + (program.cannot or _said(ended)).encode())
        return
    if ended:
        record("what stands around the asserts", False, "", _said(ended))
    else:
        for place in sorted(set(range(len(counted.refusals))) - counted.reached):
            record(counted.refusals[place], True)
    send(b"D" + json.dumps({"total": counted.count if ended else 0}).encode())


def main() -> None:
    run(json.loads(receive()))


if __name__ == "__main__":
    main()
