"""A whole is divided as asked: counts, shares, floors, caps and what happens where there is too little."""

from __future__ import annotations

import itertools

import pytest

from datafactory.merging.parts import Part, Quota
from datafactory.merging.quotas import Supply, divided
from datafactory.merging.settled import REST, settled

PLENTY = 10**6


def given(parts: dict, total: int | None = None, shortfall: str = "fail", **have: int) -> dict[str, int]:
    made = settled(
        {name: Part(**part) for name, part in parts.items()}, total, shortfall, {(n, REST): c for n, c in have.items()}
    )
    return {name: count for (name, _), count in made.given.items()}


def short(parts: dict, total: int | None = None, shortfall: str = "fail", **have: int) -> dict[str, tuple[int, int]]:
    return settled(
        {name: Part(**part) for name, part in parts.items()}, total, shortfall, {(n, REST): c for n, c in have.items()}
    ).short


@pytest.mark.parametrize(
    ("parts", "total", "expected"),
    [
        ({"a": {"rows": 5}, "b": {"rows": 7}}, None, {"a": 5, "b": 7}),
        ({"a": {"share": 0.25}, "b": {"share": 0.75}}, 1000, {"a": 250, "b": 750}),
        ({"a": {"share": 1 / 3}, "b": {"share": 1 / 3}, "c": {"share": 1 / 3}}, 100, {"a": 34, "b": 33, "c": 33}),
        ({"a": {"rows": 780}, "b": {"share": 0.22}}, None, {"a": 780, "b": 220}),
        ({"a": {"rows": 780}, "b": {"share": 0.22, "cap": 100}}, None, {"a": 780, "b": 100}),
        (
            {"a": {"share": 0.5, "cap": 100}, "b": {"share": 0.25}, "c": {"share": 0.25}},
            1000,
            {"a": 100, "b": 450, "c": 450},
        ),
        ({"a": {"share": 0.01, "floor": 50}, "b": {"share": 0.99}}, 1000, {"a": 50, "b": 950}),
        ({"a": {"rows": 600}, "b": {}, "c": {}}, 1000, {"a": 600, "b": 200, "c": 200}),
        ({"a": {"share": 0.4}, "b": {}, "c": {"cap": 100}}, 1000, {"a": 400, "b": 500, "c": 100}),
    ],
)
def test_where_there_is_plenty_everyone_gets_what_is_asked(parts, total, expected):
    assert given(parts, total, **dict.fromkeys(parts, PLENTY)) == expected


def test_shares_alone_come_to_what_the_scarcest_allows():
    assert given({"a": {"share": 0.75}, "b": {"share": 0.25}}, a=60, b=10) == {"a": 30, "b": 10}
    assert given({"a": {"share": 0.75}, "b": {"share": 0.25, "upsample": 2}}, a=60, b=10) == {"a": 60, "b": 20}
    assert given({"a": {"share": 0.75}, "b": {"share": 0.25, "cap": 5}}, a=60, b=10) == {"a": 60, "b": 5}


def test_what_is_left_open_is_all_there_is():
    assert given({"a": {}, "b": {"cap": 5}}, a=60, b=10) == {"a": 60, "b": 5}


def test_every_part_that_lacks_rows_is_named_with_what_there_is():
    parts = {"a": {"rows": 100}, "b": {"rows": 30, "upsample": 2}, "c": {"floor": 7}, "d": {"rows": 1}}
    assert short(parts, a=99, b=15, c=6, d=1) == {"a": (99, 100), "c": (6, 7)}


def test_a_whole_is_scaled_by_its_scarcest_part_but_not_below_a_floor():
    parts = {"a": {"rows": 100}, "b": {"rows": 50}, "c": {"rows": 10, "floor": 8}}
    assert given(parts, shortfall="scale", a=50, b=50, c=10) == {"a": 48, "b": 24, "c": 8}
    assert short(parts, shortfall="scale", a=50, b=50, c=10) == {}
    assert short(parts, shortfall="scale", a=50, b=50, c=7) == {"c": (7, 8)}


def test_a_divided_part_gives_what_its_values_allow():
    part = Part(rows=100, by="source", within={"wiki": Quota(cap=20), "chat": Quota(floor=30), "old": Quota(share=0.1)})
    have = {("g", "wiki"): 500, ("g", "chat"): 40, ("g", "old"): 50, ("g", REST): 60}
    made = settled({"g": part}, None, "fail", have)
    assert made.short == {} and sum(made.given.values()) == 100
    assert made.given["g", "old"] == 10 and made.given["g", "wiki"] <= 20 and 30 <= made.given["g", "chat"] <= 40
    little = settled({"g": part}, None, "report", {("g", "wiki"): 500, ("g", "old"): 5})
    assert little.short == {"g": (25, 100), "g.chat": (0, 30)} and little.given["g", "wiki"] == 20


def test_a_division_sums_up_and_is_the_same_in_any_order():
    """Against every assignment of whole numbers: none within the bounds is nearer to the weights."""
    weights, bounds = {"a": 3.0, "b": 2.0, "c": 1.0}, {"a": (0, 4), "b": (1, 9), "c": (2, 9)}
    for total in range(3, 16):
        made = divided(total, weights, bounds)
        assert made == divided(total, dict(reversed(weights.items())), bounds)
        assert sum(made.values()) == total and all(low <= made[name] <= high for name, (low, high) in bounds.items())

        def far(each: dict[str, int]) -> float:
            return sum(count**2 / weights[name] for name, count in each.items())

        others = (dict(zip(weights, counts, strict=True)) for counts in itertools.product(range(total + 1), repeat=3))
        sound = [
            each
            for each in others
            if sum(each.values()) == total and all(bounds[n][0] <= each[n] <= bounds[n][1] for n in each)
        ]
        assert far(made) <= min(map(far, sound)) + 0.34


def test_supply_counts_how_often_a_row_may_stand():
    assert Supply(10, 30).most == 30
    assert given({"a": {"rows": 30, "upsample": 3}}, a=10) == {"a": 30}
    assert short({"a": {"rows": 31, "upsample": 3}}, a=10) == {"a": (30, 31)}
