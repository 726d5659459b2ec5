"""Every shape in which people keep tests is read as the same tests, with the limits that the problem states."""

from __future__ import annotations

import json
import math
import tracemalloc
from typing import Any

import pytest

from datafactory.programs import formats, limits
from datafactory.programs.tests import Case, FunctionTests, Stated, StdioTests, Unreadable
from datafactory.types import Problem

TWO = (Case("1 2\n", "3\n"), Case("4 5\n", "9\n"))
PAIRS = [{"input": case.input, "output": case.output} for case in TWO]
COLUMNS = {"inputs": [case.input for case in TWO], "outputs": [case.output for case in TWO]}
SINGULAR = {"input": COLUMNS["inputs"], "output": COLUMNS["outputs"]}


@pytest.mark.parametrize(
    "tests",
    [
        COLUMNS,
        SINGULAR,
        {"cases": PAIRS},
        PAIRS,
        json.dumps(json.dumps(COLUMNS)),
        {"inputs": [["1 2", ""], ["4 5", ""]], "outputs": [["3", ""], ["9", ""]]},  # lines, as APPS sometimes has them
        [{**pair, "testtype": "stdin"} for pair in PAIRS],
        [{"stdin": pair["input"], "expected_output": pair["output"]} for pair in PAIRS],
        {
            "public_tests": {"input": ["1 2\n"], "output": ["3\n"]},
            "private_tests": {"input": ["4 5\n"], "output": ["9\n"]},
        },
    ],
)
def test_stdin_tests_are_read_from_the_tests(tests: Any):
    text = tests if isinstance(tests, str) else json.dumps(tests)
    assert formats.read(Problem("q", tests=text)).what == StdioTests(TWO)


@pytest.mark.parametrize(
    "meta",
    [
        {"input_output": json.dumps(COLUMNS)},
        {"input_output": COLUMNS, "difficulty": 3},
        COLUMNS,
        {"test_cases": PAIRS},
        {"public_tests": {"input": ["1 2\n"], "output": ["3\n"]}, "private_tests": {"input": [], "output": []},
         "generated_tests": {"input": ["4 5\n"], "output": ["9\n"]}},
        {"public_tests": [PAIRS[0]], "private_tests": json.dumps([PAIRS[1]])},
        {"public_test_cases": json.dumps([PAIRS[0]]), "private_test_cases": [PAIRS[1]]},
    ],
)  # fmt: skip
def test_stdin_tests_are_read_from_the_columns_of_a_row(meta: dict[str, Any]):
    assert formats.read(Problem("q", meta=meta)).what == StdioTests(TWO)


def test_a_function_that_apps_names_is_called():
    made = formats.read(
        Problem("q", meta={"input_output": json.dumps({"fn_name": "f", "inputs": [[1]], "outputs": [[2]]})})
    ).what
    assert isinstance(made, FunctionTests) and (made.entry, made.code) == ("f", "assert __same__(f(1), 2, packed=True)")


def test_the_columns_of_humaneval_and_of_mbpp_are_read():
    row = {"entry_point": "f", "test": "def check(candidate):\n    assert candidate(1) == 2\n"}
    made = formats.read(Problem("import re\n\ndef f(x):\n    '''Add.'''\n", meta=row)).what
    assert isinstance(made, FunctionTests) and made.code.endswith("check(f)")
    assert (made.entry, made.preamble, made.prelude) == ("f", "import re", False)
    row = {
        "test_setup_code": "import math",
        "test_list": ["assert f(1) == 2"],
        "challenge_test_list": ["assert f(2) == 3"],
    }
    made = formats.read(Problem("Write f.", meta=row)).what
    assert isinstance(made, FunctionTests) and made.entry == "f"
    assert made.code == "import math\nassert f(1) == 2\nassert f(2) == 3"


@pytest.mark.parametrize(
    "tests",
    ["x", "[1]", "null", '{"inputs": ["1"], "outputs": ["1", "2"]}', '[{"input": "1"}]', '{"a": 1}', "assert (", "x = 1",
     "def check(candidate):\n    assert candidate()", '{"cases": []}', '{"functional": "pass"}',
     '{"cases": [{"input": "1", "output": "1"}], "checker": 3}', '{"cases": [{"input": "", "output": ""}], "tolerance": "x"}',
     '{"fn_name": "not a name", "inputs": [[1]], "outputs": [1]}',
     *(f'{{"cases": [{{"input": "", "output": "1"}}], "tolerance": {tolerance}}}'
       for tolerance in ("-1", "NaN", "Infinity", "1" + "0" * 400, "true"))],
)  # fmt: skip
def test_a_shape_that_is_none_of_these_is_unreadable(tests: str):
    with pytest.raises(Unreadable):
        formats.read(Problem("q", tests=tests))


@pytest.mark.parametrize(
    ("row", "stated"),
    [
        ({"time_limit": 2}, Stated(2.0)),
        ({"time_limit": "1.5 seconds", "memory_limit": "256 megabytes"}, Stated(1.5, 256 << 20)),
        ({"time_limit": 2000, "memory_limit": 256}, Stated(2.0, 256 << 20)),
        ({"time_limit": "500 ms", "memory_limit": 262144}, Stated(0.5, 256 << 20)),
        ({"time_limit": {"seconds": 1, "nanos": 500000000}, "memory_limit_bytes": 256000000}, Stated(1.5, 256000000)),
        ({"time_limit": None, "memory_limit": "lots"}, Stated()),
        ({"time_limit": -1, "memory_limit": True}, Stated()),
        ({"time_limit": {"seconds": math.inf, "nanos": 10**400}, "memory_limit": "9" * 400 + " mb"}, Stated()),
        ({"time_limit": {"seconds": 0, "nanos": 10**400}, "memory_limit": math.nan}, Stated()),
        ({"time_limit": {"seconds": -3}, "memory_limit": "9" * 20 + " gb"}, Stated()),
    ],
)
def test_limits_are_read_from_a_rows_columns(row: dict[str, Any], stated: Stated):
    assert limits.stated("", row) == stated


@pytest.mark.parametrize(
    ("statement", "stated"),
    [
        (
            "...\nTime Limit: {'seconds': 2, 'nanos': 500000000}\nMemory Limit: 256000000 Bytes\n",
            Stated(2.5, 256000000),
        ),
        ("time limit per test: 2 seconds\nmemory limit per test: 256 megabytes", Stated(2.0, 256 << 20)),
        ("There is no limit to what you can do.", Stated()),
        ("time limit" + " " * (1 << 20), Stated()),
        ("time limit {" * (1 << 16), Stated()),
    ],
)
def test_limits_are_read_from_the_statement(statement: str, stated: Stated):
    assert limits.stated(statement, {}) == stated


@pytest.mark.parametrize(
    ("statement", "tolerance"),
    [
        ("is correct if its absolute or relative error does not exceed 10^{-6}.", 1e-6),
        ("if the relative error does not exceed $10^{-4}$", 1e-4),
        ("with an absolute or relative error of at most 1e-9", 1e-9),
        ("relative error must not exceed 0.001", 1e-3),
        ("The error is 10^{-6} of the measurement.", None),
        ("Print the answer.", None),
        ("relative error 10" + " " * (1 << 20), None),
        ("relative error of 1e-" + "9" * 5000, 1e-18),
    ],
)
def test_a_tolerance_is_read_where_the_statement_says_it(statement: str, tolerance: float | None):
    assert limits.tolerance(statement) == pytest.approx(tolerance)


@pytest.mark.parametrize(
    "tests",
    [
        "[" * 500_000, "[" + "[]," * 300_000 + "[]]", "[" + "{}," * 300_000 + "{}]", "1" * 1_000_000, '"' * 1_000_000,
        '{"' + "k" * 1_000_000 + '": 1}', "[" + "1," * 500_000 + "1]", "assert " * 140_000, "\n" * 1_000_000,
        '["' + "x" * 1_000_000 + '"]', '{"cases": [' + '{"input": "", "output": 1e5},' * 30_000 + "3]}",
    ],
    ids=range(11),
)  # fmt: skip
def test_a_megabyte_of_what_no_tests_are_is_unreadable_and_small(tests: str):
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable):
            formats.read(Problem("q", tests=tests))
        assert tracemalloc.get_traced_memory()[1] < 200 << 20
    finally:
        tracemalloc.stop()
