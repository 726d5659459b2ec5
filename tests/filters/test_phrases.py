"""The tables of phrases: every line is read as it is written, and matches only whole words where it says so."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import filters._phrases as tables
from filters._phrases import lines, phrases

TABLES = sorted(path.stem for path in Path(tables.__file__).parent.glob("*.txt"))


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table of the test's own: whether each text matches it."""

    def matches(*written: str, texts: list[str], **pieces: str) -> list[bool]:
        (tmp_path / "own.txt").write_text("\n".join(written), encoding="utf-8")
        phrases.cache_clear()
        return pl.Series(texts).str.contains(phrases("own", **pieces)).to_list()

    monkeypatch.setattr(tables, "__file__", str(tmp_path / "__init__.py"))
    yield matches
    phrases.cache_clear()


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_in_lower_case_and_says_nothing_twice(name):
    said = lines(name)
    assert said and len(set(said)) == len(said)
    assert [line for line in said if line != line.lower()] == []


def test_a_line_begins_and_ends_with_a_word(table):
    assert table("wait", texts=["wait", "so, wait.", "await", "waiting", "等wait等"]) == [
        True,
        True,
        False,
        False,
        True,
    ]
    assert table("wait-", texts=["wait", "waiting", "await"]) == [True, True, False]
    assert table("(go|wait) (on|up)", texts=["go on", "wait upon", "ago on"]) == [True, False, False]
    assert table("(^|[^对])不对", texts=["不对", "对不对", "这不对"]) == [True, False, True]


def test_an_apostrophe_is_straight_or_curly(table):
    assert table("don't", texts=["don't", "don’t", "dont"]) == [True, True, False]


def test_pieces_are_filled_in_and_comments_are_not_read(table):
    written = ("# go", "@often = (really |just )*", "", "i {often}{verb} it")
    texts = ["i really just see it", "i see it", "i saw it", "go"]
    assert table(*written, texts=texts, verb="(?:see|hear)") == [True, True, False, False]
