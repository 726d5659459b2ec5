"""Finished: ended by itself, answered, closed its thinking, and does not stop in the middle."""

from __future__ import annotations

import random

import polars as pl
import pytest

from filters.finished import evidence, finished

from ..real import rows_of


def of(response: str | None, finish_reason: str | None = "stop") -> float:
    return finished(pl.DataFrame({"response": [response], "finish_reason": [finish_reason]}))[0]


@pytest.mark.parametrize("reason, expected", [("stop", 1), (None, 1), ("length", 0), ("error", 0)])
def test_only_a_completion_that_stopped_is_finished(reason, expected):
    assert of("six", reason) == expected


@pytest.mark.parametrize("response", [None, "", "  \n\t", "\u3000\u00a0", "<|im_end|>", "</s>"])
def test_a_blank_response_is_not_finished(response):
    assert of(response) == 0


@pytest.mark.parametrize(
    "response, expected",
    [
        ("<think>I add", 0),
        ("<think>I add.", 0),
        ("<think>I add</think>six", 1),
        ("<think>a</think>six<think>wait", 0),
        ("I add</think>six", 1),
        ("<think>a<think>b</think>six", 1),
        ("</think>six<think>", 0),
        ("I think it is six", 1),
        ("Models put it between `<think>` and its end.", 1),
        ("<|begin_of_thought|>\n\nI add.", 0),
        ("<|begin_of_thought|>I add.<|end_of_thought|><|begin_of_solution|>Six.<|end_of_solution|>", 1),
    ],
)
def test_thinking_that_is_still_open_is_not_finished(response, expected):
    assert of(response) == expected


@pytest.mark.parametrize(
    "response",
    [
        "42",
        "Paris",
        "Answer: B",
        "A",
        "The capital of France is Paris",
        "It costs $5",
        "It costs $5 and not $6",
        "The sum is 12.\n\nTherefore the answer is Paris",
        "First add. Then multiply.\n\n**Answer:** M",
        "First add.\n\n\\[ x = \\boxed{\\frac{1}{2}} \\]",
        "Thus $x = 5$",
        "Thus \\(x = 5\\)",
        "$$x = 5$$",
        "\\begin{align} a \\\\[2pt] b \\end{align}",
        "\\boxed{\\{1, 2\\}}",
        "Run it:\n```python\nprint(1)\n```",
        "These are right:\n- apples\n- pears and plums",
        "These are right:\n1. apples.\n2. pears and plums.",
        "Take these.\n\n- apples and pears and plums",
        "It is settled.\n\nSigned by: John of the old house",
        "Glad to help 😊",
        "I hope this helps! ❤️",
        "This proves it. QED",
        "This proves it.\n\n$\\blacksquare$",
        "More is told at https://example.org/a/",
        "所以答案是六。",
        "答案是六",
        "一共有六个苹果",
        "먼저 더합니다. 답은 6입니다",
        "Сначала сложим. Ответ: шесть",
        "| a | b |\n|---|---|\n| 1 | two |",
        "# The End",
        'He said: "I am done."',
        "(see above)",
        "5! = 120",
        "Is that all?",
        "To be continued...",
        "It is written in C++",
        "Ask Dr. John Smith",
        "Roses are red,\nViolets are blue,\nSugar is sweet,\nAnd so are you",
        "Sorry :(",
        "2 + 2 = 4",
        "def f(x):\n    return x",
        "Best regards,\nJohn",
        "x ∈ (0, 1)",
        "[1, 2)",
        "Six.<|im_end|>",
        "The answer is <answer>six</answer>",
    ],
)
def test_an_answer_ends_in_many_ways(response):
    assert evidence(pl.DataFrame({"response": [response], "finish_reason": ["stop"]}))[0] is None


@pytest.mark.parametrize(
    "response",
    [
        "We add them, so the sum is \\boxed{12",
        "We add them.\n\n\\boxed{\\frac{1}{2",
        "The sum is \\boxed{\\text{the box",
        "We find\n\\[\nx = 5 + 3",
        "We find that \\(x = 5",
        "We find that $x = 5",
        "Run it:\n```python\nprint(1)",
        "We add the two numbers and",
        "We add the two numbers. Then we divide the",
        "We add the two numbers. Then we divide both sides of the equ",
        "We add the two numbers.\n\nThen we divide both sides of the equ",
        "We add the two numbers.\n\nTherefore,",
        "We add the two numbers.\n\nThus",
        "We add the two numbers. Therefore",
        "The steps are:",
        "The sum is 12 +",
        "The sum is x =",
        "The value of \\frac",
        "The steps are:\n\n1. Add them.\n2.",
        "The steps are:\n\n- Add them.\n-",
        "The steps are:\n\n- Add the numbers.\n- Divide both sides by the numb",
        "**Add**: first the one.\n\n**Divide by the",
        "It holds (as was shown by the first step abov",
        "我们先把两个数相加。然后再把方程的两边同时除以",
        "我们先把两个数相加，",
        "Die Summe ist 12. Dann teilen wir beide Seiten der Gleich",
        "Складываем оба числа. Потом делим обе части урав",
    ],
)
def test_a_text_that_stops_in_the_middle_is_not_finished(response):
    assert of(response) == 0


def test_the_evidence_says_why_and_how_it_ends():
    rows = pl.DataFrame(
        {"response": ["So \\boxed{12", "", "six", "six"], "finish_reason": ["stop", None, "length", "stop"]}
    )
    assert evidence(rows).to_list() == [
        "it ends in \\boxed{: ...'So \\\\boxed{12'",
        "there is no answer: ...''",
        "the token limit or an error ended it: ...'six'",
        None,
    ]


def test_rows_are_judged_one_by_one():
    rows = pl.DataFrame({"response": ["six", "<think>", "six", ""], "finish_reason": ["stop", "stop", "length", None]})
    assert finished(rows).to_list() == [1.0, 0.0, 0.0, 0.0]


def test_real_summaries_are_finished_and_their_halves_mostly_are_not():
    traces = rows_of("traces/misguided_attention")
    texts = [row["response"].strip() for row in traces if row["model"] == "deepseek-r1-0528"]
    rng = random.Random(0)
    cut = [text[: rng.randrange(len(text) // 4, len(text) - 5)] for text in texts]
    seen = [text for text in cut if text[-1].isalpha()]  # of the others nobody can tell
    assert sum(map(of, texts)) == len(texts) > 100
    assert sum(map(of, seen)) < 0.4 * len(seen)


def test_without_a_finish_reason_the_text_decides():
    rows = pl.DataFrame({"response": ["six", "So we get \\boxed{4"]})
    assert finished(rows).to_list() == [1.0, 0.0]
    with pytest.raises(ValueError, match="'response'"):
        finished(rows.drop("response"))
