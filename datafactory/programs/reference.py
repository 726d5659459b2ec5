"""Reference solutions: the programs that a problem comes with, which its tests ought to accept.

In   problem: its answer, else the columns that hold solutions; the tests; the languages that can run
Out  the programs to try, the first that passes is enough
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datafactory.programs import assemble, extract
from datafactory.programs.languages import TOOLS
from datafactory.programs.running import Program
from datafactory.programs.tests import FunctionTests, Language, StdioTests
from datafactory.types import Problem

COLUMNS = ("canonical_solution", "reference_solution", "solutions", "solution", "code")
# the numbers that code_contests gives to languages
CODE_CONTESTS: dict[Any, Language] = {2: "cpp", 3: "python", "CPP": "cpp", "PYTHON3": "python"}
MOST = 3  # of several solutions of a source


def solutions(problem: Problem, tests: StdioTests | FunctionTests, languages: Sequence[Language]) -> list[Program]:
    held = problem.answer or next((problem.meta[name] for name in COLUMNS if problem.meta.get(name)), None)
    found = []
    for text, language in _texts(held):
        if language is None or language in languages:
            program = _program(text, language, tests, languages)
            if program is not None:
                found.append(program)
        if len(found) == MOST:
            break
    return found


def _texts(held: Any) -> Iterator[tuple[str, Language | None]]:
    if isinstance(held, str):
        yield held, None
    elif isinstance(held, Mapping) and isinstance(held.get("solution"), list):  # code_contests
        kinds = held.get("language")
        for place, text in enumerate(held["solution"]):
            kind = CODE_CONTESTS.get(kinds[place]) if isinstance(kinds, list) and place < len(kinds) else None
            if kind and isinstance(text, str):
                yield text, kind
    elif isinstance(held, list):
        for part in held:
            yield from _texts(part)


def _program(
    text: str, language: Language | None, tests: StdioTests | FunctionTests, languages: Sequence[Language]
) -> Program | None:
    """A solution stands bare, as no response does: it needs no sign that it is a program."""
    text = text.removeprefix(extract.BOM)
    if isinstance(tests, StdioTests) and not extract.fenced(text, languages[0]):
        found = extract.unfenced(text, languages)
        named = language or (found.language if found else languages[0])
        return Program(text, named) if named in TOOLS else None  # type: ignore[arg-type]
    made = assemble.program(text, tests, languages)
    if isinstance(made, Program):
        return made
    return Program(text, "python", tests.preamble, tests.prelude) if isinstance(tests, FunctionTests) else None
