"""Formats: the tests of a problem, from the shapes in which people keep them.

In   problem: `tests`, a JSON text or Python code, or else the columns of its row in `meta`
Out  Tests; Unreadable where there are none or their shape is none of these
Use  HumanEval, MBPP, LeetCode's check(candidate), APPS, TACO, code_contests, LiveCodeBench, and our own two:
     {"cases": [{"input": "1 2", "output": "3"}], "checker": ..., "tolerance": 1e-6}
     {"function": "add", "cases": [{"args": [1, 2], "expected": 3}]}
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from datafactory.programs import function_tests, limits
from datafactory.programs.tests import Case, Checker, StdioTests, Tests, Unreadable
from datafactory.types import Problem

# columns that hold tests as a whole, in the order they are looked for
COLUMNS = ("tests", "test_cases", "input_output", "test_list", "test", "verification_info")
SPLIT = ("public_tests", "private_tests", "generated_tests", "public_test_cases", "private_test_cases")
INPUTS, OUTPUTS = ("inputs", "input", "stdin"), ("outputs", "output", "stdout", "expected_output")
LANGUAGES = {"python": "python", "python3": "python", "cpp": "cpp", "c++": "cpp", "javascript": "javascript"}


def read(problem: Problem) -> Tests:
    """The tests of a problem with the limits that it states."""
    context = {**problem.meta}
    if problem.question and "prompt" not in context:
        context["prompt"] = problem.question
    found = problem.tests if problem.tests is not None else _column(problem.meta)
    tests = _of(_parsed(found), context)
    tests = tests.within(limits.stated(problem.question, problem.meta))
    if isinstance(tests.what, StdioTests) and tests.what.tolerance is None and tests.what.checker is None:
        allowed = limits.tolerance(problem.question)
        what = StdioTests(tests.what.cases, None, allowed)
        return Tests(what, tests.stated)
    return tests


def _column(row: Mapping[str, Any]) -> Any:
    split = [part for name in SPLIT if (part := _parsed(row.get(name)))]
    if split:
        return {"split": split}
    for name in COLUMNS:
        if row.get(name):
            return row[name]
    if _first(row, INPUTS) is not None and _first(row, OUTPUTS) is not None:
        return row
    raise Unreadable("there are no tests: no `tests`, and no column that is known to hold them")


def _parsed(value: Any) -> Any:
    """The value, or what its JSON text says, and the text in that; code stays a text."""
    for _ in range(2):
        try:
            value = json.loads(value) if isinstance(value, str) else value
        except (ValueError, RecursionError):
            break
    return value


def _of(value: Any, context: Mapping[str, Any]) -> Tests:
    if isinstance(value, str):
        return Tests(function_tests.of_code(value, context))
    if isinstance(value, Mapping):
        return _of_mapping(value, {**context, **value})
    if isinstance(value, list):
        if not value:
            raise Unreadable("the list of tests is empty")
        if all(isinstance(test, str) for test in value):
            challenge = context.get("challenge_test_list") or []
            lines = [*value, *(challenge if isinstance(challenge, list) else [])]
            return Tests(function_tests.of_asserts(lines, context))
        if all(isinstance(test, Mapping) for test in value):
            return _of_cases(value, context)
    raise Unreadable(f"tests should be a list, a mapping or Python code, not {str(value)[:60]!r}")


def _of_mapping(value: Mapping[str, Any], context: Mapping[str, Any]) -> Tests:
    stated = limits.stated("", value)
    if "split" in value:
        return _of_split(value["split"], context)
    for name in ("functional", "code", "test", "tests"):
        if isinstance(value.get(name), str):
            return _of(_parsed(value[name]), context).within(stated)
    for name in ("test_list", "cases", "test_cases", "tests"):
        if isinstance(value.get(name), list):
            return _of(value[name], context).within(stated)
    split = [part for name in SPLIT if (part := _parsed(value.get(name)))]
    if split:
        return _of_split(split, context).within(stated)
    inputs, outputs = _first(value, INPUTS), _first(value, OUTPUTS)
    if not isinstance(inputs, list) or not isinstance(outputs, list):
        raise Unreadable(f"no shape of tests has the keys {', '.join(map(str, list(value)[:8]))}")
    if len(inputs) != len(outputs) or not inputs:
        raise Unreadable(f"{len(inputs)} inputs for {len(outputs)} outputs")
    name = function_tests.called(context)
    if name:
        return Tests(function_tests.of_values(name, inputs, outputs, context), stated)
    return Tests(_stdio(zip(inputs, outputs, strict=True), context), stated)


def _of_split(parts: Sequence[Any], context: Mapping[str, Any]) -> Tests:
    """Tests that stand in several columns: all of them count."""
    cases: list[Mapping[str, Any]] = []
    for part in parts:
        if isinstance(part, Mapping):
            inputs, outputs = _first(part, INPUTS) or [], _first(part, OUTPUTS) or []
            if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
                raise Unreadable("the inputs and the outputs of a split are not as many")
            cases += [{"input": given, "output": wanted} for given, wanted in zip(inputs, outputs, strict=True)]
        elif isinstance(part, list) and all(isinstance(case, Mapping) for case in part):
            cases += part
        else:
            raise Unreadable(f"a split of tests should be a list of cases, not {str(part)[:60]!r}")
    if not cases:
        raise Unreadable("there is not one test")
    return _of_cases(cases, context)


def _of_cases(cases: Sequence[Mapping[str, Any]], context: Mapping[str, Any]) -> Tests:
    if all("expected" in case for case in cases):
        return Tests(function_tests.of_calls(cases, context))
    kind = {case.get("testtype") or case.get("type") for case in cases}
    inputs, outputs = [_first(case, INPUTS) for case in cases], [_first(case, OUTPUTS) for case in cases]
    if any(given is None for given in inputs) or any(wanted is None for wanted in outputs):
        raise Unreadable("a case should have an input and an output, or args and what is expected")
    name = function_tests.called({**context, **cases[0]})
    if name or "functional" in kind or "function_call" in kind:
        return Tests(function_tests.of_values(name, inputs, outputs, context))
    return Tests(_stdio(zip(inputs, outputs, strict=True), context))


def _stdio(pairs: Any, context: Mapping[str, Any]) -> StdioTests:
    cases = tuple(Case(_text(given), _text(wanted)) for given, wanted in pairs)
    tolerance = context.get("tolerance")
    if tolerance is not None and (
        isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 <= tolerance < 1e300
    ):
        raise Unreadable(f"tolerance should be a number from 0 on, not {str(tolerance)[:60]!r}")
    return StdioTests(cases, _checker(context.get("checker")), tolerance)


def _checker(value: Any) -> Checker | None:
    if value is None:
        return None
    if isinstance(value, str):
        value = {"language": "python", "source": value}
    language = LANGUAGES.get(str(value.get("language", "python")).lower()) if isinstance(value, Mapping) else None
    if language is None or not isinstance(value.get("source"), str) or not value["source"].strip():
        raise Unreadable('a checker should be {"language": "python", "source": "..."}')
    return Checker(language, value["source"])  # type: ignore[arg-type]


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _text(value: Any) -> str:
    """What is on stdin or stdout: a text, or lines, as some sources keep them."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise Unreadable(f"an input and an output should be texts, not {str(value)[:60]!r}")
