"""Every attack of the table is held, whichever way the sandbox is made and whoever starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from datafactory.sandbox import Mode, Sandbox

from ..conftest import REPOSITORY
from .attacks import ATTACKS, LIMITS, TOOLS, Host, check, host
from .modes import WALLED

NOBODY_ELSE = 54321  # a user that nobody is


@pytest.fixture(scope="module")
def at() -> Iterator[Host]:
    with host() as at:
        yield at


def test_there_are_at_least_forty():
    assert len(ATTACKS) >= 40


@pytest.mark.parametrize("mode", WALLED)
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_held(name: str, mode: Mode, at: Host):
    check(name, mode, at)


def test_every_attack_is_held_for_an_ordinary_user(tmp_path: Path):
    if os.geteuid():
        pytest.skip("that is who runs these tests already")
    python = next((path for path in (sys.executable, "/usr/bin/python3") if _runs(path)), None)
    if python is None:
        pytest.skip("no interpreter of 3.11 or later, and this repository, that an ordinary user may read")
    modes = [param.values[0] for param in WALLED if not param.marks[0].args[0]]  # type: ignore[attr-defined]
    ran = _as_user(python, "-m", "tests.sandbox.attacks", *modes)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{len(ATTACKS) * len(modes)} attacks, 0 not held" in ran.stdout


def _runs(python: str) -> bool:
    try:
        return (
            _as_user(python, "-c", "import sys, datafactory.sandbox; sys.exit(sys.version_info < (3, 11))").returncode
            == 0
        )
    except OSError:
        return False


def _as_user(python: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-B", *words],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        user=NOBODY_ELSE,
        group=NOBODY_ELSE,
        extra_groups=[],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "HOME": "/"},
        timeout=300,
    )


@pytest.mark.parametrize("name", ["a file that nobody has open", "a full disk that nobody has open"])
@pytest.mark.parametrize("mode", WALLED)
def test_a_conversation_right_after_an_attack_is_held(mode: Mode, name: str):
    """A run is tried again where the sandbox is not there any more; who talks would find that out too late."""
    attack = TOOLS.format(mark="", file="", port=0, name="") + ATTACKS[name].text
    answers = """
import os
room = os.statvfs("/box")
written = sum(-(-os.path.getsize(name) // room.f_frsize) for name in os.listdir("."))
os.write(3, bytes([0, 0, 0, 1]) + b"01"[room.f_blocks - room.f_bfree > written :][:1])
"""
    with Sandbox({"attack.py": attack.encode(), "answers.py": answers.encode()}, LIMITS, mode) as sandbox:
        for _ in range(4):
            assert sandbox.run(["python3", "attack.py"]).succeeded
            with sandbox.talk(["python3", "answers.py"]) as program:
                assert program.receive(30) == b"0", "something is written that is in no folder"
                assert program.close().succeeded


@pytest.mark.parametrize("mode", WALLED)
def test_a_program_does_not_reach_its_sibling(mode: Mode):
    killer = "import os\nfor n in range(2, 300):\n    try: os.kill(n, 9)\n    except OSError: pass\ntry: os.kill(-1, 9)\nexcept OSError: pass\nprint('done')"
    waits = b"import sys; sys.stdin.read()"
    with (
        Sandbox({"a.py": killer.encode()}, mode=mode) as one,
        Sandbox({"a.py": waits}, mode=mode) as other,
        other.talk(["python3", "a.py"]) as sibling,
    ):
        one.run(["python3", "a.py"])
        assert sibling.close().status == "exited"
