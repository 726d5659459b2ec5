"""Lint: what ruff finds in Python programs, many programs in one run of it.

In   programs that compile, with the names they may use without defining them, and the lines that are not the model's
Out  the number of findings of each; None where ruff could not say, or the program is longer than programs are
Use  the rules E4, E7, E9 and F: ruff's own choice, written out so that a new ruff counts the same; a program cannot
     silence them with a comment

ruff runs outside of the sandbox, on text that a model wrote: its memory, time and output are limited.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from datafactory.programs import function_tests
from datafactory.programs.running import Program
from datafactory.programs.tests import Unreadable
from datafactory.sandbox import Broken

RULES = "E4,E7,E9,F"
LONGEST = 1 << 16  # bytes of a program: the most that Codeforces takes
BATCH, BATCH_BYTES = 500, 1 << 18
TIMEOUT = 120.0  # seconds
CPU = 60  # seconds
MEMORY = 1 << 30  # bytes of address space; a batch in which every byte is a finding takes 200 MB
OUTPUT = 64 << 20  # bytes
# sets its own limits and becomes ruff
LIMITED = """
import resource, runpy, sys
for kind, most in zip(("AS", "CPU", "FSIZE", "CORE"), map(int, sys.argv.pop(1).split(","))):
    resource.setrlimit(getattr(resource, "RLIMIT_" + kind), (most, most))
runpy.run_module("ruff", run_name="__main__")
"""
_FINDING = re.compile(rb"(?:.*/)?(\d+)\.py:(\d+):\d+: ")


def findings(programs: Sequence[Program]) -> list[int | None]:
    found: dict[Program, int | None] = {}
    by_names: dict[tuple[str, ...], list[Program]] = {}
    for program in programs:
        try:
            by_names.setdefault(_known(program.preamble, program.prelude), []).append(program)
        except (Unreadable, Broken):
            found[program] = None
    for known, group in by_names.items():
        for batch in _batches([program for program in group if len(_bytes(program)) <= LONGEST]):
            found |= dict(zip(batch, _counts(batch, known), strict=True))
    return [found.get(program) for program in programs]


@lru_cache(maxsize=64)
def _known(preamble: str, prelude: bool) -> tuple[str, ...]:
    """The names that a program has without defining them."""
    names = set(vars(import_module("datafactory.programs.inside.prelude"))) if prelude else set()
    names |= function_tests.bound_names(function_tests.parsed(preamble))
    return tuple(sorted(name for name in names if not name.startswith("__")))


def _batches(programs: Sequence[Program]) -> Iterator[list[Program]]:
    batch: list[Program] = []
    size = 0
    for program in programs:
        size += len(_bytes(program))
        if batch and (size > BATCH_BYTES or len(batch) == BATCH):
            yield batch
            batch, size = [], len(_bytes(program))
        batch.append(program)
    if batch:
        yield batch


def _bytes(program: Program) -> bytes:
    return program.text.encode("utf-8", "replace")


def _counts(programs: Sequence[Program], known: Sequence[str]) -> list[int | None]:
    counted = _counted(programs, known)
    if counted is not None:
        return [counted[number] for number in range(len(programs))]
    if len(programs) == 1:
        return [None]
    half = len(programs) // 2  # a program that ruff cannot stand must not take the others along
    return _counts(programs[:half], known) + _counts(programs[half:], known)


def _counted(programs: Sequence[Program], known: Sequence[str]) -> Counter[int] | None:
    """The findings in each program by its number; None where ruff did not come to its end."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        for number, program in enumerate(programs):
            Path(folder, f"{number}.py").write_bytes(_bytes(program))
        command = [sys.executable, "-c", LIMITED, f"{MEMORY},{CPU},{OUTPUT},0"]
        command += ["check", "--isolated", "--no-cache", "--ignore-noqa", "--exit-zero"]
        command += ["--quiet", "--select", RULES, "--target-version", "py311", "--output-format", "concise"]
        command += ["--config", f"builtins = {json.dumps(list(known))}", folder]
        try:
            subprocess.run(
                command,
                env={**os.environ, "RAYON_NUM_THREADS": "2"},  # each thread reserves address space
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                timeout=TIMEOUT,
                check=True,
            )
        except (subprocess.SubprocessError, OSError):
            return None
        output.seek(0)
        told = (_FINDING.match(line) for line in output)
        places = ((int(match[1]), int(match[2])) for match in told if match)
        return Counter(number for number, row in places if row > programs[number].given)
