"""Repetition against a count by brute force, on loops made and real, and on what must be kept."""

from __future__ import annotations

import random
import time

import polars as pl
import pytest

from filters.repetition import BOUNDS, evidence, repetition

from ..real import rows_of

WORDS = ["sum", "root", "angle", "ratio", "term", "case", "line", "sign", "step", "fact", "proof", "bound"]


def rows(*texts: str, response: str = "") -> pl.DataFrame:
    return pl.DataFrame({"reasoning": texts, "response": [response] * len(texts)})


def prose(count: int, seed: int = 0) -> str:
    """Words of which no five stand together twice."""
    rng = random.Random(seed)
    return " ".join("".join(rng.choices("abcdefgh", k=8)) for _ in range(count))


def flagged(text: str, response: str = "") -> bool:
    return bool(repetition(rows(text, response=response))[0] > BOUNDS["max"])


def brute_force(words: list[str], ngram: int, window: int) -> float:
    """Words in an n-gram that stood up to `window` words before, in the window that holds most of them."""
    grams = [tuple(words[i : i + ngram]) for i in range(len(words) - ngram + 1)]
    covered = {
        word for i, gram in enumerate(grams) if gram in grams[max(0, i - window) : i] for word in range(i, i + ngram)
    }
    window = min(window, len(words))
    starts = range(len(words) - window + 1)
    return max(sum(i in covered for i in range(at, at + window)) for at in starts) / window if words else 0.0


def test_the_second_time_counts_and_the_first_does_not():
    assert repetition(rows("a b c d e a b c d e"), ngram=5)[0] == 0.5
    assert repetition(rows("a b c d e x a b c d e y"), ngram=5)[0] == 5 / 12


def test_fewer_words_than_n_repeat_nothing():
    assert repetition(rows("no no no no", "", "one two three four five"), ngram=5).to_list() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("ngram", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("window", [25, 1000])
def test_it_is_what_brute_force_counts(ngram, window):
    rng = random.Random(ngram)
    # fewer than 20 words are said again in a row: no stretch is looked at
    texts = [" ".join(rng.choices("abcd", k=rng.randrange(18))) for _ in range(60)]
    texts += [" ".join(f"{rng.choice('abcdefgh')}{rng.choice('abcd')}" for _ in range(70)) for _ in range(20)]
    measured = repetition(rows(*texts), ngram=ngram, window=window, numbers="as written").to_list()
    for text, share in zip(texts, measured, strict=True):
        words = text.split()
        expected = brute_force(words, ngram, window)
        assert share >= expected - 1e-9
        if window == 1000:
            assert share == pytest.approx(expected), text


def test_what_stood_further_left_than_the_window_is_not_repeated():
    text = f"a b c d e {prose(300)} a b c d e"
    assert repetition(rows(text), window=200, numbers="as written")[0] == 0
    assert repetition(rows(text), window=400, numbers="as written")[0] == 5 / 310


def varied(rounds: int) -> str:
    """Sentences of six words and two numbers, of which two words and both numbers vary."""
    rng = random.Random(rounds)
    said = ((rng.choice(WORDS), rng.choice(WORDS), rng.randrange(10**6)) for _ in range(rounds))
    return "".join(f"With {i} we {a} the {b} to {c}. " for i, (a, b, c) in enumerate(said))


LOOPS = {
    "words and numbers that vary": varied(120),
    "a phrase": "Wait, let me check that again. " * 60,
    "a token": "ha " * 100,
    "a number that counts": "".join(f"So the {i}th term is {i * i}. " for i in range(17, 70)),
    "steps": "".join(f"Step {i}: add {i} and get {i * 12345 % 9973}.\n" for i in range(90, 290)),
    "steps without a result": "".join(f"Step {i}: this is as it was in step {i - 1}.\n" for i in range(90, 120)),
    "words that vary": "".join(
        f"Wait, let me {random.Random(i).choice(WORDS)} the {random.Random(-i).choice(WORDS)} again. "
        for i in range(80)
    ),
    "Chinese": "让我再检查一遍这个答案。" * 20,
    "Chinese steps": "".join(f"第{i}步，我们把{i}加上去。" for i in range(90)),
    "Japanese": "もう一度確認してみましょう。" * 20,
    "Thai": "ลองตรวจสอบอีกครั้ง" * 20,
    "Arabic": "دعني أتحقق من ذلك مرة أخرى. " * 20,
    "two sentences": "But I'm not sure. Let me try the other way. " * 20,
    "exclamation marks": "!" * 2000,
    "blank lines": "\n" * 3000,
    "a block": (prose(200, 7) + "\n\n") * 3,
    "a paragraph twice": (prose(60, 8) + "\n\n") * 2,
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize(("before", "behind"), [(0, 0), (3000, 0), (1500, 1500)])
def test_a_loop_is_seen_wherever_it_stands_and_however_long_the_rest_is(loop, before, behind):
    assert flagged(f"{prose(before, 1)} {loop} {prose(behind, 2)}")


def test_a_loop_is_seen_in_the_response_too():
    assert flagged(prose(1000), response=LOOPS["a phrase"])


def test_a_thinking_that_starts_again_is_seen():
    text = prose(400)
    assert flagged(f"{text} {prose(300, 1)} {text}")


KEPT = {
    "trial division": "".join(f"Divide by {p}: {1009 // p} times {p}, remainder {1009 % p}. " for p in range(2, 31)),
    "a trace": "\n".join(f"i = {i}: total = {i * (i - 1) // 2} + {i} = {i * (i + 1) // 2}" for i in range(1, 60)),
    "compound interest": "".join(f"After year {y} we have {900 * 1.05**y:.2f} euros in all. " for y in range(40)),
    "two sides": "".join(f"For k = {k} the left is {k * k} and the right is {40 * k - 7}. " for k in range(1, 41)),
    "a calendar": "".join(f"March {d} is a {WORDS[d % 7]}. " for d in range(1, 32)),
    "a schedule": "\n".join(f"Month {m}: interest {12 - m}, paid 80.00, balance {999 - 80 * m}" for m in range(1, 13)),
    "cases": "\n".join(
        f"If x = {x} then 3x + 7 = {3 * x + 7}, {'even' if x % 2 else 'odd, so we drop it'}." for x in range(1, 8)
    ),
    "cases in the same words": varied(50),
    "a table": "| n | n^2 | n^3 |\n|---|---|---|\n" + "\n".join(f"| {n} | {n * n} | {n**3} |" for n in range(60)),
    "a matrix": "\n".join(" ".join("0" for _ in range(9)) for _ in range(9)),
    "a sum": "4 + " * 40 + "4 = 164",
    "a question quoted again": f"{prose(90, 3)} So the question says: {prose(90, 3)} Let us see.",
    "a correction": "So 12 + 13 = 25. Wait, 12 + 13 = 25. Yes.",
    "long division": "\n".join(f"{a} into {b} goes {b // a} times, remainder {b % a}" for a, b in [(7, 45), (7, 38)]),
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_reasoning_repeats_for_a_reason_is_kept(text):
    assert not flagged(f"{prose(300, 5)}\n\n{text}\n\n{prose(300, 6)}")


def test_a_short_text_that_is_work_only_is_kept():
    assert not flagged(
        "\n".join(f"2024-03-{day:02},Berlin,{day * 37 % 17},{day * 53 % 100},sunny" for day in range(31))
    )
    assert not flagged(", ".join(f"F{n}={3**n - 2**n}" for n in range(1, 21)))


def test_work_that_goes_on_for_hundreds_of_words_is_a_loop():
    rounds = [f"For k = {k} the left is {k * k} and the right is {40 * k - 7}. " for k in range(100)]
    assert not flagged("".join(rounds[:60]))
    assert flagged("".join(rounds))


def test_numbers_beyond_all_bounds_are_numbers():
    assert not flagged("".join(f"It is {'9' * (n + 400)} or {n} or {n * n} or {n**3}. " for n in range(30)))


def test_an_answer_may_say_what_the_thinking_found():
    assert not flagged(prose(400), response=prose(400))


def test_a_number_is_as_good_as_another_unless_asked_otherwise():
    steps = rows("".join(f"Step {i}: add {i} and get {i * i}. " for i in range(200)))
    assert repetition(steps)[0] > 0.95
    assert repetition(steps, numbers="as written")[0] < 0.5


@pytest.mark.parametrize("setting", ["ngram", "window"])
def test_a_setting_of_no_words_is_refused(setting):
    with pytest.raises(ValueError, match=f"{setting} is 1 or more, not 0"):
        repetition(rows("a"), **{setting: 0})


def test_the_evidence_says_what_is_said_again_and_where():
    said = evidence(rows(f"{prose(50)} " + "let me check that again " * 40, prose(20)))
    assert '"let me check that again let me' in said[0] and "5 words further on" in said[0]
    assert said[0].startswith("195 words again") and len(said[0]) <= 300


def test_ten_megabytes_take_seconds():
    texts = rows("你好吗" * 1_111_111, "word " * 2_000_000)
    start = time.perf_counter()
    assert repetition(texts).min() > 0.99
    assert time.perf_counter() - start < 60


def test_real_traces_are_kept_and_their_loops_are_not():
    real = [row["reasoning"] or "" for row in rows_of("traces/misguided_attention")][::12]
    measured = repetition(rows(*real))
    assert (measured > BOUNDS["max"]).sum() <= 2
    looping = [f"{text}\n\n{text[-60:] * 20}" for text in real if len(text) > 300]
    assert repetition(rows(*looping)).min() > BOUNDS["max"]
