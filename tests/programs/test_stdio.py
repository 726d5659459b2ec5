"""Checkers, outputs, and how long a row may take: no output of a program makes its row undecided, large or slow."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from datafactory.programs import running, stdio
from datafactory.programs.running import Allowed, Program
from datafactory.programs.tests import Case, Checker, StdioTests
from datafactory.sandbox import Outcome, Sandbox
from datafactory.types import Completion, Problem, Verdict
from datafactory.verifiers import code

needs_gxx = pytest.mark.skipif(not shutil.which("g++"), reason="g++ is not installed")
STOI = """#include <fstream>
#include <string>
int main(int, char **v) {
    std::ifstream o(v[2]), a(v[3]);
    std::string got, wanted;
    o >> got;
    a >> wanted;
    return std::stoi(got) == std::stoi(wanted) ? 0 : 1;
}"""
EXITS = "import sys\nsys.exit(int(open(sys.argv[2]).read().split()[-1]))"  # the checker ends as the output says


def verify(program: str, cases: list[tuple[str, str]], language: str = "python", **tests: Any) -> Verdict:
    told = {"cases": [{"input": given, "output": wanted} for given, wanted in cases], **tests}
    config = code.Config(languages=("python", "cpp") if language == "cpp" else ("python",), time_limit=2.0)
    return code.verify(Problem("q", tests=json.dumps(told)), Completion(f"```{language}\n{program}\n```"), config)


def checker(source: str, language: str = "python") -> dict[str, str]:
    return {"language": language, "source": source}


@pytest.mark.parametrize("exit_code", [1, 2, 4, 8])
def test_the_exit_codes_by_which_testlib_rejects_reject(exit_code: int):
    verdict = verify(f"print({exit_code})", [("", "0")], checker=checker(EXITS))
    assert (verdict.status, verdict.reward) == ("incorrect", 0.0) and "the checker rejects" in verdict.detail
    # rejected is decided: what the checker makes of the answer is not asked
    assert verify(f"print({exit_code})", [("", "3")], checker=checker(EXITS)).status == "incorrect"
    assert verify("print(0)", [("", "0")], checker=checker(EXITS)).status == "correct"


@pytest.mark.parametrize("exit_code", [3, 5, 7, 100])
def test_a_checker_that_does_not_decide_is_asked_about_the_answer_who_is_at_fault(exit_code: int):
    assert verify(f"print({exit_code})", [("", "0")], checker=checker(EXITS)).status == "incorrect"
    assert verify(f"print({exit_code})", [("", "1")], checker=checker(EXITS)).status == "incorrect"
    verdict = verify(f"print({exit_code})", [("", "3")], checker=checker(EXITS))
    assert (verdict.status, verdict.reward) == ("undecidable_gold", None)
    # what another test's answer would have decided is no matter
    assert verify(f"print({exit_code})", [("", "3"), ("", "0")], checker=checker(EXITS)).status == "undecidable_gold"


@needs_gxx
def test_a_checker_that_aborts_on_junk_rejects_it():
    verdict = verify("print('x')", [("", "3")], checker=checker(STOI, "cpp"))
    assert (verdict.status, verdict.facts["tests_passed"]) == ("incorrect", 0)
    assert "the checker cannot stand 'x\\n', and can the answer: ended by signal 6" in verdict.detail
    assert verify("print(3)", [("", "3")], checker=checker(STOI, "cpp")).status == "correct"
    assert verify("print(3)", [("", "x")], checker=checker(STOI, "cpp")).status == "undecidable_gold"


def test_a_checker_that_computes_on_some_outputs_for_ever_is_asked_about_two(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stdio, "JUDGING", Allowed(0.5, 1 << 28))
    asked = []
    said = stdio._said
    monkeypatch.setattr(stdio, "_said", lambda *given: (asked.append(given), said(*given))[1])
    loops = "import sys\nwhile open(sys.argv[2]).read() != 'good': pass\n"
    verdict = verify("print(end=input())", [("bad", "good")] * 6, checker=checker(loops))
    assert (verdict.status, verdict.facts["tests_passed"], len(asked)) == ("incorrect", 0, 2)
    assert verify("print(end=input())", [("good", "good")] * 6, checker=checker(loops)).status == "correct"


def test_outputs_that_a_checker_is_to_see_are_bounded_together(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stdio, "ALL_SPARE", 2500)
    accepts = checker("pass")
    verdict = verify("print('x' * 999)", [("", "")] * 5, checker=accepts)
    assert (verdict.status, verdict.facts["tests_passed"]) == ("incorrect", 2) and "output limit" in verdict.detail
    assert verify("print('x' * 999)", [("", "x" * 250)] * 5, checker=accepts).status == "correct"


def test_outputs_are_not_held_where_they_are_compared():
    tests = StdioTests((Case("", "1"),) * 24)
    program = Program("print('x' * 1_000_000, end='')", "python")
    tracemalloc.start()
    try:
        ran = stdio.run(tests, program, Allowed(2.0, 1 << 28), "lines", None, "auto")
        assert tracemalloc.get_traced_memory()[1] < 12 << 20
    finally:
        tracemalloc.stop()
    assert (ran.passed, ran.total) == (0, 24) and len(ran.failed) < 2000


def outcome(status: Any = "exited", seconds: float = 0.1, cpu: float = 0.1, signal: int | None = None) -> Outcome:
    return Outcome(status, None if signal else 0, signal, b"", b"", seconds, cpu, None)


@pytest.mark.parametrize(
    ("ended", "tests"),
    [
        (outcome(), None),
        (outcome(seconds=8.0, cpu=2.0), None),  # a busy machine: it waited, and computed
        (outcome(seconds=1.0, cpu=0.01), None),  # a busy machine: it waited to start
        (outcome("cpu", 2.0, 2.0), 2),
        (outcome("wall", 15.0, 0.1), 1),
        (outcome(seconds=54.0, cpu=0.1), 3),  # just under the wall limit
        (outcome(seconds=54.0, cpu=9.9), 9),
        (outcome("killed", signal=9), 2),  # the sandbox ran it three times
        (outcome("killed", signal=11), None),
        (outcome("memory"), None),
    ],
)
def test_patience_ends_for_what_makes_a_row_slow_and_for_nothing_else(ended: Outcome, tests: int | None):
    spent = 0.0
    for number in range(1, 1001):
        spent += running.cost(ended)
        if spent >= running.PATIENCE:
            assert number == tests
            return
    assert tests is None


def test_a_program_that_sleeps_under_the_wall_limit_soon_runs_no_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(running, "WAITING", 1.0)
    verdict = verify("import time\ntime.sleep(2.5)\nprint(1)", [("", "1")] * 8)
    assert (verdict.status, verdict.facts["tests_total"]) == ("incorrect", 8)
    assert 1 <= verdict.facts["tests_passed"] <= 2 and stdio.NOT_RUN in verdict.detail


def test_a_program_that_ends_itself_as_an_operator_would_soon_runs_no_more():
    cases = [("x\n", "1")] * 2 + [("\n", "1")] * 3
    verdict = verify("import os\nprint(1)\nif input(): os.kill(os.getpid(), 9)", cases)
    assert (verdict.status, verdict.facts["tests_passed"]) == ("incorrect", 0)
    crashes = "import os\nprint(1, flush=True)\nif input(): os.kill(os.getpid(), 11)"
    assert verify(crashes, cases).facts["tests_passed"] == 3


@needs_gxx
@pytest.mark.parametrize(
    "program",
    [
        "#include <iostream>\nint main() { int x = 3; typeof(x) y = x; std::cout << y; }",
        "#include <bits/stdc++.h>\nint main() { __int128 x = -3; x = std::abs(x); std::cout << (long long)x; }",
        "#include <bits/stdc++.h>\nint main() { std::vector v{3, 4}; std::ranges::sort(v); std::cout << v[0]; }",
        # names that C++20 took for itself: it compiles as C++17
        "#include <iostream>\nint main() { int requires = 3, concept = 0; std::cout << requires + concept; }",
        "#include <iostream>\nstruct A { bool operator==(const A &) { return true; } };\nint main() { std::cout << 3; }",
    ],
)
def test_cpp_is_what_judges_compile(program: str):
    assert verify(program, [("", "3")], "cpp").status == "correct"


@needs_gxx
def test_cpp_that_no_standard_takes_says_why_and_what_meets_a_limit_is_compiled_once(monkeypatch: pytest.MonkeyPatch):
    verdict = verify("int main() { return nothing; }", [("", "3")], "cpp")
    assert (verdict.status, verdict.facts["compiled"]) == ("incorrect", False) and "not declared" in verdict.detail
    monkeypatch.setattr(stdio, "COMPILING", replace(stdio.COMPILING, cpu=0.2))
    commands: list[str] = []
    run = Sandbox.run
    monkeypatch.setattr(Sandbox, "run", lambda self, argv, **rest: (commands.append(argv), run(self, argv, **rest))[1])
    verdict = verify("#include <bits/stdc++.h>\nint main() {}", [("", "3")], "cpp")
    assert (verdict.status, len(commands)) == ("incorrect", 1) and "time limit" in verdict.detail


@needs_gxx
def test_a_byte_order_mark_holds_up_no_program():
    assert verify("\ufeffprint(3)", [("", "3")]).status == "correct"
    assert verify("\ufeff#include <iostream>\nint main() { std::cout << 3; }", [("", "3")], "cpp").status == "correct"
    function = Problem("q", tests="assert f(1) == 2", answer="\ufeffdef f(x): return x + 1")
    assert code.gold(function, code.Config()).status == "correct"
    stdio_tests = json.dumps({"cases": [{"input": "", "output": "3"}]})
    assert code.gold(Problem("q", "\ufeffprint(3)", stdio_tests), code.Config()).status == "correct"
    body = Problem("def f(x):\n", meta={"entry_point": "f", "test": "def check(c):\n    assert c(1) == 2\n"})
    assert code.verify(body, Completion("\ufeff    return x + 1\n"), code.Config()).status == "correct"


def test_the_checker_is_given_the_output_and_not_the_answer():
    same = "import sys\nsys.exit(open(sys.argv[2]).read() != open(sys.argv[3]).read())"
    assert verify("print(end='3')", [("", "3")], checker=checker(same)).status == "correct"
    assert verify("print(end='4')", [("", "3")], checker=checker(same)).status == "incorrect"
    results = [stdio.Result(Case("", "3"), "ended badly", b"3")]
    assert stdio.checked(Checker("python", same), results, "auto") == ["ended badly"]
