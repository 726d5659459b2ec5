"""The four habits of thought and the reflective words, counted by phrases against counts made by hand."""

from __future__ import annotations

import re
from importlib import import_module

import numpy as np
import polars as pl
import pytest

from filters.reflection import reflection

HABITS = ("verification", "backtracking", "subgoal_setting", "backward_chaining")

# thinking, then how often it verifies, backtracks, sets subgoals, works backwards: counted by hand
TRACES = [
    ("First, I need to find how long James slept. 9 * 2/3 = 6. Then 9 - 6 = 3.\n\nWait, let me double-check. 2/3 of 9 is 6, and 9 - 6 is 3. Yes.", 1, 0, 1, 0),
    ("Let me try x = 3. 9 + 3 = 12, not 20. That doesn't work. Let me try another approach: complete the square. So x = 4. Plugging it back in, 16 + 4 = 20. Good.", 1, 2, 0, 0),
    ("I want 24 from 3, 4, 6 and 8. Working backwards: to get 24, I need 3 * 8 or 4 * 6. To get 8, I need 11 minus 3.", 0, 0, 0, 2),
    ("Let me break this down. Step 1: the area. Step 2: the price. The area is 12, the price 36.", 0, 0, 2, 0),
    ("There are two cases. If x > 0, then x = 2. If x < 0, there is nothing. Let's verify: 2 * 2 = 4. Does that satisfy the inequality? 4 > 3, yes.", 2, 0, 1, 0),
    ("Hmm, I made a mistake in the sign. Going back to the beginning, the sum is 7. Oh wait, no, it is 8.", 0, 3, 0, 0),
    ("The rug is 8 feet wide, the couch 18. So the answer is 18, however you look at it.", 0, 0, 0, 0),
    ("To prove that n is even, it suffices to show that n^2 is even. n^2 = 4k, so it is.", 0, 0, 0, 1),
    ("This is getting too complicated. Maybe there's a symmetry, so instead, let me use polar coordinates. The integral is pi. Let me check this with r = 1: pi. To be sure, compute it numerically: 3.14.", 2, 2, 0, 0),
    ("首先，求出圆的半径。半径是5。然后求面积。面积是25π。让我验证一下：5的平方是25。", 1, 0, 1, 0),
    ("设x=3，代入得到10。不对，应该等于12。换个思路，用因式分解。得到x=4。检查一下：4×3=12。", 1, 2, 0, 0),
    ("从结果出发倒推：要得到24，需要3和8。", 0, 0, 0, 1),
    ("Je dois vérifier ce résultat. Essayons une autre méthode, car ça ne marche pas.", 0, 1, 0, 0),
    ("Сначала найдём радиус. Проверим ответ: 25. Я ошибся, попробуем иначе.", 1, 1, 1, 0),
    ("The check engine light is on, the case is closed, and the first prize is gone.", 0, 0, 0, 0),
    ("", 0, 0, 0, 0),
]  # fmt: skip


def counted(habit: str, texts: list[str]) -> list[float]:
    rows = pl.DataFrame({"reasoning": texts, "response": [""] * len(texts)})
    return getattr(import_module(f"filters.{habit}"), habit)(rows).to_list()


@pytest.mark.parametrize("column, habit", list(enumerate(HABITS, 1)))
def test_the_counts_are_those_made_by_hand(column, habit):
    found = counted(habit, [trace[0] for trace in TRACES])
    wrong = {trace[0]: (got, trace[column]) for trace, got in zip(TRACES, found, strict=True) if got != trace[column]}
    assert wrong == {}


@pytest.mark.parametrize("habit", HABITS)
def test_a_sentence_counts_once_and_every_sentence_counts(habit):
    said = {
        "verification": "Let me check, let me verify, let me double-check that",
        "backtracking": "Wait, no, that doesn't work, so let me try another way",
        "subgoal_setting": "First, I need to break it down into steps, step 1: add",
        "backward_chaining": "Working backwards, it suffices to show that x = 1",
    }[habit]
    texts = [said, said.upper(), said.replace("'", "’"), f"{said}. {said}! {said}?\n{said}", f"不对称。{said}"]
    assert counted(habit, texts) == [1, 1, 1, 4, 1]


@pytest.mark.parametrize("habit", HABITS)
def test_a_row_that_did_not_think_is_counted_in_its_response(habit):
    rows = pl.DataFrame({"reasoning": [None, "x", None], "response": [TRACES[4][0], TRACES[4][0], None]})
    found = getattr(import_module(f"filters.{habit}"), habit)(rows).to_list()
    assert found == [TRACES[4][HABITS.index(habit) + 1], 0, 0]


@pytest.mark.parametrize("habit", HABITS)
def test_the_evidence_says_how_many_and_quotes_the_first(habit):
    at, trace = next((at, trace) for at, trace in enumerate(TRACES) if trace[HABITS.index(habit) + 1] > 1)
    rows = pl.DataFrame({"reasoning": [trace[0], "x"], "response": ["", ""]})
    told = import_module(f"filters.{habit}").evidence(rows).to_list()
    count, place, quote = re.fullmatch(r'(\d) sentences; the first at (\d+): "(.*)"', told[0]).groups()
    assert int(count) == trace[HABITS.index(habit) + 1] and trace[0][int(place) :].startswith(quote), at
    assert told[1] is None


WORDS = ("wait", "mistake", "however", "but", "retry", "error", "verify", "wrong", "evaluate", "check")


def test_reflective_words_are_those_of_the_paper_in_any_case():
    said = "Wait, BUT check. However, an error; verify (wrong), retry: a mistake... evaluate"
    decoys = "waiter butter checks checked errors terror verified wrongly await"
    texts = [said, decoys, f"{said} {decoys}", trace_of_words()]
    rows = pl.DataFrame({"reasoning": texts, "response": [""] * 4})
    by_hand = [sum(word in WORDS for word in re.findall(r"[a-z]+", text.lower())) for text in texts]
    assert by_hand[:3] == [10, 0, 10] and reflection(rows).to_list() == by_hand


def trace_of_words() -> str:
    draw = np.random.default_rng(5)
    return " ".join(draw.choice([*WORDS, "so", "six", "and", "apples,"], 500))


def test_reflection_per_thousand_words():
    rows = pl.DataFrame({"reasoning": ["wait, so it is six but not five", "", "等等，我错了"], "response": [""] * 3})
    assert reflection(rows).to_list() == [2, 0, 2]
    assert reflection(rows, per="thousand_words").to_list() == pytest.approx([2000 / 8, 0, 2000 / 6])
    with pytest.raises(ValueError, match="per is trace or thousand_words"):
        reflection(rows, per="word")


def test_giving_up_in_passing_is_backtracking():
    said = [
        "Scrap that, different approach.",
        "Hmm, that leads nowhere, back to the start.",
        "This contradicts what I had, so go back.",
    ]
    kept = [
        "Don't forget that x is odd.",
        "We get back to the start of the list.",
        "This contradicts the assumption, as we want.",
    ]
    assert counted("backtracking", said + kept) == [1, 1, 1, 0, 0, 0]
