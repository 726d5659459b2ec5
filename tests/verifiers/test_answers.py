"""Where the final answer of a response is, and how it is spelled."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory import answers

from ..real import rows_of


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"first \boxed{1}, no: \boxed{2} is it", "2"),
        (r"\boxed{\frac{1}{\sqrt{2}}} and more", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed{\left\{1,2\right.}", r"\left\{1,2\right."),
        (r"\boxed{3} then \boxed{4 never closes", "3"),
        (r"\boxed{\boxed{5}}", "5"),
        (r"\fbox{6}", "6"),
        (r"\mbox{6}", None),
        (r"so \boxed 7.", "7"),
        (r"\\boxed{8}", "8"),
        (r"\boxed{1} and \boxed{2}", "1, 2"),
        (r"\boxed{(1,2)},\quad \boxed{(3,4)}", "(1,2), (3,4)"),
        (r"\boxed{1} and then \boxed{2}", "2"),
        (r"\boxed{9}, \boxed{9}", "9"),
        ("<answer>10</answer>", "10"),
        ("<answer>no</answer> <answer> 11\n</answer>", "11"),
        (r"\boxed{1} <answer>it is \boxed{12}</answer> \boxed{3}", "12"),
        ("<answer>13", None),
        (r"\boxed{}", ""),
        ("14", None),
        ("", None),
    ],
)
def test_the_last_marked_answer_counts(text, answer):
    assert answers.final(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is 12.", "12"),
        ("Answer: no.\n**Final Answer:** $x^2$", "x^2"),
        ("We add.\n#### 1,234", "1,234"),
        ("所以答案是：42。", "42"),
        ("The answers vary", None),
        ("Final answer:", None),
        ("**Final answer for Subproblem 1:** 3 bushels", "3 bushels"),
        ("The answer is not 3.", None),
        ("The result is 7.", "7"),
        ("答：一共有12个。", "一共有12个"),
        ("The answer is 1.\nNo, the answer is 2.", "2"),
    ],
)
def test_what_is_stated_as_the_answer(text, answer):
    assert answers.stated(text) == answer


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("Then $x = 2$, so $y = 3$ follows.", "y = 3"),
        (r"First \(a\), then \[ b \] at last", "b"),
        (r"It is $\frac{1}{2} \$ = \frac{10}{9}$", r"\frac{1}{2} \$ = \frac{10}{9}"),
        ("She pays $5.", None),
        (r"\( never closes", None),
    ],
)
def test_the_last_formula_of_prose(text, formula):
    found = answers.last_formula(text)
    assert (found and found[1]) == formula


def test_a_claim_ends_where_its_reason_starts():
    assert answers.claim("42 because geometry proves it") == "42"
    assert answers.claim("$12$. I hope it is correct") == "$12$"
    assert answers.claim("3.5 metres") == "3.5 metres"


@pytest.mark.parametrize("text", [r"\boxed{1}" + " " * 5000 + "end", "x" * 5000 + r"\boxed{1} or \boxed{1}"])
def test_a_box_is_found_in_a_long_text(text):
    assert answers.final(text) == "1"
    assert answers.final(text + r" then \boxed{2") == "1"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\frac12", r"\dfrac{1}{2}"),
        (r"\text{ east}", "east"),
        (r"\left( 3, 4 \right)", "(3,4)"),
        (r"45^{\circ}", "45°"),
        (r"\$ 5.", "$5$"),
        ("１２", "12"),
        ("−3", "-3"),
        (r"1\,234", "1234"),
        ("\u200f7\u200b", "7"),
    ],
)
def test_one_answer_has_one_spelling(one, other):
    assert answers.plain(one) == answers.plain(other)


@pytest.mark.parametrize(("one", "other"), [("1 1/2", "11/2"), ("x**2", "x2"), ("x", "X"), ("1 2", "12"), ("-1", "1")])
def test_different_answers_have_different_spellings(one, other):
    assert answers.plain(one) != answers.plain(other)


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_a_number_has_its_value_in_every_spelling(n, d):
    sign, size = ("-" if n < 0 else ""), abs(n)
    assert answers.number(f"{n:,}") == n
    assert answers.number(f"{n}/{d}") == Fraction(n, d)
    assert answers.number(f"{sign}\\frac{{{size}}}{{{d}}}") == Fraction(n, d)
    assert answers.number(f"{sign}{size // 100}.{size % 100:02}") == Fraction(n, 100)


@pytest.mark.parametrize("text", ["", "x", "1,23", "1 1/2", "1/0", "1e5", "12%", "1.2.3", "٣", "9" * 5000])
def test_what_is_not_plainly_a_number_has_no_value(text):
    assert answers.number(text) is None


@settings(derandomize=True, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "\\boxed{",
                "\\",
                "{",
                "}",
                "<answer>",
                "</answer>",
                "answer is ",
                "\\frac",
                " ",
                "1",
                "$",
                "\ud800",
                "\0",
                "\n",
            ]
        )
    ).map("".join)
)
def test_no_text_raises(text):
    answers.final(text), answers.stated(text), answers.number(answers.plain(text)), answers.is_formula(text)


def test_extraction_agrees_with_other_projects_tests():
    cases = rows_of("equivalence/extraction_cases")
    boxed = [case for case in cases if "boxed" in case["text"] and case["expected"] is not None]
    assert len(boxed) > 15
    for case in boxed:
        assert answers.plain(answers.final(case["text"]) or "") == answers.plain(case["expected"]), case
