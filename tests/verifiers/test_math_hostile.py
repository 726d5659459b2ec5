"""Math against hostile text: a verdict or a timeout in time, whatever the text, and the next verdict unharmed."""

import resource
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from datafactory.types import Completion, Problem
from datafactory.verifiers import math


def box(text: str) -> str:
    return rf"\boxed{{{text}}}"


ROW = "&".join(["1"] * 400)
MATRIX = r"\begin{pmatrix}" + r"\\".join([ROW] * 400) + r"\end{pmatrix}"
HOSTILE = {
    "tower of powers": box("2^{2^{2^{2^{49}}}}"),
    "factorials of factorials": box("((((9!)!)!)!)!"),
    "a million digits": "9" * 10**6,
    "a million digits in a box": box("9" * 10**6),
    "as many digits as an answer may have": box("9" * 3990),
    "a decimal of 4000 digits": box("." + "9" * 3980),
    "fractions 10,000 deep": box(r"\frac{1}{" * 10_000 + "1" + "}" * 10_000),
    "fractions 400 deep": box(r"\frac{1}{" * 400 + "1" + "}" * 400),
    "fractions that do not close": r"\frac{1}{" * 100_000,
    "a megabyte of LaTeX": r"\alpha+\frac{x}{y} " * 50_000,
    "a megabyte in a box": box(r"\alpha+" * 150_000 + "1"),
    "boxes that do not close": r"\boxed{" * 100_000,
    "100,000 boxes": r"\boxed{1}" * 100_000,
    "boxes far apart": (r"\boxed{" + " " * 2100) * 400,
    "boxes with signs between": (r"\boxed{1}" + "$" * 1000) * 900,
    "brackets": "(" * 10**6,
    "brackets in a box": box("(" * 1900 + "1" + ")" * 1900),
    "brackets that this process reads": box("(" * 400 + "1" + ")" * 400),
    "sets in sets": box(r"\{" * 200 + "1" + r"\}" * 200),
    "factors": box("1*" * 450 + "2"),
    "products": box("2x" * 400),
    "powers": box("x^1" * 300),
    "factorials": box("3" + "!" * 900),
    "signs that this process reads": box("-" * 900 + "1"),
    "relations": box("x=" * 400 + "1"),
    "bars": box("|x" * 1900),
    "a matrix of 160,000 cells": box(MATRIX),
    "NUL": "\0" * 10**5,
    "NUL in a box": box("\0" + "1\0" * 500),
    "RTL marks": "\u202e\u200f" * 10**5 + "13",
    "lone surrogates": box("\ud800\0\u202e13"),
    "dollars": "$ " * 10**6,
    "a sum": "1 + " * 250_000,
    "markers": "answer is " * 100_000,
    "spaces after a marker": "answer" + " " * 10**6 + "x",
    "backslashes": "\\" * 10**6,
    "a list": box("1," * 1900 + "2"),
    "joined by and": box("1 and " * 650 + "2"),
    "signs": box("-" * 3900 + "1"),
    "plus or minus": box("1" + r"\pm1" * 900),
    "roots": box(r"\sqrt" * 700 + "2"),
    "functions": box(r"\sin" * 900 + " x"),
    "powers of sums": box("(1+x)^{999}" * 300),
    "a unit of 3900 letters": box("5" + "a" * 3900),
    "numbers": "1," * 500_000,
    "a large exponent": box("1e999999"),
    "an integral": box(r"\int_0^1 x^{x^x} dx"),
    "a power with a fraction as its exponent": box("4^{1000000000.5}"),
    "a negative power": box("3^{-10^9}"),
    "a binomial": box(r"\binom{10^9}{10^8}"),
    "a root of a large power": box(r"\sqrt[64]{2^{10^9}}"),
    "a sum of factorials": box("+".join(rf"\frac{{1}}{{{n}!}}" for n in range(900, 970))),
    "a product of factorials": box("*".join(["900!"] * 90)),
    "a list of factorials": box(",".join(f"{n}!" for n in range(700, 880))),
    "powers of sums with decimals": box("*".join(f"(x+{n}.123456789)^{{20}}" for n in range(40))),
    "commands and letters": box(r"x=" + r"\lfloor\lfloorand" * 30 + "=0.5!1"),
    "moduli": box("(" * 400 + r"\equiv" * 60 + r"\bmod" * 20),
    "an aside that does not close": "The answer is 5 apples (" + "1+2 " * 200_000,
    "circled digits": box("①③" * 400),
    "emphasis": "**a" * 300_000,
    "a sum of 10^10 terms": box(r"\sum_{k=1}^{10^{10}} \frac{1}{k}"),
}
TIMEOUT = 2.0


def verdict(gold: str, response: str, timeout: float = TIMEOUT):
    return math.verify(Problem("q", gold), Completion(response), math.Config(timeout=timeout))


@pytest.fixture(autouse=True)
def a_child_that_has_started():
    """The import of sympy is not on the clock, and a test machine may be busy: what is measured is the verdict."""
    math.compare.cache_clear()
    assert verdict("x+1", r"\boxed{\int 1 dx}", timeout=60).status == "incorrect"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_response_is_not_correct_and_holds_nobody_up(name):
    start, used = time.monotonic(), time.process_time()
    found = verdict("12", HOSTILE[name])
    assert found.reward != 1.0
    assert found.status in ("incorrect", "no_answer", "timeout", "error")
    assert time.process_time() - used < 5  # this process reads little of it
    assert time.monotonic() - start < 60  # a hang, on the slowest machine
    assert verdict("x+1", r"\boxed{1+x}", timeout=60).status == "correct"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_gold_answer_is_not_the_answer_12(name):
    assert verdict(HOSTILE[name], r"\boxed{12}").reward != 1.0


@pytest.mark.parametrize("name", [name for name in HOSTILE if len(HOSTILE[name]) < 1000])
def test_exact_arithmetic_costs_this_process_next_to_nothing(name):
    """What is large is left to the child process, which can be killed."""
    text = HOSTILE[name].removeprefix(r"\boxed{").removesuffix("}")
    used = time.process_time()
    for gold in (text.replace("9", "8", 1) + "+1", "x+1", "7,8,9"):
        math.equal_without_algebra(gold, text)
    assert time.process_time() - used < 3


def test_memory_does_not_grow_with_hostile_text():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for text in HOSTILE.values():
        verdict("east", text)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10 < 300  # MiB


def test_neighbours_of_what_hangs_get_their_verdicts():
    def answer(n: int) -> str:
        if n % 8 == 0:
            return verdict(str(n), rf"\boxed{{9^{{9^{{9^{{{n + 9}}}}}}}}}", timeout=1).status
        return verdict(rf"\int {n} dx", rf"\boxed{{{n}\int 1 dx}}", timeout=60).status

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(answer, range(24)))
    assert [status for n, status in enumerate(found) if n % 8 == 0] == ["timeout"] * 3
    assert {status for n, status in enumerate(found) if n % 8} == {"correct"}
