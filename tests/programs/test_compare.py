"""Outputs are compared whole."""

from __future__ import annotations

import tracemalloc

import pytest

from datafactory.programs.compare import How, same


@pytest.mark.parametrize(
    ("wanted", "got", "lines", "tokens"),
    [
        (b"1 2\n3", b"1 2 \r\n3\n\n", True, True),
        (b"1 2\n3", b"1  2\n3", False, True),
        (b"1 2\n3", b"1 2 3", False, True),
        (b"1 2\n3", b"1 2", False, False),
        (b"1 2\n3", b"1 2\n3\n4", False, False),
        (b"1 2\n3", b"\n1 2\n3", False, True),
        (b"", b"\n\n", True, True),
        (b"", b"0", False, False),
        (b"YES", b"Yes", False, False),
        (b"1", b"1.0", False, False),
        (b"\xff", b"\xff", True, True),
        (b"\xff", b"\xfe", False, False),
    ],
)
def test_what_may_differ_is_whitespace_and_only_where_it_is_said(wanted: bytes, got: bytes, lines: bool, tokens: bool):
    assert same(wanted, got, "lines") is lines
    assert same(wanted, got, "tokens") is tokens


@pytest.mark.parametrize(
    ("wanted", "got", "near"),
    [
        (b"0.5 x\n1", b"0.5000001 x\n1", True),
        (b"1000000", b"1000000.5", True),  # relative
        (b"0", b"0.0000009", True),  # absolute
        (b"0.5", b"0.51", False),
        (b"0.5", b"nan", False),
        (b"1", b"inf", False),
        (b"inf", b"inf", True),
        (b"1", b"1_0", False),
        (b"1", b"0x1", False),
        (b"x", b"1", False),
        (b"1 2", b"1", False),
        (b"1\n2", b"1 2", False),
        (b"1e308", b"1" * 500, False),
        (b"1.5", b"1e9999", False),
        (b"1e9999", b"1", False),  # infinite as a float, and what is off by infinity is near it
        (b"1e9999", b"1e9998", False),
        (b"1" * 400, b"2" * 400, False),
        (b"1e9999", b"1e9999", True),
    ],
)
def test_a_tolerance_is_for_numbers_alone(wanted: bytes, got: bytes, near: bool):
    assert same(wanted, got, "lines", 1e-6) is near


@pytest.mark.parametrize("how", ["lines", "tokens"])
def test_comparing_takes_no_more_than_the_outputs_themselves(how: How):
    wanted = b"1\n" * 1_000_000
    tracemalloc.start()
    try:
        assert not same(b"1\n2", b"3\n" * 10_000_000, how, 1e-6)
        assert same(wanted, b"1 \n" * 1_000_000, how, 1e-6)
        assert not same(b"1" * 1_000_000 + b"x", b"2" * 399 + b"x", how, 1e-6)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
