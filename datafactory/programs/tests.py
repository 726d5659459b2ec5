"""Tests: what a program has to do, in one form, whatever the source's was."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

Language = Literal["python", "cpp", "javascript"]


class Unreadable(ValueError):
    """The tests of a problem cannot be read; the text says why."""


@dataclass(frozen=True)
class Case:
    """One input on stdin, and what the whole of stdout should be."""

    input: str
    output: str


@dataclass(frozen=True)
class Checker:
    """A program that judges an output where several are right."""

    language: Language
    source: str


@dataclass(frozen=True)
class StdioTests:
    """A program reads stdin and writes stdout; tolerance is the error, absolute or relative, a number may have."""

    cases: tuple[Case, ...]
    checker: Checker | None = None
    tolerance: float | None = None


@dataclass(frozen=True)
class FunctionTests:
    """Python code that calls what the program defines, one test per assert.

    entry      the name that the program has to define; empty where that is not known
    prompt     the start of a program that the completion may go on with, in HumanEval's way
    preamble   what stands before the program, and what the tests know of it: imports, helpers of the prompt
    prelude    whether the names of LeetCode's Python are there without an import
    """

    code: str
    entry: str = ""
    prompt: str = ""
    preamble: str = ""
    prelude: bool = False


@dataclass(frozen=True)
class Stated:
    """The limits that a problem states for one test, in seconds and bytes; None where it states none."""

    seconds: float | None = None
    memory: int | None = None


@dataclass(frozen=True)
class Tests:
    """The tests of a problem with the limits it states."""

    what: StdioTests | FunctionTests
    stated: Stated = field(default_factory=Stated)

    def within(self, stated: Stated) -> Tests:
        """With these limits where the tests state none themselves."""
        own = self.stated
        return replace(self, stated=Stated(own.seconds or stated.seconds, own.memory or stated.memory))
