"""Remote: what the tests hold of a program that runs elsewhere.

In   what the tests do with a name or an object of the program
Out  the value that came back, as builtin types; a Handle where it is no data; Ended where the program is gone
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator
from typing import Any

from datafactory.programs.inside import values
from datafactory.programs.inside.channel import receive, send

APART = 1_000_000  # numbers of handles that one request may use up
# what a test asks of a text or a set, with what it expects: an object of the program's own would say yes
ASKED = ("startswith", "endswith", "issubset", "issuperset", "isdisjoint")


class Ended(BaseException):
    """The program is gone: no `except Exception` of a test carries on without it."""


class Program:
    """The program's process, as the tests see it."""

    def __init__(self) -> None:
        self.built: list[bytes] = []  # what is done again in a new process
        self.asked = 0
        self.used = False  # whether the process has been asked for anything yet
        self.stale = False
        self.in_assert = False
        self.last: Any = None

    def ask(self, operation: str, on: list[Any], *given: Any) -> Any:
        self.asked += 1
        arguments = list(given)
        sent = values.encode(arguments, _entry_of)
        request = {"op": operation, "on": on, "t": sent.table, "r": sent.root, "base": self.asked * APART}
        message = json.dumps(request).encode()
        if self.stale:
            self.stale = False
            send(b"F")
            for earlier in self.built:
                self.exchange(earlier)
        self.used = True
        reply = self.exchange(message)
        if "raised" in reply:
            raise _error(reply["raised"])
        known = dict(enumerate(sent.objects))
        try:
            result, _ = values.decode(reply["t"], reply["r"], Handle, NODES, known, reply["same"])
        except values.Unreadable as error:
            raise Ended(f"the program sent what is no value: {error}") from None
        if reply["changed"]:
            result = result[0]  # the arguments were refilled as they were decoded
        if not self.in_assert and (on[0] == "handle" or _holds_handle(sent.table) or _holds_handle(reply["t"])):
            self.built.append(message)
        self.last = result
        return result

    def exchange(self, message: bytes) -> dict[str, Any]:
        send(b"O" + message)
        reply = receive()
        if reply[:1] == b"E":
            raise Ended(reply[1:].decode())
        try:
            read = json.loads(reply[1:])
            if "failed" in read:
                raise Ended(str(read["failed"]))
            return read if "raised" in read else {key: read[key] for key in ("t", "r", "same", "changed")}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Ended(f"the program sent what is no value: {type(error).__name__}") from None


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
    raise TypeError(f"the tests pass a {type(value).__name__} to the program, which is no data")


def _holds_handle(table: list[Any]) -> bool:
    return any(entry[0] == "handle" for entry in table)


def _error(raised: dict[str, Any]) -> BaseException:
    """The exception as a test may catch it; one that is no Exception ends the test as the program's end does."""
    kind = getattr(builtins, str(raised.get("is")), None)
    text = str(raised.get("text"))
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        return Ended(text)
    made = type(str(raised.get("name")), (kind,), {"__str__": lambda self: text.partition(": ")[2]})
    try:
        return made(text)
    except TypeError:  # UnicodeDecodeError takes five
        return Exception(text)
