"""A condition speaks of one row: it opens no file and asks no other table."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from datafactory.conditions import expression


@pytest.mark.parametrize("asked", ["select a from", "SELECT * FROM", "from", "/* ' */ from", "-- '\nfrom"])
def test_a_condition_reads_no_file(tmp_path: Path, asked: str):
    (tmp_path / "own.csv").write_text("a\nsecret\n")
    with pytest.raises(ValueError, match="it asks another table") as error:
        expression(f"domain in ({asked} read_csv('{tmp_path / 'own.csv'}'))")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ("word = 'select (from x)'", [True, False]),
        ('"select" = 1', [True, False]),
        ('"select" = 2 -- select this', [False, True]),
        ("word is distinct from 'b'", [True, False]),
    ],
)
def test_words_of_a_query_may_stand_in_texts_names_and_comments(condition: str, met: list[bool]):
    table = pl.DataFrame({"word": ["select (from x)", "b"], "select": [1, 2]})
    assert table.select(expression(condition).alias("met"))["met"].to_list() == met
