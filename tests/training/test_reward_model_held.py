"""How right a reward model is on what was held out: the numbers, the intervals, and that no prompt is on both sides."""

from __future__ import annotations

import random

import numpy as np
import pytest

from datafactory.training.reward_held import of_labels, of_pairs
from datafactory.training.reward_rows import held_out


def drawn(count: int, seed: int = 0) -> tuple[list[float], list[float], list[int]]:
    """Scores, many of them tied, labels that go with them a little, and prompts with several rows each."""
    chance = random.Random(seed)
    scores = [float(chance.randrange(-3, 4)) for _ in range(count)]
    labels = [float(score + chance.gauss(0, 3) > 0) for score in scores]
    return scores, labels, [chance.randrange(count // 3) for _ in range(count)]


def test_accuracy_and_auroc_are_what_counting_gives():
    scores, labels, prompts = drawn(60)
    found = of_labels(scores, labels, prompts)
    good, bad = ([s for s, label in zip(scores, labels, strict=True) if label == kind] for kind in (1, 0))
    beaten = sum((a > b) + (a == b) / 2 for a in good for b in bad)
    assert found["validation_auroc"] == pytest.approx(beaten / (len(good) * len(bad)))
    assert found["validation_accuracy"] == sum((s > 0) == (y == 1) for s, y in zip(scores, labels, strict=True)) / 60
    assert (found["validation_rows"], found["validation_prompts"]) == (60, len(set(prompts)))
    assert found["validation_good"] == sum(labels) / 60
    assert (found["score_mean"], found["score_std"]) == (pytest.approx(np.mean(scores)), pytest.approx(np.std(scores)))


def test_pairs_count_as_right_where_the_chosen_one_scores_higher_and_not_where_both_are_the_same():
    found = of_pairs([1.0, 2.0, 0.0, 5.0], [0.0, 2.0, 1.0, 2.0], [1, 2, 3, 4])
    assert (found["validation_accuracy"], found["validation_margin"]) == (0.5, pytest.approx(0.75))
    assert found["score_mean"] == pytest.approx(13 / 8) and found["validation_rows"] == 4
    assert found["validation_interval"] == (0, 1)


def test_intervals_are_over_prompts_since_rows_of_one_are_not_independent():
    right = [float(n < 30) for n in range(40)]
    apart = of_pairs(right, [0.0] * 40, list(range(40)))["validation_interval"]
    together = of_pairs(right, [0.0] * 40, [n // 10 for n in range(40)])["validation_interval"]
    assert apart == pytest.approx((0.6, 0.875), abs=0.03)  # 0.75 +- 1.96 sqrt(0.75 0.25 / 40)
    assert together == (0.25, 1)
    scores, labels, prompts = drawn(300)
    low, high = of_labels(scores, labels, prompts)["validation_auroc_interval"]
    assert low < of_labels(scores, labels, prompts)["validation_auroc"] < high and 0.08 < high - low < 0.16


def test_what_cannot_be_told_is_null_and_not_zero():
    assert of_pairs([], [], []) == of_labels([], [], []) == {"validation_rows": 0}
    found = of_labels([1.0, -1.0], [1.0, 1.0], [1, 2])
    assert (found["validation_accuracy"], found["validation_auroc"], found["validation_auroc_interval"]) == (
        0.5,
        None,
        None,
    )


def test_a_share_of_the_prompts_is_held_out_whatever_their_order():
    prompts = [random.Random(n).randrange(2**64) for n in range(100) for _ in range(3)]
    held = held_out(prompts, 0.2, 1)
    assert len(held) == 20 and held < set(prompts)
    assert held == held_out(prompts[::-1], 0.2, 1) != held_out(prompts, 0.2, 2)
    assert held_out(prompts, 0, 1) == set() and held_out([7, 7], 0.5, 1) == set()
    assert len(held_out([1, 2], 0.01, 1)) == 1 == len(held_out([1, 2], 0.99, 1))
