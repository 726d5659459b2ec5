"""A judge's answer is one JSON object of the form that was asked for, or it is not read."""

from __future__ import annotations

import pytest

from datafactory.judges._answer import Unread, after_thinking, answer_in
from datafactory.judges.clarity import Answer as Grades
from datafactory.judges.correctness import Answer

CODE = "0123abcd"
GOOD = '{"code": "0123abcd", "analysis": "same", "verdict": "correct"}'
THINK = ("<think>", "</think>")


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\n  {GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}\n```",
        '{"verdict": "correct", "analysis": "same", "code": "0123abcd"}',
        '{"code": "0123abcd", "analysis": "s\\u0061me", "verdict": "correct"}',
    ],
)
def test_one_object_with_the_right_keys_is_read(text: str):
    assert answer_in(text, Answer, CODE) == Answer(analysis="same", verdict="correct")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("correct", "not one JSON object"),
        (f"{GOOD}{GOOD}", "not one JSON object"),
        (f"{GOOD}\nThat is my verdict.", "not one JSON object"),
        (f"My verdict:\n{GOOD}", "not one JSON object"),
        (f"My verdict:\n```json\n{GOOD}\n```", "not one JSON object"),
        (f"```json\n{GOOD}\n```\n```json\n{GOOD}\n```", "not one JSON object"),
        (f"[{GOOD}]", "a JSON list"),
        ("null", "a JSON NoneType"),
        (GOOD[:-1], "not one JSON object"),
        (GOOD.replace('"verdict": "correct"', '"verdict": "incorrect", "verdict": "correct"'), "a key twice"),
        (GOOD.replace('"code": "0123abcd"', '"code": "x", "code": "0123abcd"'), "a key twice"),
        (GOOD.replace("0123abcd", "0123abce"), "does not carry the code"),
        (GOOD.replace('"code": "0123abcd", ', ""), "does not carry the code"),
        (GOOD.replace('"0123abcd"', '["0123abcd"]'), "does not carry the code"),
        (GOOD.replace('"correct"', '"Correct"'), "verdict: "),
        (GOOD.replace('"correct"', '"correct "'), "verdict: "),
        (GOOD.replace('"correct"', "true"), "verdict: "),
        (GOOD.replace('"correct"', "NaN"), "NaN is not JSON"),
        (GOOD.replace('"same"', "3"), "analysis: "),
        (GOOD.replace('"analysis": "same", ', ""), "analysis: field required"),
        (GOOD.replace("}", ', "confidence": 1}'), "confidence: "),
        (GOOD.replace("same", r"\sqrt{2}"), "not one JSON object"),
        (GOOD.replace("same", "a\nb"), "not one JSON object"),
        ("{" * 200_000, "longer than"),
        ('{"a":' * 15_000, "nested too deep"),
        (GOOD.replace("same", "x" * 100_000), "longer than"),
        ('{"n": ' + "9" * 5000 + "}", "not one JSON object"),
    ],
    ids=lambda value: value[:40],
)
def test_anything_else_is_not(text: str, why: str):
    with pytest.raises(Unread, match=why):
        answer_in(text, Answer, CODE)


@pytest.mark.parametrize("grade", ["0", "6", "4.0", '"4"', "true", "null", "Infinity", "1e400", "[4]"])
def test_a_grade_is_a_whole_number_on_its_scale(grade: str):
    text = f'{{"code": "0123abcd", "analysis": "", "readable": {grade}, "coherent": 3, "friendly": 3}}'
    with pytest.raises(Unread):
        answer_in(text, Grades, CODE)
    assert answer_in(text.replace(f": {grade},", ": 4,"), Grades, CODE).readable == 4


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<think>\nhm {}\n</think>\nsaid", "\nsaid"),
        ("hm\n</think>said", "said"),  # the template wrote the opening tag
        ("  <think></think>said", "said"),
        ("said", "said"),
    ],
)
def test_the_judges_own_thinking_is_not_its_answer(text: str, rest: str):
    assert after_thinking(text, THINK) == rest


@pytest.mark.parametrize(
    "text",
    [
        "<think>hm",
        "x<think>a</think>b",
        "<think>a</think>b</think>c",
        "<think>a</think><think>b",
        "<think><think>a</think>b",
    ],
)
def test_thinking_that_is_not_one_block_is_not_read(text: str):
    with pytest.raises(Unread):
        after_thinking(text, THINK)
