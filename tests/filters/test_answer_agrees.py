"""Answer agrees: what the thinking concludes and what the summary answers."""

from __future__ import annotations

import time

import polars as pl
import pytest

from filters.answer_agrees import answer_agrees, evidence

WORK = "I add the number of apples and the number of pears, and then look at it once more to be sure. "


def of(reasoning: str | None, response: str | None) -> float | None:
    return answer_agrees(pl.DataFrame({"reasoning": [reasoning], "response": [response]}))[0]


@pytest.mark.parametrize(
    "thought, answered",
    [
        ("So the answer is 12.", "The sum is \\boxed{12}."),
        ("**Final Answer**\n\\boxed{12}", "The sum is $\\boxed{12}$."),
        ("\\boxed{\\frac{1}{2}}", "Thus \\boxed{0.5}."),
        ("The answer is 1/2.", "Thus \\[ \\boxed{\\dfrac{1}{2}} \\]"),
        ("So the answer is 12 apples.", "\\boxed{12}"),
        ("The answer is $1,200.", "\\boxed{1200}"),
        ("\\boxed{x + 1}", "\\boxed{1 + x}"),
        ("\\boxed{3}, then I see a slip. The answer is 12.", "\\boxed{12}"),
        ("The answer is 3? No. The answer is 12.", "**Answer:** 12"),
        ("So the answer is B.", "The answer is \\boxed{B}."),
        ("The correct option is (C).", "**Answer: C**"),
        ("\\boxed{\\text{east}}", "\\boxed{East}"),
        ("Therefore, the units digit is 5.", "\\boxed{5}"),
        ("Thus the roots are \\boxed{1} and \\boxed{2}.", "\\boxed{1, 2}"),
        ("所以答案是12。", "答案是 \\boxed{12}。"),
        ("The answer is 12.", "<answer>12</answer>"),
    ],
)
def test_equal_answers_agree(thought, answered):
    assert of(WORK + thought, answered) == 1


@pytest.mark.parametrize(
    "thought, answered",
    [
        ("So the answer is 12.", "The sum is \\boxed{15}."),
        ("**Final Answer**\n\\boxed{12}", "\\boxed{-12}"),
        ("\\boxed{\\frac{1}{2}}", "\\boxed{\\frac{2}{3}}"),
        ("\\boxed{x + 1}", "\\boxed{x - 1}"),
        ("\\boxed{15}, then I see a slip. The answer is 12.", "\\boxed{15}"),
        ("So the answer is B.", "\\boxed{C}"),
        ("Therefore, the units digit is 5.", "\\boxed{7}"),
        ("The answer is 12 apples.", "**Answer:** 15 apples"),
        ("所以答案是12。", "答案是 \\boxed{15}。"),
    ],
)
def test_other_answers_do_not(thought, answered):
    assert of(WORK + thought, answered) == 0


@pytest.mark.parametrize(
    "reasoning, response",
    [
        (WORK, "I like apples."),
        (WORK, "The sum is \\boxed{12}."),
        (WORK + "The answer is 12.", "I like apples."),
        (None, "\\boxed{12}"),
        ("The answer is 12.", ""),
        (WORK + "The answer is 5 cents.", "\\boxed{0.05}"),  # the same in another unit
        (WORK + "The answer is 2 hours.", "\\boxed{120}"),
        (WORK + "If I am wrong the answer is 5.", "\\boxed{12}"),
        (WORK + "The answer is 12 for one day. For five days that is 60 in all.", "\\boxed{60}"),
        ("The answer is 5.\n" + WORK * 30, "\\boxed{12}"),  # what was concluded early may have been given up
        (WORK + "The answer is a river.", "\\boxed{\\text{the sea}}"),
        (WORK + "The answer is age.", "The answer is **time**."),
    ],
)
def test_what_cannot_be_decided_is_null(reasoning, response):
    assert of(reasoning, response) is None


def test_the_evidence_names_both_answers():
    rows = pl.DataFrame({"reasoning": ["The answer is 12.", "None."], "response": ["\\boxed{15}", "\\boxed{15}"]})
    assert evidence(rows).to_list() == ["thought '12', answered '15'", None]


def test_a_hard_comparison_and_long_texts_end():
    power = "\\boxed{" + "9^{" * 30 + "9" + "}" * 30 + "}"
    start = time.perf_counter()
    assert of(WORK + power, "\\boxed{7^{7^{7^{7^{7}}}}}") in (None, 0.0)
    assert of("\\boxed{" * 200_000, "\\boxed{1}") is None
    assert of("the answer is " * 100_000, "\\boxed{1}") is None
    assert of(WORK * 20_000 + "The answer is 12.", "\\boxed{12}") == 1
    assert time.perf_counter() - start < 60


def test_rows_are_judged_one_by_one():
    rows = pl.DataFrame(
        {
            "reasoning": ["The answer is 1.", "The answer is 1.", None],
            "response": ["\\boxed{1}", "\\boxed{2}", "\\boxed{1}"],
        }
    )
    assert answer_agrees(rows).to_list() == [1, 0, None]
