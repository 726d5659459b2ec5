"""Summary leaks thinking: thinking aloud in the response, and the thinking again."""

from __future__ import annotations

import random

import polars as pl
import pytest

from filters.summary_leaks_thinking import BOUNDS, evidence, summary_leaks_thinking

THOUGHT = "I add both numbers and see what comes out of it."


def of(response: str | None, reasoning: str | None = THOUGHT, **given: int) -> float:
    rows = pl.DataFrame({"reasoning": [reasoning], "response": [response]})
    return summary_leaks_thinking(rows, **given)[0]


@pytest.mark.parametrize(
    "response",
    [
        "Wait, that is 12.",
        "The sum is 12.\n\nWait, no: it is 13.",
        "**Sum:** 12\n\n**Wait! This is too much.**",
        "The sum is 12. Hmm, is it?",
        "Hold on, it is 13.",
        "Okay, so I need to add both numbers.",
        "The sum is 12. Let me double-check that.",
        "<think>The sum is 12.",
        "In my thinking, the sum was 12.",
        "As I reasoned above, the sum is 12.",
        "My thought process was to add both.",
        "The user might have meant 13.",
        "答案是六。等一下，再看看。",
        "让我再想想。",
    ],
)
def test_one_place_that_thinks_aloud_is_one_and_too_much(response):
    assert of(response) == 1 > BOUNDS["max"]


@pytest.mark.parametrize(
    "response",
    [
        "The sum is **12**.",
        "Let $x = 5$. Let me know if you need more!",
        '"Wait," she said. "Hmm, hold on."',
        "Wait 5 minutes, then stir and wait again.",
        "We have to wait for the train; hold on to the rail.",
        "You can buy apples, pears 等等。",
        "The user clicks on the button, and the user is sent to the next page.",
        "I think, therefore I am.",
        "Therefore the answer is 12.",
        "好的，答案是六，苹果、香蕉等等。",
        "",
        None,
    ],
)
def test_a_clean_solution_is_nought(response):
    assert of(response) == 0


def test_who_did_not_think_leaks_nothing():
    assert of("Hmm, wait, let me think.", None) == of("Hmm, wait, let me think.", "") == 0


def test_places_are_counted():
    assert of("Wait, no.\nHmm, it is 12.\nLet me think.") == 3


def brute_force(reasoning: list[str], response: list[str], n: int) -> float:
    seen = {tuple(reasoning[at : at + n]) for at in range(len(reasoning) - n + 1)}
    covered = set()
    for at in range(len(response) - n + 1):
        if tuple(response[at : at + n]) in seen:
            covered |= set(range(at, at + n))
    return len(covered) / len(response) if response else 0.0


@pytest.mark.parametrize("ngram", [1, 2, 3, 5, 8])
def test_the_share_of_copied_words_is_what_brute_force_counts(ngram):
    rng = random.Random(ngram)
    pairs = [(rng.choices("abcd", k=rng.randrange(40)), rng.choices("abcd", k=rng.randrange(30))) for _ in range(80)]
    rows = pl.DataFrame(
        {"reasoning": [" ".join(a) for a, _ in pairs], "response": ["  \n".join(b).upper() for _, b in pairs]}
    )
    measured = summary_leaks_thinking(rows, ngram=ngram).to_list()
    assert measured == pytest.approx([brute_force(a, b, ngram) if a else 0 for a, b in pairs])


def test_the_thinking_again_is_too_much_and_a_paragraph_of_it_is_not():
    thought = " ".join(f"step {at} adds the number {at * 7} to what was there," for at in range(30))
    assert of(thought, thought) == 1 > BOUNDS["max"]
    part = " ".join(thought.split()[:70])
    assert 0 < of(part + " and " + " ".join(f"other {at}" for at in range(60)), thought) < BOUNDS["max"]
    assert of(" ".join(thought.split()[:59]), thought) == 0
    chinese = "先把两个数相加，再把方程的两边同时除以二，然后检查一遍结果是不是正确，最后写下答案，并且说明为什么这样做，以及还有没有别的办法可以用来验算。"
    assert of(chinese, chinese) == 1


def test_another_rows_thinking_is_none_of_its_own():
    text = " ".join(map(str, range(80)))
    rows = pl.DataFrame({"reasoning": [text, "none", text], "response": ["none", text, text]})
    assert summary_leaks_thinking(rows).to_list() == [0, 0, 1]


def test_an_ngram_of_no_words_is_refused():
    with pytest.raises(ValueError, match="ngram is 1 or more, not 0"):
        of("a", ngram=0)


def test_the_evidence_says_where_it_thinks_aloud_and_how_much_is_the_thinkings():
    rows = pl.DataFrame({"reasoning": [THOUGHT, THOUGHT], "response": ["It is 12. Wait, no.", "It is 12."]})
    assert evidence(rows).to_list() == [
        "1 place; at 8: '. Wait, no.'; 0% of its words are the thinking's",
        "0% of its words are the thinking's",
    ]
