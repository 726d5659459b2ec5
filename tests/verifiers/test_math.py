"""Math: equal as mathematics, decided with certainty or not at all."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory import boundary
from datafactory.types import Completion, Problem
from datafactory.verifiers import math

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
TOWER = r"\boxed{2^{2^{2^{49}}}}"


def verdict(gold: str | None, response: str, timeout: float = 30.0):
    return math.verify(Problem("q", gold), Completion(response), math.Config(timeout=timeout))


def rows_of(file: str) -> list[dict]:
    path = DATA / file
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        ("12", "12"),
        ("12", r"The sum is $5 + 7$, so \boxed{12}."),
        ("1234", r"\boxed{1{,}234}"),
        ("1,234", "#### 1234"),
        ("0.5", r"\boxed{\frac12}"),
        ("-3/4", r"\boxed{-\dfrac{3}{4}}"),
        ("1/3", r"\boxed{0.333333}"),
        ("18", r"The answer is \$18.00."),
        ("18", "It comes to 6 + 12.\n\nTherefore she has $18$ left."),
        ("x^2+2x+1", r"\boxed{(x+1)^2}"),
        (r"\frac{\sqrt{8}}{2}", r"\boxed{\sqrt 2}"),
        ("10", r"\boxed{10\%}"),
        ("5", r"\boxed{5\text{ cm}}"),
        (r"\{1,2\}", r"\boxed{\{2,1\}}"),
        ("1, 2", r"\boxed{2} and \boxed{1}"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\boxed{\begin{pmatrix}1\\2\end{pmatrix}}"),
        (r"x \ge 1", r"\boxed{[1,\infty)}"),
        (r"\text{east}", r"\boxed{East}"),
        (r"\text{Evelyn}", r"The answer is $\text{Evelyn}$."),
        ("42", "<answer>42</answer>"),
        (r"$\frac{1}{2}$", "0.5"),
    ],
)
def test_equal_answers_are_correct(gold, response):
    assert verdict(gold, response).status == "correct"


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        ("12", "13"),
        ("12", r"\boxed{12} no, \boxed{13}"),
        ("0.33", r"\boxed{1/3}"),
        ("11/2", r"\boxed{1 1/2}"),
        ("123456789012345678", r"\boxed{123456789012345679}"),
        ("x^2+2x+1", r"\boxed{(x-1)^2}"),
        ("(1,2)", r"\boxed{(2,1)}"),
        (r"\{1,2\}", r"\boxed{\{1,2,3\}}"),
        (r"\text{east}", r"\boxed{\text{west}}"),
        ("12", r"\boxed{\text{twelve}}"),
    ],
)
def test_different_answers_are_incorrect(gold, response):
    assert verdict(gold, response).status == "incorrect"


@pytest.mark.parametrize("response", ["", "I cannot tell.", r"\boxed{}", "__import__('os').system('touch x') or 0"])
def test_a_response_without_an_answer_is_no_answer(response):
    assert verdict("0", response).status == "no_answer"


@pytest.mark.parametrize("gold", [None, "", "  ", "the set of all real numbers other than 0"])
def test_a_gold_answer_that_cannot_be_read_is_undecidable(gold):
    assert verdict(gold, r"\boxed{0}").status == "undecidable_gold"


def test_a_text_is_correct_when_it_is_the_same_text():
    gold = "all real numbers other than zero"
    assert verdict(gold, rf"\boxed{{\text{{{gold}}}}}").status == "correct"


def test_the_detail_shows_what_was_compared():
    assert verdict("12", r"so \boxed{13}").detail == "expected 12, got 13"


def test_a_comparison_that_does_not_end_is_a_timeout_and_not_a_wrong_answer():
    slow = verdict("1", TOWER, timeout=0.5)
    assert (slow.reward, slow.status) == (None, "timeout")
    assert verdict("x+1", r"\boxed{1+x}").status == "correct"


@pytest.mark.parametrize("dies", [["os:abort"], ["operator:mul", [0], 10**9]], ids=["crash", "memory"])
def test_a_comparison_that_dies_is_an_error(monkeypatch, dies):
    call = boundary.call
    monkeypatch.setattr(boundary, "call", lambda *_, timeout: call(*dies, timeout=timeout))
    dead = verdict("x+23", rf"\boxed{{x+{dies}}}")
    assert (dead.reward, dead.status) == (None, "error")


def test_a_group_pays_for_an_answer_once():
    verdict("x+17", r"\boxed{17+x}")
    before = math.compare.cache_info()
    for words in ("So", "Hence", "Thus", "Then"):
        verdict("x+17", rf"{words} \boxed{{17+x}}")
    after = math.compare.cache_info()
    assert (after.hits - before.hits, after.misses - before.misses) == (4, 0)


@pytest.mark.parametrize(
    "response",
    [
        "9" * 10**6,
        rf"\boxed{{{'9' * 10**6}}}",
        r"\boxed{" * 100_000,
        r"\frac{1}{" * 100_000,
        "(" * 10**6,
        "1 + " * 250_000,
        "\0" * 1000,
        "\ud800\u202e\u200f",
        "\\boxed{\ud800\0\u202e12}",
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_no_response_is_too_much(response):
    assert verdict("12", response, timeout=2).reward != 1.0


def test_a_number_is_not_read_from_its_middle():
    assert verdict("12", "7" * 10**6 + "0" * 3998 + "12").reward != 1.0


def test_an_answer_of_a_megabyte_is_none():
    assert verdict("12", rf"\boxed{{{'x+' * 10**6}1}}").detail == "2000001 characters are not an answer"


@given(st.integers(-(10**6), 10**6), st.integers(1, 1000), st.integers(-3, 3))
def test_fractions_are_compared_by_value(n, d, k):
    gold, response = str(Fraction(n, d)), rf"\boxed{{\frac{{{n + k * d}}}{{{d}}}}}"
    assert verdict(gold, response).reward == (1.0 if k == 0 else 0.0)


def test_threads_do_not_mix_their_answers():
    def square(n: int) -> str:
        return verdict(f"x^2+{n}x", rf"\boxed{{x(x+{n if n % 2 else n + 1})}}").status

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(square, range(1, 41))) == ["correct", "incorrect"] * 20


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
@pytest.mark.parametrize(
    ("file", "column"), [("math500", "answer"), ("aime24", "expected_answer"), ("gsm8k_test", "answer")]
)
def test_every_gold_answer_is_its_own_equal(file, column):
    for row in rows_of(f"problems/{file}.jsonl.gz")[:500]:
        gold = str(row[column])
        for response in (gold, rf"\boxed{{{gold}}}", f"The final answer is ${gold}$."):
            assert verdict(gold, response).status == "correct", (gold, response)


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
def test_it_agrees_with_people_on_solutions_of_gsm8k():
    rows = rows_of("traces/labelled_gsm8k_gpt3_solutions.jsonl.gz")[:400]
    wrong = [
        row["id"] for row in rows if (verdict(str(row["gold"]), row["response"]).reward == 1.0) != row["label_correct"]
    ]
    assert wrong == []


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
def test_it_agrees_with_the_tests_of_other_graders():
    rows = [row for row in rows_of("equivalence/equivalence_visible.jsonl") if row["notes"] != "must not hang"]
    agreed = sum(
        (verdict(row["gold"], row["prediction"] or "", timeout=3).reward == 1.0) == row["expected"] for row in rows
    )
    assert agreed / len(rows) > 0.93  # some rows hold a grader's policy that another grader's rows contradict


@pytest.mark.parametrize(
    ("response", "gold", "status"),
    [
        ("You asked: 3 * 4. I cannot do it.", "12", "no_answer"),
        ("I have to compute 5 + 6.", "11", "no_answer"),
        ("We need 5 + 6 =", "11", "no_answer"),
        ("So 5 + 6 = 11.", "11", "correct"),
        ("He pays 12 dollars.", "12", "correct"),
        ("There were 12, and now there are 3 of them.", "12", "incorrect"),
        ("It falls to -5 degrees.", "-5", "correct"),
        ("A total of 1,234 votes.", "1234", "correct"),
    ],
)
def test_prose_counts_by_the_number_it_ends_on_and_a_sum_is_not_worked_out_for_it(response, gold, status):
    verdict = math.verify(Problem(question="", answer=gold), Completion(response), math.Config())
    assert verdict.status == status, verdict
