"""Programs that read stdin: what counts as the program, as its output, and as too much."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

import pytest
from pydantic import ValidationError

from datafactory.types import Completion, Problem, Verdict
from datafactory.verifiers import code

SUM = {"cases": [{"input": "1 2\n", "output": "3\n"}, {"input": "4 5\n", "output": "9\n"}]}
ADD = "a, b = map(int, input().split())\nprint(a + b)"


def problem(tests: Any = SUM, **meta: Any) -> Problem:
    return Problem("Add two numbers.", tests=json.dumps(tests), meta=meta)


def block(text: str, tag: str = "python") -> str:
    return f"Here it is:\n\n```{tag}\n{text}\n```\n"


def verify(response: str, tests: Any = SUM, **settings: Any) -> Verdict:
    return code.verify(problem(tests), Completion(response), code.Config(**{"time_limit": 2.0, **settings}))


def test_a_right_program_is_correct_and_says_what_was_found_out():
    verdict = verify(block(ADD))
    assert (verdict.reward, verdict.status, verdict.detail) == (1.0, "correct", "2 tests pass")
    facts = dict(verdict.facts)
    assert 0 < facts.pop("seconds") < 2 and 1 << 20 < facts.pop("memory") < 1 << 29
    assert facts == {
        "extracted": True, "language": "python", "compiled": True, "lint": 0, "tests_passed": 2, "tests_total": 2,
        "failed": None, "time_limit": 2.0,
    }  # fmt: skip
    assert set(verdict.facts) == set(code.FACTS)


def test_a_wrong_program_says_which_test_failed_and_how():
    verdict = verify(block("print(3)"))
    assert (verdict.reward, verdict.status) == (0.0, "incorrect")
    assert verdict.facts["failed"] == r"input '4 5\n': expected '9\n', got '3\n'"
    assert (verdict.facts["tests_passed"], verdict.facts["tests_total"]) == (1, 2)


def test_reward_share_is_the_share_of_the_tests_and_correct_is_all_of_them():
    verdict = verify(block("print(3)"), reward="share")
    assert (verdict.reward, verdict.status) == (0.5, "incorrect")
    assert verify(block(ADD), reward="share").reward == 1.0


@pytest.mark.parametrize(
    ("program", "failed"),
    [
        ("print(", "it does not compile: SyntaxError"),
        ("while True: pass", "time limit: more than 0.5 s"),
        ("import time\ntime.sleep(1000)", "time limit: more than 0.5 s of waiting"),
        ("x = bytearray(3 << 30)\nx[::4096] = x[::4096]\nprint(1)", "MemoryError"),
        ("while True: print('x' * 10**6)", "output limit"),
        ("raise ValueError('no')", "exit status 1: ValueError: no"),
        (f"{ADD}\nimport sys\nsys.exit(3)", "exit status 3"),
        (f"{ADD}\nimport os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "ended by signal 11"),
    ],
)
def test_a_program_that_does_not_end_well_is_wrong_and_not_undecided(program: str, failed: str):
    verdict = verify(block(program), time_limit=0.5)
    assert (verdict.reward, verdict.status) == (0.0, "incorrect")
    assert failed in str(verdict.facts["failed"])


def test_after_two_tests_over_the_time_limit_the_others_do_not_run():
    tests = {"cases": [{"input": str(n), "output": "1"} for n in range(50)]}
    verdict = verify(block("n = int(input())\nif n == 0: print(1)\nwhile n: pass"), tests, time_limit=0.3)
    assert (verdict.facts["tests_passed"], verdict.facts["tests_total"]) == (1, 50)


@pytest.mark.parametrize(
    ("output", "same"),
    [
        ("3", True), ("3  \n\n\n", True), ("3\r\n", True), ("3\n4", False), ("", False), ("33", False), ("3.0", False),
        ("\n3", False), (" 3", False), ("3\n\n3", False), ("\ufeff3", False),
    ],
)  # fmt: skip
def test_the_whole_output_counts_but_for_whitespace_at_line_ends(output: str, same: bool):
    tests = {"cases": [{"input": "", "output": "3\n"}]}
    verdict = verify(block(f"import sys\nsys.stdout.write({output!r})"), tests)
    assert (verdict.status == "correct") is same


def test_a_prefix_of_the_right_output_is_wrong_and_so_is_more_than_it():
    tests = {"cases": [{"input": "", "output": "1\n2\n3\n"}]}
    for text, right in (("1\n2", False), ("1\n2\n3\n4", False), ("1\n2\n3", True), ("1 2 3", False)):
        assert (verify(block(f"print({text!r})"), tests).reward == 1) is right, text
    assert verify(block("print('1 2 3')"), tests, compare="tokens").reward == 1


def test_a_number_may_be_off_only_where_the_problem_or_the_recipe_says_so():
    case = {"cases": [{"input": "", "output": "0.3333333"}]}
    near = block("print(1/3)")
    assert verify(near, case).reward == 0
    assert verify(near, {**case, "tolerance": 1e-6}).reward == 1
    assert verify(near, case, tolerance=1e-6).reward == 1
    assert verify(block("print(0.334)"), case, tolerance=1e-6).reward == 0
    said = "Your answer counts if its absolute or relative error does not exceed $10^{-6}$."
    stated = Problem(said, tests=json.dumps(case))
    assert code.verify(stated, Completion(near), code.Config()).reward == 1


def test_the_limit_that_a_problem_states_counts_with_the_factor():
    slow = block("import time\nwhile time.process_time() < 0.6: pass\nprint(3)")
    tests = {"cases": [{"input": "", "output": "3"}], "time_limit": 0.2}
    verdict = verify(slow, tests, time_factor=1.0)
    assert (verdict.reward, verdict.facts["time_limit"]) == (0.0, 0.2)
    verdict = verify(slow, tests, time_factor=10.0)
    assert (verdict.reward, verdict.facts["time_limit"]) == (1.0, 2.0)


@pytest.mark.parametrize(
    "response", ["", "I do not know.", "Yes", "42", "```\n\n```", "```text\noutput\n```", "```bash\nls\n```"]
)
def test_a_response_without_a_program_is_no_answer(response: str):
    verdict = verify(response)
    assert (verdict.reward, verdict.status) == (0.0, "no_answer")
    assert verdict.facts["extracted"] is False


def test_a_program_in_a_language_that_does_not_count_is_wrong():
    verdict = verify(block("public class Main {}", "java"))
    assert (verdict.reward, verdict.status) == (0.0, "incorrect")
    assert verdict.detail == "the program is in java; python would count"
    assert verify(block("int main() {}", "cpp")).detail == "the program is in cpp; python would count"


def test_the_thinking_holds_no_program():
    completion = Completion("It is done.", reasoning=block(ADD))
    assert code.verify(problem(), completion, code.Config()).status == "no_answer"


CPP = "#include <bits/stdc++.h>\nint main() { long long a, b; std::cin >> a >> b; std::cout << a + b << '\\n'; }"
NODE = "const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number);\nconsole.log(a + b);"


@pytest.mark.skipif(not shutil.which("g++"), reason="g++ is not installed")
def test_cpp_is_compiled_once_and_run():
    verdict = verify(block(CPP, "c++"), languages=("python", "cpp"))
    assert (verdict.status, verdict.facts["language"], verdict.facts["lint"]) == ("correct", "cpp", None)
    verdict = verify(block(CPP.replace("a + b", "a - b"), "cpp"), languages=("cpp",))
    assert (verdict.status, verdict.facts["compiled"]) == ("incorrect", True)
    verdict = verify(block("int main() { return x; }", "cpp"), languages=("cpp",))
    assert (verdict.status, verdict.facts["compiled"]) == ("incorrect", False)
    assert "was not declared in this scope" in str(verdict.facts["failed"])
    assert verify(CPP, languages=("cpp",)).status == "correct"


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_javascript_runs():
    assert verify(block(NODE, "js"), languages=("javascript",)).status == "correct"
    assert verify(block(NODE.replace("+", "-"), "javascript"), languages=("javascript",)).status == "incorrect"


def test_a_language_whose_tool_is_missing_is_told_when_the_recipe_is_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("datafactory.programs.languages.which", lambda program: None)
    with pytest.raises(ValidationError, match=r"cpp needs g\+\+, which is not installed .*apt install g\+\+"):
        code.Config(languages=("python", "cpp"))


CHECKER = """
import sys
total = int(open(sys.argv[1]).read())
numbers = open(sys.argv[2]).read().split()
ok = len(numbers) == 2 and all(n.isdigit() for n in numbers) and sum(map(int, numbers)) == total
print("fine" if ok else "they do not add up")
sys.exit(not ok)
"""


def test_a_checker_judges_where_several_outputs_are_right():
    cases = [{"input": str(n), "output": f"0 {n}"} for n in (5, 8)]
    tests = {"cases": cases, "checker": {"language": "python", "source": CHECKER}}
    assert verify(block("print(int(input()) - 2, 2)"), tests).status == "correct"
    verdict = verify(block("print(3, 2)"), tests)
    assert (verdict.status, verdict.facts["tests_passed"]) == ("incorrect", 1)
    assert "they do not add up" in verdict.detail
    broken = {"cases": cases, "checker": {"language": "python", "source": "import sys\nsys.exit(7)"}}
    assert verify(block("print(3, 2)"), broken).status == "undecidable_gold"


def test_lint_counts_what_ruff_finds_and_no_comment_silences_it():
    verdict = verify(block(f"import os, sys  # noqa\n# ruff: noqa\nl = 1\n{ADD}"))
    assert (verdict.status, verdict.facts["lint"]) == ("correct", 4)  # two imports on a line, both unused, and `l`
    assert verify(block("print(")).facts["lint"] is None


def test_equal_programs_run_once_and_verdicts_come_in_order(monkeypatch: pytest.MonkeyPatch):
    from datafactory.programs import stdio

    ran = []
    run = stdio.run
    monkeypatch.setattr(
        stdio, "run", lambda tests, program, *rest: (ran.append(program.text), run(tests, program, *rest))[1]
    )
    responses = [block(ADD), "no", block("print(3)"), block(ADD), f"Again.\n{block(ADD)}"]
    pairs = [(problem(), Completion(response)) for response in responses]
    pairs.append((problem({"cases": [{"input": "1 1", "output": "3"}]}), Completion(block(ADD))))
    verdicts = code.verify_all(pairs, code.Config())
    assert [v.status for v in verdicts] == ["correct", "no_answer", "incorrect", "correct", "correct", "incorrect"]
    assert len(ran) == 3


def test_what_tests_are_read_from_is_told_apart_and_not_held():
    keys = [code._key(p) for p in (problem(), problem(None), problem(SUM, a=1), Problem("q", tests=json.dumps(SUM)))]
    assert len(set(keys)) == 4 and code._key(problem()) == keys[0]
    assert len(code._key(problem({"cases": "x" * (1 << 20)}))) == 32
    key = "k" * (1 << 20)
    verdict = code.verify(problem({key: 1}), Completion(block(ADD)), code.Config())
    assert verdict.status == "undecidable_gold" and len(verdict.detail) <= 500


@pytest.mark.parametrize(
    "tests",
    ["", "nothing", "[]", "{}", "3", '{"inputs": ["1"], "outputs": []}', '{"cases": [{"input": "1"}]}', "def check(c: pass",
     '{"inputs": [1], "outputs": [{}]}', '["x == 1"]', '{"cases": [{"args": [1], "expected": 1}]}'],
)  # fmt: skip
def test_tests_that_cannot_be_read_are_the_problems_fault(tests: str):
    asked = Problem("q", tests=tests)
    verdict = code.verify(asked, Completion(block(ADD)), code.Config())
    assert (verdict.reward, verdict.status) == (None, "undecidable_gold")
    assert code.gold(asked, code.Config()).status == "undecidable_gold"


def test_a_problem_without_tests_is_undecidable():
    assert code.verify(Problem("q", "3"), Completion(block(ADD)), code.Config()).status == "undecidable_gold"


def test_gold_is_the_reference_solution_under_its_own_tests():
    config = code.Config()
    assert code.gold(problem(), config).status == "correct"
    right, wrong = problem(solution=ADD), problem(solutions=["print(4)"])
    assert code.gold(right, config).status == "correct"
    verdict = code.gold(wrong, config)
    assert (verdict.reward, verdict.status) == (None, "undecidable_gold")
    assert "the reference solution fails" in verdict.detail
    assert code.gold(Problem("q", ADD, json.dumps(SUM)), config).status == "correct"
    several = {"language": [2, 1, 3, 3], "solution": ["cpp", "python2", "print(4)", ADD]}
    assert code.gold(problem(solutions=several), config).status == "correct"


def test_a_sandbox_that_cannot_be_had_is_an_error_and_no_verdict(monkeypatch: pytest.MonkeyPatch):
    from datafactory.programs import stdio
    from datafactory.sandbox import Broken

    def broken(*given: Any) -> None:
        raise Broken("a sandbox failed 3 times")

    monkeypatch.setattr(stdio, "run", broken)
    verdict = verify(block(ADD))
    assert (verdict.reward, verdict.status) == (None, "error")


def test_nothing_of_this_process_reaches_a_program():
    os.environ["DATAFACTORY_TEST_SECRET"] = "3"
    try:
        spying = "import os\nprint(os.environ.get('DATAFACTORY_TEST_SECRET'), sorted(os.listdir('.')))"
        verdict = verify(block(spying))
        assert r"got \"None ['program.py']\\n\"" in json.dumps(verdict.facts["failed"])
    finally:
        del os.environ["DATAFACTORY_TEST_SECRET"]
