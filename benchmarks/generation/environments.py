"""Environments: one per contender, made once out of what the contender's file says it needs.

In   the `# /// script` block at the top of contenders/NAME.py, and the versions that it was last seen to work with in
     locked/NAME.txt, where there are any
Out  a folder with that in it, kept under a hash of both
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

HERE = Path(__file__).parent
BLOCK = re.compile(r"(?m)^# /// script\n((?:#.*\n)+?)# ///$")
MINUTES = 30  # for one environment; distilabel, curator and data-designer bring a hundred packages each


class Failed(Exception):
    """A contender that could not be installed or run, with the reason."""


def needs(name: str) -> list[str] | None:
    """What a contender's file says it needs; None where it runs in the environment that the benchmark runs in."""
    block = BLOCK.search((HERE / f"contenders/{name}.py").read_text())
    if block is None:
        return None
    text = "".join(line.removeprefix("#").removeprefix(" ") for line in block[1].splitlines(keepends=True))
    dependencies: list[str] = tomllib.loads(text)["dependencies"]
    return dependencies


def python(name: str, folder: Path) -> Path:
    """The interpreter that a contender runs under; its environment is made where it is not there."""
    wanted = needs(name)
    if wanted is None:
        return Path(sys.executable)
    lock = HERE / f"locked/{name}.txt"
    locked = ["--constraint", str(lock)] if lock.exists() else []
    content = "\n".join([sys.version, *wanted, lock.read_text() if locked else ""])
    place = folder / f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    if not (place / "ready").exists():
        print(f"{name}: installing {', '.join(wanted)}", flush=True)
        try:
            _made(place, wanted, locked)
        except Failed as error:
            if not locked:
                raise
            print(f"{name}: {error}; once more without {lock.name}", flush=True)
            _made(place, wanted, [])
        (place / "ready").touch()
    return place / "bin/python"


def _made(place: Path, wanted: list[str], locked: list[str]) -> None:
    shutil.rmtree(place, ignore_errors=True)
    venv.create(place, with_pip=True)
    command = [place / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *locked, *wanted]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60 * MINUTES)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"its installation took more than {MINUTES} minutes") from error
    if ended.returncode:
        told = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")] or ended.stderr.splitlines()
        raise Failed(f"its installation failed: {told[-1] if told else f'exit {ended.returncode}'}")


def versions(interpreter: Path, wanted: list[str]) -> str:
    """`name version` of what a contender is about: the first thing that it needs."""
    name = re.split(r"[\[<>=!~ ]", wanted[0])[0]
    asked = f"from importlib.metadata import version; print(version({name!r}))"
    return f"{name} {subprocess.run([interpreter, '-c', asked], capture_output=True, text=True).stdout.strip()}"
