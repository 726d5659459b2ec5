"""Trial: programs on inputs in the real sandbox, and outputs held against others."""

from __future__ import annotations

import pytest

from datafactory.programs.running import Allowed, Program
from datafactory.programs.tests import Checker, StdioTests
from datafactory.sandbox import Unavailable, demand
from datafactory.synthesis import trial
from datafactory.synthesis.trial import Claim, Printed, hold, printed

try:
    demand("auto")
except Unavailable as error:
    pytest.skip(str(error), allow_module_level=True)

ALLOWED = Allowed(0.5, 256 << 20)


def ran(text: str, *inputs: str, patience: int | None = None) -> list[Printed] | str:
    return printed(Program(text, "python"), inputs, ALLOWED, "auto", patience)


def test_what_a_program_prints_and_why_it_fails():
    text = """
import sys
given = input()
if given == "loop":
    while True: pass
if given == "bytes":
    sys.stdout.buffer.write(b"\\xff")
elif given == "crash":
    raise ValueError("é")
elif given != "nothing":
    print(given * 2)
"""
    assert ran(text, "ab", "nothing", "crash", "bytes", "loop") == [
        Printed("abab\n"),
        Printed(""),
        Printed(None, "exit status 1: ValueError: é"),
        Printed(None, "its output is no text"),
        Printed(None, "time limit: more than 0.5 s"),
    ]


def test_one_that_is_too_slow_so_often_is_not_tried_again():
    results = ran("if input() == 'slow':\n    while True: pass\nprint(1)", "slow", "quick", "slow", "quick", patience=2)
    assert isinstance(results, list)
    assert [(each.output, each.run) for each in results] == [(None, True), ("1\n", True), (None, True), (None, False)]


def test_a_program_that_does_not_compile_is_told():
    assert str(ran("print((", "1")).startswith("it does not compile: SyntaxError")


def held(tests: StdioTests, *pairs: tuple[str, str], how="lines", tolerance=None) -> list[bool | None]:
    return hold([Claim("x", *pair) for pair in pairs], tests, how, tolerance, "auto")


def test_outputs_are_compared_as_the_problem_and_the_recipe_say():
    plain = StdioTests(())
    assert held(plain, ("1 2", "1 2\n"), ("1 2", "1\n2"), ("1", "1.0"), ("1", "1 2")) == [True, False, False, False]
    assert held(plain, ("1 2", "1\n2"), how="tokens") == [True]
    assert held(plain, ("1", "1.0001"), ("1", "1.1"), tolerance=0.01) == [True, False]
    assert held(StdioTests((), tolerance=0.01), ("1", "1.0001"), ("1", "1.1")) == [True, False]


def test_a_checker_judges_every_claim_by_its_own_input(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trial, "BATCH", 4)  # claims that share a sandbox
    source = "import sys\ngiven, got, answer = (open(name).read() for name in sys.argv[1:4])\nsys.exit(given + answer != got)"
    tests = StdioTests((), Checker("python", source))
    claims = [Claim(str(n), "a", f"{n}a" if n % 3 else "no") for n in range(10)]
    assert hold(claims, tests, "lines", None, "auto") == [n % 3 > 0 for n in range(10)]


def test_a_claim_on_which_the_checker_fails_is_not_decided_and_the_others_are():
    source = "import sys\ngiven, got, _ = (open(name).read() for name in sys.argv[1:4])\nsys.exit(3 if given == 'bad' else got != given)"
    tests = StdioTests((), Checker("python", source))
    claims = [Claim("1", "", "1"), Claim("bad", "x", "2"), Claim("1", "", "3")]
    assert hold(claims, tests, "lines", None, "auto") == [True, None, False]
