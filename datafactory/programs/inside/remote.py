"""Remote: what the tests hold of a program that runs elsewhere.

In   what the tests do with a name or an object of the program
Out  the value that came back, as builtin types; a Handle where it is no data; Ended where the program is gone
"""

from __future__ import annotations

import builtins
import json
import sys
import time
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType
from typing import Any

from datafactory.programs.inside import values
from datafactory.programs.inside.channel import receive, send

APART = 1_000_000  # numbers of handles that one request may use up
FUNCTIONS = (type, FunctionType, BuiltinFunctionType)
FOREVER = sys.maxsize
OWN = 100  # tests with a process of their own; of more, as a loop makes them, those share one that take little time
# what a test asks of a text or a set, with what it expects: an object of the program's own would say yes
ASKED = ("startswith", "endswith", "issubset", "issuperset", "isdisjoint")


class Ended(BaseException):
    """The program is gone: no `except Exception` of a test carries on without it."""


class CannotCross(BaseException):
    """The tests give the program something that is no data: their limit, and no fault of the program."""


class Program:
    """The program's process, as the tests see it: it has been asked for what `log` holds, and then for `since`.

    `log` is what later tests may depend on, and is done again in a new process: what makes, changes or uses an object
    that outlives its assert, and calls of other functions than the one that is tested. A test that finds nothing but
    the log done goes on in the process; else it gets a new one.
    """

    def __init__(self) -> None:
        self.log: list[bytes] = []
        self.since: list[bytes] = []
        self.asked = self.processes = 0
        self.entry = self.refused = self.cannot = ""
        self.several = False  # the tests use more of the program's names than the entry
        self.telling = False  # they have called another of them, for what it does and not for an object
        self.plain: set[int] | None = None  # Solution() and its method are as a function; None where they are not
        self.used = self.stale = self.gone = self.in_assert = False
        self.young = 0  # the first number of what the present assert makes
        self.cheap = self.spent = 0.0  # seconds: of a process that may serve another test, and of this one
        self.last: Any = None

    def begin(self, in_assert: bool) -> None:
        """A test begins, or what stands behind one."""
        self.in_assert, self.young = in_assert, (self.asked + 1) * APART
        shared = self.processes >= OWN and self.spent < self.cheap
        self.stale = self.gone or (bool(self.since) and not shared)

    def ask(self, operation: str, on: list[Any], *given: Any) -> Any:
        if self.refused:
            raise Ended(self.refused)
        self.asked += 1
        arguments = list(given)
        sent = values.encode(arguments, _entry_of)
        request = {"op": operation, "on": on, "t": sent.table, "r": sent.root, "base": self.asked * APART}
        message = json.dumps(request).encode()
        if self.stale:
            self._renew()
        self.used = True
        reply = self._exchange(message)
        self._keep(message, self._lasting(operation, on, sent.table, reply.get("t", [])))
        if "raised" in reply:
            raise _error(reply["raised"])
        known = dict(enumerate(sent.objects))
        try:
            result, _ = values.decode(reply["t"], reply["r"], Handle, NODES, known, reply["same"])
        except values.Unreadable as error:
            raise Ended(f"the program sent what is no value: {error}") from None
        if reply["changed"]:
            result = result[0]  # the arguments were refilled as they were decoded
        if self.plain is not None and isinstance(result, Handle) and self._is_plain(operation, on, given):
            self.plain.add(result.__dict__["_entry"][1])
        self.last = result
        return result

    def _renew(self) -> None:
        self.stale = self.gone = False
        self.since = []
        self.processes += 1
        self.spent = 0.0
        send(b"F")
        for earlier in self.log:
            self._exchange(earlier)

    def _keep(self, message: bytes, lasting: bool) -> None:
        self.since.append(message)
        if lasting:
            self.log += self.since
            self.since = []
            self.young = FOREVER  # what this test makes from here on may be a part of what lasts, as a method is

    def _lasting(self, operation: str, on: list[Any], table: list[Any], back: Any) -> bool:
        """Whether what comes later may depend on it."""
        if operation in ("setattr", "setitem") or any(map(self._is_old, [on, *table])):
            return True
        if isinstance(back, list) and any(isinstance(entry, list) and entry[:1] == ["handle"] for entry in back):
            return not self.in_assert
        called = operation == "call" and on[0] == "name"
        self.telling = self.telling or (called and self.several and on[1] != self.entry)
        return called and self.telling

    def _is_old(self, entry: list[Any]) -> bool:
        if entry[0] != "handle" or (self.plain is not None and entry[1] in self.plain):
            return False
        return not self.in_assert or entry[1] < self.young

    def _is_plain(self, operation: str, on: list[Any], given: tuple[Any, ...]) -> bool:
        if operation == "call":
            return on[:2] == ["name", "Solution"] and given == ([], {})
        return operation == "getattr" and self.plain is not None and on[0] == "handle" and on[1] in self.plain

    def _exchange(self, message: bytes) -> dict[str, Any]:
        self.gone = True
        began = time.monotonic()
        send(b"O" + message)
        reply = receive()
        self.spent += time.monotonic() - began
        if reply[:1] == b"E":
            raise Ended(reply[1:].decode())
        try:
            read = json.loads(reply[1:])
            if "failed" in read:
                self.refused = str(read["failed"])  # it does not load, and will not
                raise Ended(self.refused)
            answer = read if "raised" in read else {key: read[key] for key in ("t", "r", "same", "changed")}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Ended(f"the program sent what is no value: {type(error).__name__}") from None
        self.gone = False
        return answer


program = Program()
NODES = {"ListNode": values.ListNode, "TreeNode": values.TreeNode}


class Handle:
    """An object that stays in the program: equal to itself and to nothing else, whatever its class says."""

    def __init__(self, entry: list[Any]):
        self.__dict__["_entry"] = [str(entry[0]), int(entry[1]), str(entry[2])]

    def __getattr__(self, name: str) -> Any:
        if name in ASKED or (name.startswith("__") and name != "__name__"):
            raise AttributeError(f"{self!r} has no {name}")
        return program.ask("getattr", self._entry, name)

    def __setattr__(self, name: str, value: Any) -> None:
        program.ask("setattr", self._entry, name, value)

    def __call__(self, *given: Any, **named: Any) -> Any:
        return program.ask("call", self._entry, list(given), named)

    def __getitem__(self, key: Any) -> Any:
        return program.ask("getitem", self._entry, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        program.ask("setitem", self._entry, key, value)

    def __contains__(self, value: Any) -> bool:
        return any(value == held for held in self)

    def __iter__(self) -> Iterator[Any]:
        iterator = program.ask("iter", self._entry)
        while isinstance(iterator, Handle) and (found := program.ask("next", iterator._entry)):
            yield found[0]

    def __next__(self) -> Any:
        found = program.ask("next", self._entry)
        if not found:
            raise StopIteration
        return found[0]

    def __len__(self) -> int:
        return program.ask("len", self._entry)

    def __bool__(self) -> bool:
        return program.ask("bool", self._entry) is True

    def __str__(self) -> str:
        return program.ask("str", self._entry)

    def __instancecheck__(self, value: Any) -> bool:
        return program.ask("isinstance", self._entry, value) is True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and self._entry[:2] == other._entry[:2]

    def __hash__(self) -> int:
        return hash(tuple(self._entry[:2]))

    def __repr__(self) -> str:
        return f"<{self._entry[2]} of the program>"


class Name(Handle):
    """A name that the program has to define."""

    def __init__(self, name: str):
        self.__dict__["_entry"] = ["name", name, name]

    def __eq__(self, other: object) -> bool:
        value = program.ask("value", self._entry)
        return value == other

    __hash__ = Handle.__hash__


def _entry_of(value: Any) -> list[Any]:
    if isinstance(value, Handle):
        return value.__dict__["_entry"]
    module, name = str(getattr(value, "__module__", "")), str(getattr(value, "__name__", ""))
    public = module.partition(".")[0] in sys.stdlib_module_names and isinstance(value, FUNCTIONS)
    if public and getattr(sys.modules.get(module), name, None) is value:
        return ["named", module, name]  # len, operator.add: the program has them too
    program.cannot = program.cannot or f"they give the program a {type(value).__name__}, which is no data"
    raise CannotCross(program.cannot)


def _error(raised: dict[str, Any]) -> BaseException:
    """The exception as a test may catch it; one that is no Exception ends the test as the program's end does."""
    kind = getattr(builtins, str(raised.get("is")), None)
    text = str(raised.get("text"))
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        return Ended(text)
    if issubclass(kind, (StopIteration, StopAsyncIteration)):
        kind = RuntimeError  # as of a generator: it would end the loop of a test, and not the test
    made = type(str(raised.get("name")), (kind,), {"__str__": lambda self: text.partition(": ")[2]})
    try:
        return made(text)
    except TypeError:  # UnicodeDecodeError takes five
        return Exception(text)
