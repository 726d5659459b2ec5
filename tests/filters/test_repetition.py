"""Repetition against a count by hand and by brute force, on made and on real text."""

from __future__ import annotations

import gzip
import json
import random
import time
from pathlib import Path

import polars as pl
import pytest

from filters.repetition import repetition

TRACES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "traces"


def rows(*texts: str, response: str = "") -> pl.DataFrame:
    return pl.DataFrame({"reasoning": texts, "response": [response] * len(texts)})


def brute_force(words: list[str], n: int) -> float:
    covered = set()
    for i in range(len(words) - n + 1):
        if any(words[j : j + n] == words[i : i + n] for j in range(i)):
            covered |= set(range(i, i + n))
    return len(covered) / len(words) if words else 0.0


def test_the_second_time_counts_and_the_first_does_not():
    assert repetition(rows("a b c d e a b c d e"), ngram=5)[0] == 0.5
    assert repetition(rows("a b c d e x a b c d e y"), ngram=5)[0] == 5 / 12


def test_fewer_words_than_n_repeat_nothing():
    assert repetition(rows("no no no no", "", "one two three four five"), ngram=5).to_list() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("ngram", [1, 2, 3, 4, 5, 7, 8, 13])
def test_it_is_what_brute_force_counts(ngram):
    rng = random.Random(ngram)
    texts = [" ".join(rng.choices("abc", k=rng.randrange(60))) for _ in range(60)]
    assert repetition(rows(*texts), ngram=ngram).to_list() == [brute_force(text.split(), ngram) for text in texts]


def test_a_decoder_that_loops_scores_near_one():
    loop = "Wait, let me check that again. " * 200
    assert repetition(rows("First I add the numbers. " + loop))[0] > 0.95


@pytest.mark.parametrize(
    "loop", ["让我再检查一遍这个答案。", "もう一度確認してみましょう。", "ลองตรวจสอบอีกครั้ง", "!", "哈", "ha"]
)
def test_a_loop_without_spaces_scores_near_one(loop):
    assert repetition(rows(loop * 2000))[0] > 0.95


def test_a_chinese_character_is_a_word():
    text = "甲乙丙丁戊己甲乙丙丁戊庚"
    assert repetition(rows(text), ngram=5)[0] == brute_force(list(text), 5) == 5 / 12


def test_what_the_response_says_again_counts():
    assert repetition(rows("the sum of both is six", response="the sum of both is six"))[0] == 0.5


def test_an_ngram_of_no_words_is_refused():
    with pytest.raises(ValueError, match="ngram is 1 or more, not 0"):
        repetition(rows("a"), ngram=0)


def test_a_megabyte_takes_seconds_at_any_n():
    texts = rows("你好吗" * 333_333, "word " * 200_000)
    start = time.perf_counter()
    assert repetition(texts, ngram=500).min() > 0.99
    assert time.perf_counter() - start < 30


def test_real_traces_score_as_brute_force_and_far_below_a_loop():
    path = TRACES / "misguided_attention.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no real traces at {path}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["response"] for line in lines][::25]
    measured = repetition(rows(*texts))
    for text, share in zip(texts, measured, strict=True):
        if max(map(len, text.split()), default=0) <= 32 and text.isascii():
            assert share == pytest.approx(brute_force(text.split(), 5))
    assert measured.median() < 0.2
    assert repetition(rows(*(text[-300:] * 20 for text in texts if len(text) > 300))).min() > 0.9
