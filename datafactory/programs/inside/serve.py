"""Serve: the process of a program that answers calls; it sees arguments and never what is expected.

In   prelude.py, preamble.py and program.py beside this file; requests on the sandbox's channel
Out  a reply to each: the value as data, and the arguments where the call changed them; or what it raised

Whatever the program does to this process, all that leaves it is text, which the tests decode to builtin types.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from datafactory.programs.inside import values
from datafactory.programs.inside.channel import receive, send

BUILTIN_ERRORS = {name: kind for name, kind in vars(builtins).items() if isinstance(kind, type)}


class Server:
    """A program that is loaded, and its objects that the tests hold by number."""

    def __init__(self) -> None:
        # the prelude is as far away as the builtins are: a name of it is none that the program defines
        self.builtins: dict[str, Any] = dict(vars(builtins))
        self.names: dict[str, Any] = {"__name__": "solution", "__builtins__": self.builtins}
        self.objects: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}
        self.next = 0

    def load(self) -> str:
        """What went wrong; empty where the program is there. Its `if __name__ == "__main__":` does not run."""
        prelude: dict[str, Any] = {"__name__": "prelude"}
        for file, names in (("prelude.py", prelude), ("preamble.py", self.names), ("program.py", self.names)):
            text = Path(file).read_text(encoding="utf-8", errors="surrogatepass")
            try:
                exec(compile(text, file, "exec", dont_inherit=True), names)
            except BaseException as error:
                return f"the program does not load: {said(error)}"
            self.builtins |= {name: value for name, value in prelude.items() if not name.startswith("__")}
        return ""

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        self.next = max(self.next, request["base"])
        try:
            target = self.find(request["on"])
            arguments, sent = values.decode(request["t"], request["r"], self.find, self.nodes())
            known = {id(held): place for place, held in enumerate(sent) if request["t"][place][0] in values.MUTABLE}
            result = apply(request["op"], target, arguments)
            changed = values.encode(arguments, self.number).table != request["t"]
            reply = values.encode([result, arguments] if changed else result, self.number, known)
            return {"t": reply.table, "r": reply.root, "same": reply.same, "changed": changed}
        except BaseException as error:
            return {"raised": raised(error)}

    def nodes(self) -> dict[str, type]:
        """The program's own ListNode where it defines one."""
        found = {name: self.names.get(name) for name in values.NODES}
        return {name: kind if isinstance(kind, type) else getattr(values, name) for name, kind in found.items()}

    def find(self, entry: list[Any]) -> Any:
        """What a name or a number of the tests means here."""
        kind, key = entry[:2]
        if kind == "handle":
            return self.objects[key]
        if kind == "named":
            return getattr(importlib.import_module(key), entry[2])
        if key in self.names:
            return self.names[key]
        solution = self.names.get("Solution")
        if hasattr(solution, key):  # a test that names the method alone
            return getattr(solution(), key)  # type: ignore[misc]
        raise NameError(f"the program defines no {key!r}")

    def number(self, value: Any) -> list[Any]:
        if id(value) not in self.numbers:
            self.numbers[id(value)] = self.next
            self.objects[self.next] = value
            self.next += 1
        return ["handle", self.numbers[id(value)], type(value).__name__]


def apply(operation: str, target: Any, given: list[Any]) -> Any:
    if operation == "call":
        return target(*given[0], **given[1])
    if operation == "setattr":
        return setattr(target, *given)
    if operation == "getitem":
        return target[given[0]]
    if operation == "setitem":
        target[given[0]] = given[1]
        return None
    if operation == "next":
        try:
            return [next(target)]
        except StopIteration:
            return []
    if operation == "isinstance":
        return isinstance(given[0], target)
    return target if operation == "value" else getattr(builtins, operation)(target, *given)


def raised(error: BaseException) -> dict[str, str]:
    """An exception as its name, the nearest class that every Python has, and its text."""
    kinds = [kind.__name__ for kind in type(error).__mro__ if BUILTIN_ERRORS.get(kind.__name__) is kind]
    return {"name": type(error).__name__, "is": (kinds or ["Exception"])[0], "text": said(error)}


def said(error: BaseException) -> str:
    name = type(error).__name__
    try:
        return f"{name}: {error}"[:300] if str(error) else name
    except BaseException:
        return name


def main() -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.setrecursionlimit(10_000)
    server = Server()
    wrong = server.load()
    while True:
        request = json.loads(receive())
        reply = {"failed": wrong} if wrong else server.answer(request)
        try:
            text = json.dumps(reply)
        except BaseException as error:
            text = json.dumps({"raised": raised(error)})
        send(text.encode())


if __name__ == "__main__":
    main()
