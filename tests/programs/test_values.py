"""Values pass between processes as they are, and nothing that is sent instead of a value does harm."""

from __future__ import annotations

import json
import math
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.programs.inside import values
from datafactory.programs.inside.values import ListNode, TreeNode, Unreadable

NODES = {"ListNode": ListNode, "TreeNode": TreeNode}
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.timedeltas()
)
KEYS = st.recursive(SCALARS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner) | st.sets(KEYS),
    max_leaves=20,
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([*values.MUTABLE, "tuple", "int"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


def refuse(value: Any) -> list[Any]:
    return ["handle", 1, type(value).__name__]


def sent(value: Any) -> Any:
    """The value on the other side."""
    table, root, _, same = values.encode(value, refuse)
    table, root, same = json.loads(json.dumps([table, root, same]))
    return values.decode(table, root, tuple, NODES)[0]


def same_types(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return all(map(same_types, one, other))
    if isinstance(one, dict):
        return all(same_types(one[key], other[key]) for key in one)
    return True


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(DATA)
def test_a_value_arrives_as_it_was(value: Any):
    arrived = sent(value)
    assert arrived == value and same_types(arrived, value)


@pytest.mark.parametrize(
    "value",
    [
        10**4000, -(2**63), 2**63, math.inf, -0.0, True, "\ud800", "\0", range(1, 9, 2), int, Ellipsis,
        deque([1, 2], maxlen=2), Counter("aab"), OrderedDict(b=1, a=2), defaultdict(list, {1: [2]}), bytearray(b"x\xff"),
        datetime(2020, 1, 1), date(2020, 1, 1), time(1, 2), timedelta(days=-1, microseconds=1),
        Decimal("1.10"), Fraction(1, 3), 1 + 2j, {(1, frozenset({2})): {3}},
    ],
)  # fmt: skip
def test_a_rare_value_arrives_as_it_was(value: Any):
    arrived = sent(value)
    assert arrived == value and type(arrived) is type(value) and str(arrived) == str(value)


def test_not_a_number_arrives():
    assert math.isnan(sent(math.nan))


def test_what_is_shared_and_what_is_circular_stays_so():
    inner: list[Any] = [1]
    value = [inner, inner, (inner,)]
    inner.append(value)
    arrived = sent(value)
    assert arrived[0] is arrived[1] is arrived[2][0] and arrived[0][1] is arrived


def test_depth_costs_no_recursion():
    value: Any = None
    for _ in range(50_000):
        value = [value]
    depth, arrived = 0, sent(value)
    while arrived is not None:
        depth, arrived = depth + 1, arrived[0]
    assert depth == 50_000


def test_nodes_arrive_as_nodes():
    arrived = sent(ListNode(1, ListNode(2)))
    assert (type(arrived), arrived.val, arrived.next.val, arrived.next.next) == (ListNode, 1, 2, None)
    tree = sent(TreeNode(1, None, TreeNode(2)))
    assert (tree.left, tree.right.val) == (None, 2)


class Colour(IntEnum):
    RED = 1


class Point(NamedTuple):
    x: int
    y: int


class Same(list):  # type: ignore[type-arg]
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Text(str):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


@pytest.mark.parametrize(
    ("value", "arrives"),
    [(Colour.RED, 1), (Point(1, 2), (1, 2)), (Same([1]), [1]), (Text("a"), "a"), ({Text("a"): 1}, {"a": 1})],
)
def test_a_class_of_the_programs_own_arrives_as_the_builtin_under_it(value: Any, arrives: Any):
    arrived = sent(value)
    assert type(arrived) is type(arrives) and arrived == arrives and arrived != [9]


def test_what_is_no_data_is_a_handle():
    assert sent([object()]) == [("handle", 1, "object")]


def test_an_object_that_was_sent_is_refilled_where_it_came_from():
    ours: dict[str, Any] = {"rows": [3, 1, 2]}
    there = values.encode(ours, refuse)
    theirs, objects = values.decode(json.loads(json.dumps(there.table)), there.root, tuple, NODES)
    theirs["rows"].sort()
    theirs["all"] = theirs["rows"]
    known = {id(held): place for place, held in enumerate(objects)}
    back = values.encode(theirs, refuse, known)
    rows = ours["rows"]
    arrived, _ = values.decode(back.table, back.root, tuple, NODES, dict(enumerate(there.objects)), back.same)
    assert arrived is ours and ours["rows"] is rows is ours["all"] and rows == [1, 2, 3]


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.lists(JSON)) | JSON,
    st.lists(st.integers(0, 3), max_size=1) | JSON,
    st.dictionaries(st.text("0123456789", min_size=1, max_size=2), st.integers(0, 3)),
)
def test_what_is_no_value_is_refused_in_one_way(table: Any, root: Any, same: dict[str, int]):
    try:
        values.decode(table, root, tuple, NODES, {0: []}, same)
    except Unreadable:
        pass


@pytest.mark.parametrize(
    ("table", "root"),
    [
        ([["tuple", [0]]], [0]),  # holds itself
        ([["tuple", [1]], ["tuple", [0]]], [0]),
        ([["set", [1]], ["list"]], [0]),  # not hashable
        ([["dict", 1]], [0]),  # a key without a value
        ([["list", [7]]], [0]),
        ([["list"]], [1]),
        ([["type", "eval"]], [0]),
        ([["type", "__import__"]], [0]),
        ([["datetime", "x"]], [0]),
        ([["int", "zz"]], [0]),
        ([["no such"]], [0]),
        ([["ListNode", 1]], [0]),
        ([["deque", "x"]], [0]),
        ([["defaultdict", [0]]], [0]),
        ([[["list"]]], [0]),
        ([[{}]], [0]),
    ],
)
def test_a_forged_table_is_refused(table: Any, root: Any):
    with pytest.raises(Unreadable):
        values.decode(table, root, tuple, NODES)


def test_a_number_of_any_length_arrives():
    assert sent([10**100_000])[0] == 10**100_000


def test_a_decimal_whose_digits_nobody_can_write_is_no_value():
    assert sent(Decimal("1e99999")) == Decimal("1e99999") and sent(Decimal("Infinity")) == Decimal("Infinity")
    for text in ("1e999999999", "-1e-999999999"):
        with pytest.raises(Unreadable, match="exponent"):
            sent(Decimal(text))
