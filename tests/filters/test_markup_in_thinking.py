"""Markup in thinking: a document in its place, and the lists that one thinks in."""

from __future__ import annotations

import polars as pl
import pytest

from filters.markup_in_thinking import BOUNDS, evidence, markup_in_thinking

DOCUMENT = """## Understanding the problem

- **Given**: two numbers
- **Wanted**: their sum

## Solution

1. **Add** them
2. **Check** the sum

---

| step | value |
|------|-------|
| sum  | 12    |
"""


def of(reasoning: str | None, question: str = "How many?") -> float:
    return markup_in_thinking(pl.DataFrame({"reasoning": [reasoning], "question": [question], "response": ["# x"]}))[0]


@pytest.mark.parametrize(
    "line",
    [
        "# Step",
        "###   Step",
        "\n---",
        "\n***",
        "\n * * *",
        "a <b>key</b> point",
        "one<br>two",
        '<div class="x">',
        "</p>",
    ],
)
def test_a_line_of_furniture_counts_once(line):
    assert of(f"I add.\n{line}\n\nI check.\nGood.") == 1


@pytest.mark.parametrize("line", ["the **key** point", "> quoted", "- a fruit", "* a fruit", "1. Take it", "1、先算"])
def test_what_one_writes_in_thinking_too_counts_only_where_there_is_much_of_it(line):
    weight = 1 if line[0] in "t>" else 0.5
    assert of("\n".join([line] * 2 + ["I add.", "I check."] * 3)) == 0
    assert of("\n".join([line] * 9 + ["I add."])) == 9 * weight


@pytest.mark.parametrize(
    "line",
    [
        "- 5 + 3 = -2",
        "* 3 * 4 = 12",
        "+ 7",
        "- $x$ + 2",
        "-x is negative",
        "1. 5 * 3 = 4.5",
        "1.5 litres",
        "2 * 3 * 4 ** 2",
        "a * b * c",
        "a_1 and b_1",
        "|x - 3| = |y|",
        "\\[ x \\]",
        "$$",
        "a<b and c>d",
        "if p < 3 and i > 2",
        "x <- 3",
        "#hashtag",
        "snake__case__name",
        "he said: wait",
    ],
)
def test_arithmetic_and_prose_are_not_dressed(line):
    assert of(f"I add.\n{line}\nI check.\nGood.") == 0


def test_a_table_has_a_line_under_its_head():
    assert of("Look:\n| a | b |\n|---|---|\n| 1 | 2 |") == 3
    assert of("Look:\n| a | b |\n| 1 | 2 |") == 0


@pytest.mark.parametrize("sum_", ["  450\n- 220\n-----\n  230", "425\n\n+209\n\n------\n\n634"])
def test_the_line_under_a_column_of_numbers_is_no_rule(sum_):
    assert of(f"I line them up:\n\n{sum_}\n\nGood.") == 0


def test_the_final_answer_that_models_end_on_is_kept():
    assert of("I add.\nI check.\nGood.\n\n**Final Answer**\n\\boxed{12}") == 0


def test_a_written_document_is_outside_the_bounds_and_working_through_a_puzzle_is_not():
    crossing = "\n".join(f"{step}. A and B cross, then A comes back." for step in range(1, 5))
    assert of(DOCUMENT) > BOUNDS["max"]
    assert of(f"Let me try.\n\n{crossing}\n\nThat is 17 minutes. Wait, is it?\n\n{crossing}\n\nYes.\nI am sure.") == 0


@pytest.mark.parametrize(
    "mark",
    ["<|im_start|>assistant", "<|begin_of_thought|>", "[/INST]", "<think>", "</think>", "<answer>42", "<｜User｜>"],
)
def test_a_mark_of_a_chat_template_counts_unless_it_is_asked_about(mark):
    assert of(f"I add.\n{mark}\nI check.") == 1
    assert of(f"I add.\n{mark}\nI check.", f"What does {mark} mean?") == 0


def test_tags_that_are_spoken_of_within_a_sentence_are_no_marks():
    assert of("The answer goes into <answer> tags, behind <think>.") == 0


def test_no_thinking_has_no_markup():
    assert of("") == of(None) == of("\n\n") == 0


def test_the_evidence_names_the_mark_or_the_first_line():
    rows = pl.DataFrame(
        {"reasoning": ["I add.\n<|im_end|>", "I add.\n## Step\n- one", "Prose."], "question": ["?"] * 3}
    )
    assert evidence(rows).to_list() == [
        "1 line; at 8: '<|im_end|>'",
        "1 line; at 7: '## Step'",
        None,
    ]


def test_numbers_of_things_and_powers_are_no_markup():
    assert of("# of items is 5, so five.\nThen we do more things.\nAnd more.") == 0
    assert of("The snake_case __init__ and 2**3**2 = 512. So 5*4*3 = 60.") == 0
    assert of("# Offers\nFive.") == of("# On items\nFive.") == of("## Words\nFive.") == 1
