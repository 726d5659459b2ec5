"""Diversity beside the same choice made by plain loops over Python's sets."""

from __future__ import annotations

import random

import polars as pl
import pytest

from filters.diversity import diversity

WORDS = ["let", "us", "add", "the", "two", "numbers", "and", "then", "check", "whether", "a", "sum", "can", "be"]


def rows(*traces: str, problems: str | None = None, **columns: list[object]) -> pl.DataFrame:
    count = len(traces)
    return pl.DataFrame(
        {
            "problem_id": list(problems or "a" * count),
            "rollout": list(range(count)),
            "reasoning": list(traces),
            "response": [""] * count,
            **columns,
        }
    )


def distance(first: str, second: str, n: int) -> float:
    a, b = ({tuple(w[i : i + n]) for i in range(max(1, len(w) - n + 1))} for w in (first.split(), second.split()))
    return 1 - len(a & b) / len(a | b)


def by_hand(traces: list[str], n: int, first: int | None) -> list[float]:
    if first is None:
        first = min(
            range(len(traces)), key=lambda at: round(sum(distance(traces[at], other, n) for other in traces), 9)
        )
    picked = [first]
    while len(picked) < len(traces):
        rest = [at for at in range(len(traces)) if at not in picked]
        picked.append(max(rest, key=lambda at: min(distance(traces[at], traces[other], n) for other in picked)))
    return [picked.index(at) + 1.0 for at in range(len(traces))]


@pytest.mark.parametrize("ngram", [1, 2, 3])
def test_each_is_the_farthest_from_those_picked_before(ngram):
    rng = random.Random(ngram)
    for _ in range(20):
        traces = [" ".join(rng.choices(WORDS, k=rng.randrange(4, 30))) for _ in range(8)]
        assert diversity(rows(*traces), ngram=ngram).to_list() == by_hand(traces, ngram, None)
        table = rows(*traces, score=rng.sample(range(8), 8)).sort("score", descending=True)
        told = diversity(table.sort("rollout"), ngram=ngram, prefer="score desc")
        assert told.gather(table["rollout"]).to_list() == by_hand(table["reasoning"].to_list(), ngram, 0)


def test_copies_come_last():
    traces = [
        "let us add the two numbers",
        "let us add the two numbers",
        "then check whether a sum can be right",
        "at all",
    ]
    ranks = diversity(rows(*traces)).to_list()
    assert sorted(ranks) == [1, 2, 3, 4] and max(ranks[:2]) == 4


def test_each_problem_is_ranked_by_itself():
    rng = random.Random(0)
    traces = [" ".join(rng.choices(WORDS, k=20)) for _ in range(9)]
    problems = "abcabcabc"
    together = rows(*traces, problems=problems).with_columns(rank=diversity(rows(*traces, problems=problems)))
    for problem in "abc":
        alone = together.filter(problem_id=problem)
        assert diversity(alone).to_list() == alone["rank"].to_list()
        assert sorted(alone["rank"]) == [1, 2, 3]


def test_the_order_of_the_rows_does_not_matter_even_among_equals():
    traces = ["let us add", "let us add", "the two numbers", "the two numbers", "", "", "check it again now"]
    table = rows(*traces).with_columns(rank=diversity(rows(*traces)))
    for seed in range(5):
        mixed = table.sample(fraction=1, shuffle=True, seed=seed)
        assert diversity(mixed).to_list() == mixed["rank"].to_list()


def test_tables_taken_in_parts_give_the_same(monkeypatch):
    rng = random.Random(1)
    traces = [" ".join(rng.choices(WORDS, k=40)) for _ in range(12)]
    whole = diversity(rows(*traces)).to_list()
    monkeypatch.setattr("filters.diversity._CELLS", 50)
    assert diversity(rows(*traces)).to_list() == whole


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="ngram is 1 or more, not 0"):
        diversity(rows("a"), ngram=0)
    with pytest.raises(ValueError, match="no column 'clarity'"):
        diversity(rows("a"), prefer="clarity desc")
