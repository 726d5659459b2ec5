"""Near duplicates beside exact Jaccard similarity and a search by brute force, on made and on real text."""

from __future__ import annotations

import random
import re

import numpy as np
import polars as pl
import pytest

from filters._minhash import repeated, signatures
from filters.near_duplicates import gather, near_duplicates, settle

from ..real import rows_of

WORDS = [f"word{at}" for at in range(2000)]


def rows(*traces: str, problems: list[str] | None = None, **columns: list[object]) -> pl.DataFrame:
    count = len(traces)
    return pl.DataFrame(
        {
            "problem_id": problems or [f"p{at:04d}" for at in range(count)],
            "rollout": list(range(count)),
            "question": [""] * count,
            "reasoning": list(traces),
            "response": [""] * count,
            **columns,
        }
    )


def questions(*asked: str, problems: list[str] | None = None, answers: list[str] | None = None) -> list[float]:
    table = rows(*[""] * len(asked), problems=problems).with_columns(question=pl.Series(list(asked)))
    if answers:
        table = table.with_columns(answer=pl.Series(answers))
    return near_duplicates(table, of="question").to_list()


def text(rng: random.Random, count: int = 300) -> str:
    return " ".join(rng.choices(WORDS, k=count))


def changed(text: str, times: int, rng: random.Random) -> str:
    words = text.split()
    for at in rng.sample(range(len(words)), times):
        words[at] = rng.choice(WORDS) + "x"
    return " ".join(words)


def jaccard(first: str, second: str, n: int = 5) -> float:
    a, b = ({tuple(w[i : i + n]) for i in range(len(w) - n + 1)} for w in (first.split(), second.split()))
    return len(a & b) / len(a | b)


def test_copies_with_few_words_changed_are_found_and_others_are_not():
    rng = random.Random(0)
    base = [text(rng) for _ in range(200)]
    near = [changed(base[at], 3, rng) for at in range(50)]
    far = [changed(base[at], 60, rng) for at in range(50, 100)]
    assert min(jaccard(*pair) for pair in zip(base, near, strict=False)) > 0.88
    assert max(jaccard(*pair) for pair in zip(base[50:], far, strict=False)) < 0.6
    assert near_duplicates(rows(*base, *near, *far)).to_list() == [0.0] * 200 + [1.0] * 50 + [0.0] * 50


@pytest.mark.parametrize("times", [2, 5, 10, 20, 40])
def test_the_similarity_told_is_the_jaccard_similarity(times):
    rng = random.Random(times)
    texts = [text(rng) for _ in range(100)]
    pairs = [(one, changed(one, times, rng)) for one in texts]
    signature, words = signatures(pl.Series([one for pair in pairs for one in pair]), 5)
    told = (signature[0::2] == signature[1::2]).mean(axis=1)
    true = np.array([jaccard(*pair) for pair in pairs])
    assert words.tolist() == [300] * 200
    assert abs(told - true).mean() < 0.04
    assert abs((told - true).mean()) < 0.012


def test_what_is_kept_is_what_brute_force_keeps():
    rng = np.random.default_rng(0)
    # signatures of three families that shade into one another, so that who is kept depends on who came before
    seeds = rng.integers(0, 2**32, (3, 128), dtype=np.uint32)
    signature = seeds[rng.integers(0, 3, 300)]
    drawn = rng.random((300, 128)) < rng.choice([0.02, 0.1, 0.15, 0.3], (300, 1))
    signature[drawn] = rng.integers(0, 2**32, int(drawn.sum()), dtype=np.uint32)
    best_first = rng.permutation(300)
    kept: list[int] = []
    for place in best_first:
        if not any((signature[place] == signature[other]).mean() >= 0.75 for other in kept):
            kept.append(int(place))
    of, alike = repeated(signature, best_first, 0.75, np.zeros(300, dtype=np.uint64))
    assert sorted(np.flatnonzero(of == np.arange(300)).tolist()) == sorted(kept)
    assert 20 < len(kept) < 280
    for place in range(300):
        assert alike[place] == (signature[place] == signature[of[place]]).mean() >= 0.75


def test_copies_are_found_among_thousands_made_from_one_pattern():
    rng = np.random.default_rng(1)
    signature = np.repeat(rng.integers(0, 2**32, (1, 128), dtype=np.uint32), 3000, axis=0)
    drawn = rng.random((3000, 128)) < 0.23  # any two are alike by 0.6
    signature[drawn] = rng.integers(0, 2**32, int(drawn.sum()), dtype=np.uint32)
    signature[2000:] = signature[1000:2000]
    of, _ = repeated(signature, np.arange(3000), 0.8, np.zeros(3000, dtype=np.uint64))
    assert of.tolist() == [*range(2000), *range(1000, 2000)]


def test_no_row_is_dropped_by_way_of_a_third():
    rng = random.Random(1)
    chain = [text(rng)]
    for _ in range(5):
        chain.append(changed(chain[-1], 4, rng))  # each is like the one before it, the last is not like the first
    assert jaccard(chain[0], chain[1]) > 0.85 and jaccard(chain[0], chain[5]) < 0.75
    ranks = near_duplicates(rows(*chain))
    assert ranks[0] == 0.0 and (ranks == 0.0).sum() > 1


def test_neither_the_order_of_the_rows_nor_the_shards_matter():
    rng = random.Random(2)
    base = [text(rng, 60) for _ in range(10)]
    texts = [changed(rng.choice(base), rng.randrange(1, 4), rng) for _ in range(80)]
    table = rows(*texts, score=[rng.randrange(3) for _ in texts])
    table = table.with_columns(measured=near_duplicates(table, similarity=0.6, prefer="score desc"))
    assert (table["measured"] > 0).any()
    for seed in range(4):
        mixed = table.sample(fraction=1, shuffle=True, seed=seed)
        shards = [gather(mixed[at : at + 30], similarity=0.6, prefer="score desc") for at in range(0, 80, 30)]
        settled = settle(pl.concat(shards), similarity=0.6, prefer="score desc")
        assert settled["near_duplicates"].to_list() == mixed["measured"].to_list()


def test_evidence_names_the_row_that_is_kept_and_how_similar_it_is():
    rng = random.Random(3)
    one = text(rng)
    told = settle(gather(rows(changed(one, 1, rng), one, text(rng))))["evidence"].to_list()
    assert told[0] is None and told[2] is None
    assert re.fullmatch(r"the trace of problem p0000, rollout 0, similarity (0\.9\d?|1\.0)", told[1])


def test_questions_with_other_numbers_or_another_gold_answer_are_other_problems():
    asked = (
        "A train leaves the station at noon and goes {} miles an hour towards the sea, and a second one leaves an hour "
        "later and goes twice as fast on the track beside it; after how many hours of its own does it catch the first, "
        "if neither of them stops on the way or slows down before the harbour, and what do both of the drivers say then?"
    )
    once = asked.format(30).replace("say then", "say")
    assert questions(asked.format(30), once) == [0.0, 1.0]
    assert questions(asked.format(30), once.replace("30", "40")) == [0.0, 0.0]
    assert questions(asked.format(30), once, answers=["1", "2"]) == [0.0, 0.0]
    assert questions(asked.format(30), once, answers=["1 hour", "1 Hour."]) == [0.0, 1.0]
    several = [*[asked.format(30)] * 3, once, once]
    assert questions(*several, problems=["a", "a", "a", "b", "b"]) == [0.0, 0.0, 0.0, 1.0, 1.0]


def test_short_texts_and_texts_without_a_word():
    assert near_duplicates(rows("It is six.", "It is six.", "It is six.", problems=["a", "a", "b"])).to_list() == [
        0,
        1,
        0,
    ]
    assert near_duplicates(rows("", "", "...", "...", problems=["a"] * 4)).to_list() == [0.0] * 4
    assert questions("", "", "Why?", "why") == [0.0, 0.0, 0.0, 1.0]


def test_a_text_in_chinese_is_compared_by_characters():
    rng = random.Random(4)
    one = "".join(chr(rng.randrange(0x4E00, 0x9000)) for _ in range(300))
    assert near_duplicates(rows(one, one[:150] + "好" + one[151:], one[::-1])).to_list() == [0.0, 1.0, 0.0]


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="ngram is 1 or more, not 0"):
        near_duplicates(rows("a"), ngram=0)
    with pytest.raises(ValueError, match="similarity is above 0 and at most 1, not 80"):
        near_duplicates(rows("a"), similarity=80)


def test_real_traces_are_alike_only_where_their_words_are():
    found = rows_of("traces/skythought_eval_outputs")[:400]
    texts = [f"{row['reasoning'] or ''}\n{row['response']}" for row in found]
    rng = random.Random(5)
    copies = [" ".join(word.upper() if rng.random() < 0.2 else word for word in one.split()) for one in texts[:50]]
    settled = settle(gather(rows(*texts, *copies)))
    long = [at for at in range(50) if len(texts[at].split()) > 20]
    assert all(settled["near_duplicates"][400 + at] > 0 for at in long)
    for at in (settled["near_duplicates"][:400] > 0).arg_true():
        first = texts[int(re.search(r"problem p(\d+)", settled["evidence"][at])[1]) % 400]
        plain = [re.sub(r"\W+|_", " ", one.lower()) for one in (first, texts[at])]
        assert jaccard(*plain) > 0.65
