"""Indecision: turning round, by the thousand words."""

from __future__ import annotations

import polars as pl
import pytest

from filters.indecision import BOUNDS, evidence, indecision

FILL = "The sum of both numbers is what is asked for here. " * 200  # 10,000 bytes that hesitate nowhere


def put_into_a_long_text(text: str) -> float:
    return indecision(pl.DataFrame({"reasoning": [FILL + text + FILL]}))[0]


@pytest.mark.parametrize(
    "text",
    [
        "Wait, that is odd. ",
        "But wait, that is odd. ",
        "Hmm, that is odd. ",
        "No, it is not. ",
        "Hold on. ",
        "Alternatively, we divide. ",
        "等一下，再看看。",
        "。等等，再看看。",
        "不对，再看看。",
    ],
)
def test_a_hesitation_is_one_by_the_thousand_words(text):
    assert put_into_a_long_text(text) == pytest.approx(6000 / len((FILL + text + FILL).encode()))


@pytest.mark.parametrize(
    "text",
    ["Let me start over. ", "I am going in circles. ", "I'm really confused. ", "我从头再算。", "那就重新开始。"],
)
def test_a_restart_is_five(text):
    assert put_into_a_long_text(text) == pytest.approx(5)


@pytest.mark.parametrize(
    "text, changes",
    [
        ("The answer is 5. The answer is 7. ", 1),
        ("The answer is 5. The answer is 5. ", 0),
        ("The answer is $5$. So \\boxed{5}. ", 0),
        ("The answer is 5. The answer is 7. The answer is 5. ", 2),
        ("\\boxed{5}, \\boxed{7} ", 1),
        ("The answer is B. The answer must be C. ", 1),
        ("The answer is a tree. The answer is the wind. ", 0),
        ("答案是5。答案应该是7。", 1),
    ],
)
def test_another_answer_than_before_is_five(text, changes):
    assert put_into_a_long_text(text) == pytest.approx(5 * changes)


@pytest.mark.parametrize(
    "text", ["We waited for him, and I said no. ", "苹果、香蕉等等。", "There is no way to start. "]
)
def test_words_in_the_middle_of_a_sentence_are_no_put_into_a_long_text(text):
    assert put_into_a_long_text(text) == 0


def test_hesitation_is_a_rate_so_that_long_thinking_may_hesitate_often():
    sound = (
        "Let me see what is given here, and put down each of the numbers. Wait, is that right? I check it. Yes. " * 5
    )
    once, often = (indecision(pl.DataFrame({"reasoning": [sound * times]}))[0] for times in (10, 100))
    assert once == pytest.approx(often)
    assert often < BOUNDS["max"]
    assert indecision(pl.DataFrame({"reasoning": ["Wait, what? It is 6."]}))[0] == 1 / 0.5
    assert indecision(pl.DataFrame({"reasoning": ["I start over. It is 6."]}))[0] == 5 / 0.5


def test_thinking_that_cannot_settle_is_outside_the_bounds():
    lost = "The answer is 5. Wait, no, that is wrong. The answer is 7. Hmm, I'm confused. Let me start over. " * 10
    calm = "I add the numbers and get 12. Wait, let me check that: 5 and 7 are 12. Yes. So the answer is 12. " + FILL
    measured = indecision(pl.DataFrame({"reasoning": [lost, calm]}))
    assert measured[0] > BOUNDS["max"] > measured[1]


def test_who_did_not_think_did_not_hesitate():
    assert indecision(pl.DataFrame({"reasoning": [None, ""]})).to_list() == [0, 0]


def test_the_evidence_tells_what_was_counted():
    rows = pl.DataFrame({"reasoning": ["Wait. The answer is 5. Hmm, no. I give up. The answer is 7. The answer is 7."]})
    assert evidence(rows)[0] == "2 hesitations, 1 restarts; answers: 5 > 7"
