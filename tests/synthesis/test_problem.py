"""One problem's synthesis: what it says of tests and limits, and the programs of its submissions."""

from __future__ import annotations

import json
import shutil

import pytest

from datafactory.programs.running import Allowed, Program
from datafactory.programs.tests import Case, Checker
from datafactory.sandbox import Unavailable
from datafactory.synthesis.candidates import Rules, SetAside
from datafactory.synthesis.problem import task_of
from datafactory.synthesis.submissions import Submission
from datafactory.verifiers.code import Config

try:
    CONFIG = Config(time_limit=7, time_factor=2, memory_limit=128)
except (Unavailable, ValueError) as error:
    pytest.skip(str(error), allow_module_level=True)

RULES = Rules(1, 1.0, 9)
RIGHT = Submission(0, True, "print(input())")


def task(
    question: str = "Say it.", tests: object = None, submissions: tuple[Submission, ...] = (RIGHT,), **meta: object
):
    row = {"question": question, "tests": tests if tests is None else json.dumps(tests), "meta": json.dumps(meta)}
    return task_of(row, submissions, RULES, CONFIG)


@pytest.mark.parametrize(
    ("made", "allowed"),
    [
        ({}, Allowed(7, 128 << 20)),
        ({"question": "Say it. Time limit: 2 seconds. Memory limit: 256 megabytes"}, Allowed(4, 256 << 20)),
        ({"time_limit": 3}, Allowed(6, 128 << 20)),
        ({"tests": {"cases": [{"input": "1", "output": "1"}], "time_limit": 1}}, Allowed(2, 128 << 20)),
    ],
)
def test_the_limits_are_the_problems_by_the_factor_or_the_recipes(made, allowed):
    assert task(**made).allowed == allowed


def test_a_problem_without_tests_may_say_how_outputs_are_judged():
    given = task(checker={"language": "python", "source": "pass"}).given
    assert (given.cases, given.checker) == ((), Checker("python", "pass"))
    assert task("Say it with an absolute error of at most 1e-6.").given.tolerance == 1e-6


def test_what_the_problem_came_with_is_read_from_the_columns_of_its_source():
    given = task(input_output=json.dumps({"inputs": ["1\n"], "outputs": ["2\n"]})).given
    assert given.cases == (Case("1\n", "2\n"),)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({"tests": ["assert f(1) == 1"]}, "its tests call a function"),
        ({"fn_name": "f"}, "its tests call a function"),
        ({"test_list": ["assert f(1) == 1"]}, "its tests call a function"),
        ({"tests": {"cases": []}}, "its tests cannot be read"),
        ({"submissions": ()}, "too few right submissions"),
        ({"submissions": (Submission(0, False, RIGHT.response),)}, "too few right submissions"),
    ],
)
def test_a_problem_that_cannot_have_tests_says_why(made, reason):
    with pytest.raises(SetAside) as told:
        task(**made)
    assert told.value.reason == reason


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_a_submission_in_no_language_that_counts_is_no_program():
    submissions = RIGHT, Submission(1, True, "```cpp\nint main() {}\n```"), Submission(2, False, "I give up.")
    assert task(submissions=submissions).programs == {
        RIGHT: Program(RIGHT.response, "python"),
        submissions[1]: "it is in cpp, not in python",
        submissions[2]: "it holds no program",
    }
