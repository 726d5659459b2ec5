"""Assembly: the program that a response stands for, with what its problem gives it.

In   the response and the tests
Out  a Program; None where the response holds none, or the tag of a language that does not count
Use  HumanEval: a whole function gets the prompt's imports and helpers; a body alone goes on where the prompt ends
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from datafactory.programs import extract, syntax
from datafactory.programs.running import Program
from datafactory.programs.tests import FunctionTests, Language, StdioTests

_WORKS = re.compile(r"\b(?:return|yield|raise|pass|for|while|if|with|try)\b|=")


def program(response: str, tests: StdioTests | FunctionTests, languages: Sequence[Language]) -> Program | str | None:
    if isinstance(tests, StdioTests):
        found = extract.program(response, languages)
        if found is None or found.language not in languages:
            return found.language if found else None
        return Program(_clean(found.text), found.language)  # type: ignore[arg-type]
    found = extract.program(response, ("python",), tests.entry)
    if found is not None and found.language != "python":
        return found.language
    if tests.prompt and (found is None or not extract.defines(found.text, tests.entry)):
        body = found.text if found else response if "```" not in response else ""
        if going_on := continued(tests.prompt, _clean(body)):
            return going_on
    if found is None:
        return None
    return Program(_clean(found.text), "python", tests.preamble, tests.prelude)


def continued(prompt: str, body: str) -> Program | None:
    """The prompt with a body behind it; what follows the body and is no Python is cut off."""
    if not _WORKS.search(body):
        return None
    prompt = prompt if prompt.endswith("\n") else f"{prompt}\n"
    for text in _bodies(body):
        if syntax.of(prompt + text).compiles:
            return Program(prompt + text, "python", given=prompt.count("\n"))
    return None


def _bodies(body: str) -> Iterator[str]:
    # who strips a completion takes the first line's indent with it
    for whole in (body, f"    {body}"):
        yield whole
        outside = re.search(r"^(?=[^\s#])", whole[1:], re.M)
        if outside and outside.start():
            yield whole[: outside.start() + 1]


def _clean(text: str) -> str:
    return text.removeprefix(extract.BOM).replace("\r\n", "\n").replace("\r", "\n")
