"""Lint: what ruff finds in Python programs, many programs in one run of it.

In   programs that compile, with the names they may use without defining them, and the lines that are not the model's
Out  the number of findings of each; None where ruff could not say
Use  the rules E4, E7, E9 and F: ruff's own choice, written out so that a new ruff counts the same; a program cannot
     silence them with a comment
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from datafactory.programs import function_tests
from datafactory.programs.running import Program

RULES = "E4,E7,E9,F"
TIMEOUT = 120.0  # seconds
BATCH = 500


def findings(programs: Sequence[Program]) -> list[int | None]:
    found: dict[Program, int | None] = {}
    by_names: dict[tuple[str, ...], list[Program]] = {}
    for program in programs:
        by_names.setdefault(_known(program.preamble, program.prelude), []).append(program)
    for known, group in by_names.items():
        for start in range(0, len(group), BATCH):
            batch = group[start : start + BATCH]
            counts = _counts(batch, known)
            if counts is None:  # a program that ruff itself cannot stand must not take the others along
                counts = [(_counts([program], known) or [None])[0] for program in batch]
            found |= dict(zip(batch, counts, strict=True))
    return [found[program] for program in programs]


@lru_cache(maxsize=1024)
def _known(preamble: str, prelude: bool) -> tuple[str, ...]:
    """The names that a program has without defining them."""
    names = set(vars(import_module("datafactory.programs.inside.prelude"))) if prelude else set()
    names |= function_tests.bound_names(function_tests.parsed(preamble))
    return tuple(sorted(name for name in names if not name.startswith("__")))


def _counts(programs: Sequence[Program], known: Sequence[str]) -> list[int | None] | None:
    with tempfile.TemporaryDirectory() as folder:
        for number, program in enumerate(programs):
            Path(folder, f"{number}.py").write_bytes(program.text.encode("utf-8", "replace"))
        command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--ignore-noqa", "--exit-zero"]
        command += ["--quiet", "--select", RULES, "--target-version", "py311", "--output-format", "json"]
        command += ["--config", f"builtins = {json.dumps(list(known))}", folder]
        try:
            ran = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=True)
            found = [
                (int(Path(finding["filename"]).stem), finding["location"]["row"]) for finding in json.loads(ran.stdout)
            ]
        except (subprocess.SubprocessError, ValueError):
            return None
    counted = Counter(number for number, row in found if row > programs[number].given)
    return [counted[number] for number in range(len(programs))]
