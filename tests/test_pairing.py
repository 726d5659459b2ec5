"""Which rollouts are compared, what the judgements come to, and which pairs balance the lengths."""

from __future__ import annotations

import random

import pytest

from datafactory.judges._answer import Unread
from datafactory.pairing import TOLERANCE, candidates, subject, unbalanced, weighed
from datafactory.types import Verdict


def group(problem: str, responses: list[str | None]) -> list[dict]:
    return [{"problem_id": problem, "rollout": n, "response": said} for n, said in enumerate(responses)]


def named(rows: list[dict], pairs: list[tuple[int, int]]) -> list[tuple]:
    return [(rows[a]["problem_id"], *sorted((rows[a]["rollout"], rows[b]["rollout"]))) for a, b in pairs]


def test_every_two_different_responses_are_a_pair_and_no_others():
    rows = group("p", ["a", "b", "a", "", None, "c"]) + group("q", ["a", "a"]) + group("r", ["a"])
    rows.append({"problem_id": "r", "rollout": 1, "response": "b", "finish_reason": "error"})
    pairs = candidates(rows, None, 0)
    assert sorted(named(rows, pairs)) == [("p", 0, 1), ("p", 0, 5), ("p", 1, 2), ("p", 1, 5), ("p", 2, 5)]


def test_more_pairs_of_a_problem_are_the_same_ones_and_others():
    rows = group("p", list("abcdefgh")) + group("q", list("abcdefgh"))
    few, more = candidates(rows, 3, 7), candidates(rows, 6, 7)
    assert len(few) == 6 and len(more) == 12 and set(few) < set(more)
    assert named(rows, few)[:3] != [("p", 0, 1), ("p", 0, 2), ("p", 0, 3)]  # drawn, not the first
    assert set(candidates(rows, 3, 8)) != set(few)


def test_where_a_problem_stands_does_not_matter():
    p, q = group("p", list("abcde")), group("q", list("fghij"))
    one, other = candidates(p + q, 4, 0), candidates(q + p, 4, 0)
    assert sorted(named(p + q, one)) == sorted(named(q + p, other))
    assert {subject(p + q, *pair) for pair in one} == {subject(q + p, *pair) for pair in other}  # and the order shown


def test_either_rollout_may_be_the_first():
    rows = group("p", [str(n) for n in range(30)])
    rising = sum(a < b for a, b in candidates(rows, None, 0))
    assert 0.35 < rising / 435 < 0.65


def says(*numbers: float | None) -> list[Verdict | Unread]:
    return [Unread("not JSON") if number is None else Verdict.scored(number) for number in numbers]


@pytest.mark.parametrize(
    ("forward", "backward", "mean"),
    [
        ((2, 2), (-2, -2), 2),  # the first rollout both ways
        ((2, 2), (2, 2), 0),  # whatever stands first
        ((-1, -2), (1, 2), -1.5),
        ((0, 0), (0, 0), 0),
        ((2, None), (-1, -1), 1.5),  # each order weighs the same
        ((2, None), (-1, None), None),
        ((2, 2), (None, None), None),
        ((None, None), (None, None), None),
    ],
)
def test_the_mean_is_turned_for_the_order_and_null_without_enough_of_both(forward, backward, mean):
    assert weighed(says(*forward), says(*backward)).mean == mean


def test_judgements_are_told_from_the_first_rollouts_side():
    result = weighed(says(2, 1), says(-1, 0))
    assert result.judgements == [2, 1, 1, 0] and result.mean == 1
    assert weighed(says(2, None), says(None, None)).why == "1 of 4 judgements could be read: not JSON"


def means(lengths: list[tuple[int, int]], out: set[int]) -> tuple[float, float, int]:
    kept = [pair for at, pair in enumerate(lengths) if at not in out]
    return sum(c for c, _ in kept) / len(kept), sum(r for _, r in kept) / len(kept), len(kept)


@pytest.mark.parametrize("bias", [1.3, 1.1, 0.7])
def test_lengths_are_balanced_by_leaving_out_few(bias: float):
    stream = random.Random(5)
    lengths = [(round(bias * stream.uniform(100, 2000)), round(stream.uniform(100, 2000))) for _ in range(400)]
    out = unbalanced(lengths, range(400))
    chosen, rejected, kept = means(lengths, out)
    assert abs(chosen - rejected) <= TOLERANCE * (chosen + rejected) / 2
    assert kept > 280
    # with one fewer, even of the most lopsided pairs, the means still differ
    side = 1 if sum(c - r for c, r in lengths) > 0 else -1
    worst = sorted(range(400), key=lambda at: side * (lengths[at][1] - lengths[at][0]))
    chosen, rejected, _ = means(lengths, set(worst[: max(0, len(out) - 2)]))
    assert abs(chosen - rejected) > TOLERANCE * (chosen + rejected) / 2


def test_what_is_left_out_does_not_depend_on_the_order_of_the_pairs():
    stream = random.Random(6)
    lengths = [(stream.choice([300, 500, 900]), stream.choice([200, 400])) for _ in range(60)]
    ties = stream.sample(range(1000), 60)
    out = {(lengths[at], ties[at]) for at in unbalanced(lengths, ties)}
    order = stream.sample(range(60), 60)
    turned = unbalanced([lengths[at] for at in order], [ties[at] for at in order])
    assert {(lengths[order[at]], ties[order[at]]) for at in turned} == out and out


def test_balanced_lengths_stay_and_nothing_is_nothing():
    assert unbalanced([(100, 100), (50, 51)], [0, 1]) == set()
    assert unbalanced([], []) == set()
