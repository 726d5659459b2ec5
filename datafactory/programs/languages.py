"""Languages: how a program in each of them is spelled in a response, compiled and run.

Use  a language whose tool is not there is the user's to know before anything runs: `demand`
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datafactory.programs.tests import Language
from datafactory.sandbox import which


@dataclass(frozen=True)
class Tool:
    """A language: the tags of its code blocks, its file, its commands, and what has to be installed."""

    tags: tuple[str, ...]
    file: str
    run: tuple[str, ...]
    compile: tuple[tuple[str, ...], ...] = ()  # commands, of which the first that succeeds counts
    needs: str = ""
    install: str = ""


TOOLS: dict[Language, Tool] = {
    "python": Tool(
        ("python", "py", "python3", "py3", "python 3", "pypy", "pypy3"), "program.py", ("python3", "program.py")
    ),
    "cpp": Tool(
        ("cpp", "c++", "cc", "cxx", "c++11", "c++14", "c++17", "c++20", "cpp17", "cpp20"),
        "program.cpp",
        ("./program",),
        # With GNU's extensions, as judges compile; a program may use names that only C++20 took for itself.
        tuple(("g++", "-O2", f"-std={std}", "-w", "-o", "program", "program.cpp") for std in ("gnu++20", "gnu++17")),
        "g++",
        "Debian and Ubuntu: apt install g++",
    ),
    "javascript": Tool(
        ("javascript", "js", "node", "nodejs", "mjs", "cjs"),
        "program.js",
        ("node", "program.js"),
        (),
        "node",
        "Debian and Ubuntu: apt install nodejs",
    ),
}
BY_TAG: dict[str, Language] = {tag: name for name, tool in TOOLS.items() for tag in tool.tags}
# languages that a block may be in and that are not run here: code all the same, not output or a shell's prompt
OTHERS = frozenset(
    {
        *(
            "c",
            "java",
            "kotlin",
            "rust",
            "rs",
            "go",
            "golang",
            "csharp",
            "cs",
            "c#",
            "ruby",
            "rb",
            "php",
            "swift",
            "scala",
        ),
        *(
            "haskell",
            "hs",
            "perl",
            "typescript",
            "ts",
            "r",
            "julia",
            "pascal",
            "ocaml",
            "lua",
            "dart",
            "elixir",
            "erlang",
        ),
        *("clojure", "fortran", "matlab", "sql"),
    }
)


def demand(languages: Iterable[Language]) -> None:
    """ValueError where a language's tool is not installed."""
    for language in languages:
        tool = TOOLS[language]
        if tool.needs and which(tool.needs) is None:
            raise ValueError(f"{language} needs {tool.needs}, which is not installed ({tool.install})")
