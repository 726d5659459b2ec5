"""Candidates: what is decided of each input, given what programs print: here plain functions stand for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from datafactory.programs.running import Program
from datafactory.programs.tests import Case, StdioTests
from datafactory.synthesis.candidates import Result, Rules, SetAside, synthesized
from datafactory.synthesis.inputs import Call
from datafactory.synthesis.submissions import Submission
from datafactory.synthesis.trial import Claim, Printed

Function = Callable[[int], "int | None"]  # None: too slow


ALL = Rules(min_right=2, agree=1.0, keep=99)
NONE = StdioTests(())


def decided(
    inputs: Sequence[int],
    right: Sequence[Function],
    wrong: Sequence[Function] = (),
    rules: Rules = ALL,
    given: StdioTests = NONE,
    undecided: Callable[[Claim], bool] = lambda claim: False,
) -> Result:
    functions = {f"program {number}": function for number, function in enumerate((*right, *wrong))}
    programs = {
        Submission(number, number < len(right), text): Program(text, "python") for number, text in enumerate(functions)
    }

    def run(program: Program, texts: Sequence[str], patience: int | None) -> list[Printed]:
        results: list[Printed] = []
        slow = 0
        for text in texts:
            if slow == patience:
                results.append(Printed(None, "not tried", run=False))
                continue
            output = functions[program.text](int(text))
            slow += output is None
            results.append(Printed(None, "too slow") if output is None else Printed(str(output)))
        return results

    def hold(claims: Sequence[Claim]) -> list[bool | None]:
        return [None if undecided(claim) else claim.expected == claim.got for claim in claims]

    calls = [Call(0, seed, "small", str(number)) for seed, number in enumerate(inputs)]
    return synthesized(given, calls, programs, rules, run, hold)


def exposing(result: Result) -> dict[int, list[int]]:
    """test number -> wrong submissions, of the tests that are kept."""
    return {test.number: test.exposes for test in result.tests if test.reason is None}


def double(n: int) -> int:
    return 2 * n


def square(n: int) -> int:
    return n * n


def test_a_wrong_submission_is_exposed_where_its_output_is_another():
    assert exposing(decided([0, 2, 3], [double, double], [square])) == {0: [], 1: [], 2: [2]}


def test_a_submission_that_was_not_tried_is_not_exposed():
    def slow(n: int) -> int | None:
        return None

    assert exposing(decided(range(5), [double, double], [slow])) == {0: [2], 1: [2], 2: [2], 3: [], 4: []}


def test_right_submissions_are_tried_on_every_input():
    def slow_on_most(n: int) -> int | None:
        return None if n < 4 else 2 * n

    result = decided(range(6), [double, double, slow_on_most], rules=Rules(2, 0.6, 99))
    against = {test.number: test.against for test in result.tests}
    assert against == {0: [], 1: [], 2: [], 3: [], 4: [], 5: []} and result.suspects == [2]
    result = decided(range(9), [double, double, slow_on_most], rules=Rules(2, 0.6, 99))
    assert {test.number: test.against for test in result.tests} == {n: [2] if n < 4 else [] for n in range(9)}
    assert result.suspects == []


def test_what_the_checker_does_not_decide_exposes_nobody_and_is_no_test():
    def minus(n: int) -> int:
        return -n

    assert exposing(decided([1, 2], [double, double], [minus], undecided=lambda claim: claim.got == "-2")) == {
        0: [2],
        1: [],
    }
    result = decided([1, 2], [double, double], [minus], undecided=lambda claim: claim.input == "2")
    assert [(test.number, test.reason) for test in result.tests] == [(0, None), (1, "the checker does not decide")]


def test_without_enough_right_submissions_nothing_is_decided():
    with pytest.raises(SetAside, match="too few right submissions: 1 of 2 that run"):
        decided([1], [double])


def test_when_too_few_are_left_without_the_suspects_nothing_is_decided():
    def odd(n: int) -> int:
        return 2 * n + n % 2

    def even(n: int) -> int:
        return 2 * n + (n + 1) % 2

    with pytest.raises(SetAside, match="the right submissions disagree: submissions 2 are against most of the others"):
        decided([1, 3, 5], [double, even, odd], rules=Rules(3, 1.0, 9))


def test_the_problems_own_tests_come_first_and_keep_their_output():
    given = StdioTests((Case("3", "6"), Case("4", "9")))
    result = decided([3, 5], [double, double], given=given)
    assert [(test.number, test.output, test.reason) for test in result.tests] == [
        (0, "6", None),
        (3, "10", None),
        (1, "9", "right submissions disagree with its output"),
        (2, None, "the same input as another test"),
    ]


def test_what_is_kept_stands_first_and_the_rest_says_why_not():
    result = decided([0, 3, 1], [double, double], [square], rules=Rules(2, 1.0, 1))
    assert [(test.number, test.kept_for, test.reason, test.evidence) for test in result.tests] == [
        (1, "exposes 2", None, None),
        (0, None, "beyond 1 per problem", "exposes none"),
        (2, None, "beyond 1 per problem", "exposes 2"),
    ]
