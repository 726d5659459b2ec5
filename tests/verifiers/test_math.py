"""Math: equal as mathematics, decided with certainty or not at all."""

import re
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory import answers, boundary
from datafactory.types import Completion, Problem
from datafactory.verifiers import math

from ..real import rows_of

POLICIES = Path(__file__).resolve().parents[2] / "docs" / "verifiers" / "math.md"
TOWER = r"\boxed{2^{2^{2^{49}}}}"


def verdict(gold: str | None, response: str, timeout: float = 30.0):
    return math.verify(Problem("q", gold), Completion(response), math.Config(timeout=timeout))


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
        ("12", r"\boxed{\text{thirteen}}"),
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


@pytest.mark.parametrize(
    ("file", "column"), [("math500", "answer"), ("aime24", "expected_answer"), ("gsm8k_test", "answer")]
)
def test_every_gold_answer_is_its_own_equal(file, column):
    for row in rows_of(f"problems/{file}")[:500]:
        gold = str(row[column])
        for response in (gold, rf"\boxed{{{gold}}}", f"The final answer is ${gold}$."):
            assert verdict(gold, response).status == "correct", (gold, response)


def test_it_agrees_with_people_on_solutions_of_gsm8k():
    rows = rows_of("traces/labelled_gsm8k_gpt3_solutions")
    wrong = [
        row["id"] for row in rows if (verdict(str(row["gold"]), row["response"]).reward == 1.0) != row["label_correct"]
    ]
    assert wrong == []


def test_it_agrees_with_the_labels_of_competition_traces():
    rows = rows_of("traces/skythought_eval_outputs")
    verdicts = [verdict(str(row["gold"]), row["response"], timeout=5).reward == 1.0 for row in rows]
    accepted = [row for row, right in zip(rows, verdicts, strict=True) if right and not row["label_correct"]]
    refused = [row for row, right in zip(rows, verdicts, strict=True) if not right and row["label_correct"]]
    assert (len(accepted), len(refused)) == (97, 34)  # read one by one, as docs/verifiers/math.md says
    easy = ("aime24", "amc23")  # labelled by whole numbers, where the labels are to be trusted
    count = sum(row["dataset"] in easy for row in rows)
    assert sum(row["dataset"] in easy for row in accepted + refused) / count < 0.01
    assert sum(row["dataset"] in easy for row in accepted) / count < 0.005


def test_it_differs_from_the_tests_of_other_graders_only_where_the_docs_say_so():
    rows = rows_of("equivalence/equivalence_visible")
    differ = {
        row["id"]
        for row in rows
        if (verdict(row["gold"], row["prediction"] or "", timeout=5).reward == 1.0) != row["expected"]
    }
    judged = ("DISAGREEMENT", "POLICY", "string-normalisation")  # what the notes of a judgement call say
    plain = [row for row in rows if not any(mark in (row["notes"] or "") for mark in judged)]
    assert 1 - sum(row["id"] in differ for row in plain) / len(plain) > 0.97
    assert differ == listed("equivalence_visible")


def test_it_finds_the_answers_that_other_projects_find():
    differ = set()
    for case in rows_of("equivalence/extraction_cases"):
        if case["expected"]:
            agrees = verdict(case["expected"], case["text"]).status == "correct"
        else:
            agrees = not answers.final(case["text"])
        differ |= set() if agrees else {case["id"]}
    assert differ == listed("extraction_cases")


def test_what_other_projects_take_for_one_spelling_is_one_answer():
    differ = {
        case["id"]
        for case in rows_of("equivalence/normalization_cases")
        if verdict(case["normalized"], rf"\boxed{{{case['raw']}}}").status != "correct"
    }
    assert differ == listed("normalization_cases")


def listed(file: str) -> set[str]:
    """The rows of a file that the docs list as decided otherwise."""
    section = POLICIES.read_text(encoding="utf-8").partition(f"`{file}.jsonl`")[2].partition("\n#")[0]
    return set(re.findall(r"^\| `([0-9a-f]{10})` \|", section, re.M))


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
        ("一共有12个。", "12", "correct"),
        ("所以答案为 12 元。", "12", "correct"),
        ("答：一共有12个。", "12", "correct"),
        ("The point is (1, 2).", "(1,2)", "correct"),
        ("The solutions are $1$ and $2$.", r"\{1,2\}", "correct"),
        ("The answer is 12 because 3 * 4 is not 13.", "12", "correct"),
        ("The answer is not 12. It is 13.", "12", "incorrect"),
        ("The final answer is $12$. I hope it is correct.", "12", "correct"),
        ("So she ends up facing east.", "east", "correct"),
        ("It is not Evelyn.", "Evelyn", "incorrect"),
        ("Yes, because it is prime.", "yes", "correct"),
        ("Yes, because it is prime.", "no", "incorrect"),
        ("I think it's (D).", "D", "correct"),
    ],
)
def test_prose_counts_by_the_number_it_ends_on_and_a_sum_is_not_worked_out_for_it(response, gold, status):
    verdict = math.verify(Problem(question="", answer=gold), Completion(response), math.Config())
    assert verdict.status == status, verdict


def test_what_was_cut_off_ends_on_a_step_and_not_on_an_answer():
    cut = Completion("First, 3 * 4 = 12", finish_reason="length")
    assert math.verify(Problem("q", "12"), cut, math.Config()).status == "no_answer"
    boxed = Completion(r"\boxed{12}. Let me check", finish_reason="length")
    assert math.verify(Problem("q", "12"), boxed, math.Config()).status == "correct"


def test_a_close_number_is_not_the_same_number():
    assert verdict(r"e^{\pi\sqrt{163}}", r"\boxed{262537412640768744}").status == "incorrect"
    assert verdict(r"\sqrt{2}", r"\boxed{\frac{1414213562373095}{1000000000000000}}").status == "incorrect"


def test_a_sentence_in_other_words_is_not_called_wrong():
    gold = "the midpoints form a regular hexagon"
    assert verdict(gold, r"\boxed{\text{they are the corners of a hexagon}}").status == "undecidable_gold"
    assert verdict(gold, r"\boxed{6}").status == "incorrect"
