"""Long paragraph: words counted by hand, walls of text, and what is no paragraph."""

from __future__ import annotations

import textwrap
import time

import polars as pl
import pytest

from filters.long_paragraph import BOUNDS, evidence, long_paragraph

SENTENCE = "Then we add the two numbers and check the sum once more against the question"  # 15 words


def measured(reasoning: str | None, response: str | None = "") -> float:
    schema = {"reasoning": pl.String, "response": pl.String}
    return long_paragraph(pl.DataFrame({"reasoning": [reasoning], "response": [response]}, schema=schema))[0]


def test_the_longest_paragraph_is_counted_in_words():
    assert measured("one two three\n\none two three four five\n\none two") == 5
    assert measured("one two three. " * 7) == 21


def test_a_blank_line_parts_with_white_space_on_it_too():
    assert measured("one two\n \t\nthree four five") == 3


def test_lines_that_end_a_sentence_are_paragraphs():
    assert measured("\n".join([SENTENCE + "."] * 100)) == 15


def test_wrapped_lines_are_one_paragraph():
    wall = textwrap.fill((SENTENCE + ", ") * 60, 80)
    assert wall.count("\n") > 50 and measured(wall) == 900


def test_short_lines_are_not_wrapped_ones():
    assert measured("\n".join(["x + y = 12"] * 200)) == 5


def test_a_list_is_no_paragraph():
    assert measured("\n".join(f"- {SENTENCE}, and" for _ in range(100))) == 17
    assert measured("\n".join(f"{n}. {SENTENCE}, and" for n in range(10))) == 17


@pytest.mark.parametrize("before", ["```python", "~~~"])
def test_fenced_code_is_no_paragraph(before):
    code = " ".join(["print(1)"] * 500)
    assert measured(f"one two\n{before}\n{code}\n{before[:3]}\nthree four five") == 3
    assert measured(f"one two\n{before}\n{code}") == 2


def test_tables_displays_and_headings_are_no_paragraphs():
    long = "x + y " * 200
    assert measured(f"one two\n| {long} |\n\\[ {long} \\]\n$$ {long} $$\n# {long}\nthree") == 2


def test_inline_formulas_belong_to_their_paragraph():
    assert measured("\\(x\\) is one and\n$y$ is two") == 4


@pytest.mark.parametrize("text", ["我们先把两个数相加。" * 100, "まず二つの数を足しましょう。" * 50])
def test_two_characters_of_chinese_or_japanese_are_a_word(text):
    assert measured(text) == (len(text) - text.count("。")) / 2


def test_the_thinking_counts_or_the_response_of_a_row_that_did_not_think():
    assert measured("one two", "one two three four") == 2
    assert measured(None, "one two three four") == 4
    assert measured("", "one two three four") == 0
    assert measured(None, None) == 0


def test_a_fence_that_one_row_left_open_does_not_hide_the_next_row():
    rows = pl.DataFrame({"reasoning": ["```\none", "one two three"], "response": ["", ""]})
    assert long_paragraph(rows).to_list() == [0, 3]


def test_a_wall_is_above_the_bound_and_paragraphs_are_below():
    assert measured(f"{SENTENCE}. " * 40) > BOUNDS["max"]
    assert measured("\n\n".join([f"{SENTENCE}. " * 12] * 30)) <= BOUNDS["max"]


def test_the_evidence_says_how_long_where_and_how_it_begins():
    rows = pl.DataFrame({"reasoning": ["one two\n\nthree four five", None], "response": ["", ""]})
    assert evidence(rows).to_list() == ['3 words, at 9: "three four five"', None]


def test_ten_megabytes_take_seconds():
    start = time.perf_counter()
    assert measured("word " * 2_000_000) == 2_000_000
    assert measured("\n" * 5_000_000) == 0
    assert time.perf_counter() - start < 30
