"""A JSON file that is one list of objects, read an object at a time: what is held is one of them and a little more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from datafactory.errors import StageError

READ = 2**20  # characters at a time
NEAR = 64  # characters: what seems wrong so near to the end of what was read may only be cut off there
DECODER = json.JSONDecoder()


def objects(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of the list; StageError with the line where it is none."""
    with path.open(encoding="utf-8-sig") as stream:
        text = _Text(path, stream)
        if text.taken() != "[":
            raise _no_list(path)
        if text.seen() == "]":
            text.taken()
        else:
            mark = ","
            while mark == ",":
                text.seen()
                value = text.value()
                if not isinstance(value, dict):
                    raise _no_list(path)
                yield value
                mark = text.taken()
            if mark != "]":
                raise text.wrong("Expecting ',' delimiter" if mark else "the list is not closed")
        if text.seen():
            raise text.wrong("Extra data")


def _no_list(path: Path) -> StageError:
    return StageError(f"{path}:1: a .json file holds one list of objects; a line each is .jsonl")


class _Text:
    """What was read of a file; `at` is where it goes on, `line` the line in which it begins."""

    def __init__(self, path: Path, stream: TextIO) -> None:
        self._path, self._stream = path, stream
        self._text, self._at, self._line = "", 0, 1

    def seen(self) -> str:
        """The next character that is no space, left where it is; "" at the end."""
        while True:
            while self._text[self._at : self._at + 1].isspace():
                self._at += 1
            if self._at < len(self._text) or not self._more(READ):
                return self._text[self._at : self._at + 1]

    def taken(self) -> str:
        """The same, and it is behind."""
        mark = self.seen()
        self._at += len(mark)
        return mark

    def value(self) -> Any:
        """The next value, and it is behind."""
        wanted = READ
        while True:
            try:
                value, self._at = DECODER.raw_decode(self._text, self._at)
                return value
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - NEAR
                if not cut or not self._more(wanted):
                    raise self.wrong(error.msg, error.pos) from error
                wanted *= 2  # a long value is not gone through again and again
            except RecursionError as error:
                raise self.wrong("too deep") from error

    def wrong(self, what: str, at: int | None = None) -> StageError:
        line = self._line + self._text.count("\n", 0, self._at if at is None else at)
        return StageError(f"{self._path}:{line}: not JSON: {what}")

    def _more(self, count: int) -> bool:
        """Read on, and let go of what is behind; whether there was more."""
        read = self._stream.read(count)
        if read:
            self._line += self._text.count("\n", 0, self._at)
            self._text, self._at = self._text[self._at :] + read, 0
        return bool(read)
