"""Looping tail: endings that repeat, by count, and endings that must be kept."""

from __future__ import annotations

import random
import time

import polars as pl
import pytest

from filters.looping_tail import BOUNDS, evidence, looping_tail


def rows(*texts: str | None, response: str | None = "") -> pl.DataFrame:
    schema = {"reasoning": pl.String, "response": pl.String}
    return pl.DataFrame({"reasoning": texts, "response": [response] * len(texts)}, schema=schema)


def prose(count: int, seed: int = 0) -> str:
    rng = random.Random(seed)
    return " ".join("".join(rng.choices("abcdefgh", k=8)) for _ in range(count))


@pytest.mark.parametrize("period", [1, 2, 7, 30, 200])
@pytest.mark.parametrize("times", [3, 8])
def test_it_counts_the_words_behind_the_first_period(period, times):
    unit = prose(period, period)
    words = min(period * times * 3, 1200)  # no more of the end is looked at
    assert looping_tail(rows(f"{prose(500)} " + f"{unit} " * times * 3))[0] == words - period


def test_the_last_period_may_be_cut_off():
    assert looping_tail(rows(prose(100) + " one two three four five" * 4 + " one two"))[0] == 17


def test_one_period_said_again_in_part_is_no_loop():
    assert looping_tail(rows(f"{prose(100)} {prose(40, 1)} {prose(40, 1)[:250]}"))[0] == 0


def test_what_looped_further_left_is_no_tail():
    loop = "let me check that again " * 30
    assert looping_tail(rows(f"{prose(100)} {loop} {prose(40, 1)}"))[0] == 0
    assert looping_tail(rows(f"{prose(100)} {loop} {prose(12, 1)}"))[0] == 145


def test_a_word_in_ten_may_differ():
    rounds = " ".join(f"now I look at the {word} case and see that nothing is new" for word in prose(12).split())
    assert looping_tail(rows(f"{prose(100, 1)} {rounds}"))[0] > BOUNDS["max"]


def test_the_thinking_and_the_response_are_looked_at_apart():
    assert looping_tail(rows(prose(50), response=prose(50)))[0] == 0
    assert looping_tail(rows(prose(50), response="So it is six. " * 20))[0] == 76
    assert looping_tail(rows("So it is six. " * 20, response=prose(50)))[0] == 76


ENDINGS = {
    "a phrase": "Hmm. So the answer is 12. " * 6,
    "a token": "ha " * 40,
    "a paragraph": (prose(80, 3) + "\n\n") * 2,
    "counters": "".join(f"So the {i}th term is {i * i}. " for i in range(8, 30)),
    "Chinese": "所以答案是六。" * 8,
    "Chinese counters": "".join(f"第{i}步我们再加上一次。" for i in range(5, 30)),
    "Arabic": "دعني أتحقق من ذلك مرة أخرى. " * 8,
    "exclamation marks": "!" * 250,
    "digits": "0" * 2000,
    "spaces": " " * 2000,
    "line breaks": "\n" * 2000,
    "emoji": "🙂" * 400,
    "few emoji": "🙂" * 200,
    "the alphabet": "abcdefghijklmnopqrstuvwxyz " * 20,
    "numbers": ", ".join(str(n) for n in range(1, 700)),
    "an index": "".join(f"Attempt {i}: that is as attempt {i - 1}. " for i in range(2, 12)),
    "a term of a sum": "".join(f"\\frac{{1}}{{{n}}} + " for n in range(2, 150)),
    "work cut off": "".join(f"If a = {n} then a*a = {n * n} and a*a*a = {n**3}, no. " for n in range(80))[:-9],
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("before", [0, 4000])
def test_a_degenerate_ending_is_seen_behind_any_length(ending, before):
    assert looping_tail(rows(f"{prose(before)} {ending}"))[0] > BOUNDS["max"]


KEPT = {
    "trial division": "".join(f"Is 221 divisible by {p}? {p}*{221 // p}, remainder {221 % p}. " for p in range(2, 14)),
    "cases in Chinese": "".join(f"若a={a}，则b={a * a + 5}，不是完全平方数。" for a in range(1, 8)) + "所以没有解。",
    "long division": "".join(f"Bring down 0: {3**n}0, 7 goes {3**n // 7}, remainder {3**n % 7}. " for n in range(9)),
    "a machine": "".join(f"State q{n % 3}, tape {n % 2}, write {n // 2 % 2}, go to q{n * n % 5}. " for n in range(9)),
    "units": "\n".join(f"{i} inches = {i * 2.54:.2f} cm" for i in range(1, 25)),
    "squares": "\n".join(f"n = {n}: 3n + 2 = {3 * n + 2}, not a square" for n in range(1, 61)) + "\nSo none is.",
    "FizzBuzz": "\n".join("Fizz" * (n % 3 == 0) + "Buzz" * (n % 5 == 0) or str(n) for n in range(1, 101)),
    "odd numbers": ", ".join(str(n) for n in range(1, 400, 2)),
    "a table": "| n | square |\n|---|---|\n" + "\n".join(f"| {n} | {n * n} |" for n in range(40)),
    "a list": "\n".join(f"- {n}" for n in range(50)),
    "three cases": "\n".join(f"- If k = {k}, Rosa is {12 * k + 1} years old." for k in range(1, 4)),
    "three long cases": "\n".join(
        f"- In case {k} each of the {7**k} people tells six others of it, so that {7 ** (k + 1)} know it then."
        for k in range(1, 4)
    ),
    "an answer twice": "Therefore, the answer is \\boxed{6}.\n\n**Final Answer**\n\\boxed{6}",
    "a sentence twice": "They have six apples. They have six apples.",
    "dashes": "-" * 80,
    "code": "for i in range(9):\n    for j in range(9):\n        print(i, j)\n",
}


@pytest.mark.parametrize("ending", KEPT.values(), ids=KEPT)
def test_an_orderly_ending_is_kept(ending):
    assert looping_tail(rows(f"{prose(200)}\n\n{ending}"))[0] <= BOUNDS["max"]


def test_work_that_comes_to_an_end_may_be_twice_as_long():
    work = "".join(f"If a = {n} then a*a = {n * n} and a*a*a = {n**3}, no. " for n in range(80))
    counts = looping_tail(rows(work, f"{work}So there is none."))
    assert counts[1] == pytest.approx(counts[0] / 2)
    assert counts[1] <= BOUNDS["max"] < counts[0]


def test_a_result_that_goes_up_smoothly_counts_a_third():
    index = "".join(f"So we look at case {n} and see nothing. " for n in range(30))
    result = "".join(f"So we look at {n * n} for {n} and see nothing. " for n in range(30))
    assert looping_tail(rows(index, result)).to_list() == [29 * 8, 29 * 8 / 3]


def test_nothing_written_loops_nowhere():
    assert looping_tail(rows(None, "", " ", response=None)).to_list() == [0, 0, 0]


def test_the_evidence_quotes_the_end():
    said = evidence(rows(f"{prose(50)} " + "let me check that again " * 40, prose(20)))
    assert said[0].startswith("195 words, up to ") and "let me check that again" in said[0] and len(said[0]) <= 300
    assert said[1] is None


def test_ten_megabytes_take_seconds():
    start = time.perf_counter()
    assert looping_tail(rows("word " * 1_000_000, "你好吗" * 600_000)).min() > 1000
    assert time.perf_counter() - start < 30
