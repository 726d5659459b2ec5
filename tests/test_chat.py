"""Thinking is split only where it is well formed, and joined again to what it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory.chat import fill, join_thinking, split_thinking

WORDS = st.text(alphabet=st.characters(exclude_characters="<>", exclude_categories=["Cs"])).map(str.strip)


@given(WORDS, WORDS)
def test_what_was_joined_is_split_to_the_same(reasoning: str, response: str):
    completion = split_thinking(join_thinking(reasoning, response))
    assert (completion.reasoning, completion.response) == (reasoning, response)


@pytest.mark.parametrize(
    ("text", "reasoning", "response"),
    [
        ("<think>a</think>b", "a", "b"),
        ("  <think>\na\n</think>\n\nb ", "a", "b"),
        ("b", None, "b"),
        ("<think>a", "a", ""),
        ("x <think>a</think>b", None, "x <think>a</think>b"),
        ("a</think>b", None, "a</think>b"),
        ("<think>a</think>b<think>c</think>", None, "<think>a</think>b<think>c</think>"),
        ("<think><think>a</think>b", None, "<think><think>a</think>b"),
        ("<think>a</think>b</think>c", None, "<think>a</think>b</think>c"),
        ("", None, ""),
    ],
)
def test_anything_but_one_leading_block_stays_whole(text, reasoning, response):
    completion = split_thinking(text)
    assert (completion.reasoning, completion.response) == (reasoning, response)


def test_other_tags_are_the_recipes_to_declare():
    completion = split_thinking("[[a]]b", ("[[", "]]"), "length")
    assert (completion.reasoning, completion.response, completion.finish_reason) == ("a", "b", "length")


def test_braces_in_a_question_are_not_placeholders():
    assert fill("{question} in \\boxed{}: {domain}", {"question": "{domain} {question}", "domain": "m"}) == (
        "{domain} {question} in \\boxed{}: m"
    )
