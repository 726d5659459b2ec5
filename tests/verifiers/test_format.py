"""Format: one closed think block with text in it, first; then an answer."""

import pytest

from datafactory.chat import split_thinking
from datafactory.types import Completion, Problem
from datafactory.verifiers import format

from ..real import rows_of


def verdict(text: str, style: str = "think", finish_reason: str = "stop", **settings: str):
    completion = split_thinking(text, finish_reason=finish_reason)
    return format.verify(Problem("q", None), completion, format.Config(style=style, **settings))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("<think>\na\n</think>\n\nb", ""),
        ("<think>a <b> c</think>b", ""),
        ("<think>a</think>", "no answer after the thinking"),
        ("<think> \n</think>b", "the think block is empty"),
        ("b", "no think block"),
        ("a</think>b", "not one think block at the start"),
        ("a<think>b</think>c", "not one think block at the start"),
        ("<think>a</think>b<think>c</think>d", "not one think block at the start"),
        ("<think>a<think>b</think></think>c", "not one think block at the start"),
        ("<think>a", "no answer after the thinking"),
    ],
)
def test_the_fault_is_named(text, fault):
    got = verdict(text)
    assert (got.reward, got.detail) == (0.0 if fault else 1.0, fault)


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        ("<answer>\n4\n</answer>", ""),
        ("4", "not one answer block"),
        ("<answer>4", "not one answer block"),
        ("</answer>4<answer>", "not one answer block"),
        ("It is <answer>4</answer>", "text outside the answer block"),
        ("<answer>4</answer>.", "text outside the answer block"),
        ("<answer>4</answer><answer>5</answer>", "not one answer block"),
        ("<answer> </answer>", "the answer block is empty"),
    ],
)
def test_the_answer_block_is_all_that_follows_the_thinking(response, fault):
    text = f"<think>a</think>{response}"
    assert verdict(text, "think_answer").detail == fault
    assert verdict(text, "think").reward == 1.0


def test_a_truncated_completion_is_not_well_formed():
    assert verdict("<think>a</think>b", finish_reason="length").detail == "not finished: length"


def test_a_think_tag_left_in_the_thinking_is_a_fault():
    completion = Completion("b", reasoning="a <think> again")
    assert format.verify(Problem("q"), completion, format.Config()).reward == 0.0


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        (r"Adding gives\n\n$$\boxed{4}$$", ""),
        (r"It is \boxed{4}.", ""),
        ("It is 4.", "no box at the end"),
        (r"It is \boxed{4}.\n\nCan I help you further?", "no box at the end"),
        (r"It is \boxed{ }.", "the box is empty"),
        (r"It is \boxed{4", "no box at the end"),
    ],
)
def test_an_answer_to_math_is_boxed_at_the_end(response, fault):
    response = response.replace(r"\n", "\n")
    assert verdict(f"<think>a</think>{response}", answer="boxed").detail == fault
    assert verdict(f"<think>a</think><answer>{response}</answer>", "think_answer", answer="boxed").detail == fault
    assert verdict(f"<think>a</think>{response}").reward == 1.0


def test_the_box_in_the_thinking_is_not_the_answer():
    assert verdict(r"<think>\boxed{4}</think>It is 4.", answer="boxed").detail == "no box at the end"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a</think>b", ""),
        ("<think>a</think>b", "not one think block at the start"),
        ("a", "no answer after the thinking"),
        ("</think>b", "the think block is empty"),
        ("a</think>b</think>c", "not one think block at the start"),
    ],
)
def test_a_template_may_have_opened_the_think_block(text, fault):
    completion = Completion(text)
    assert format.verify(Problem("q"), completion, format.Config(opened_by="prompt")).detail == fault
    split = Completion("b", reasoning="a")
    assert format.verify(Problem("q"), split, format.Config(opened_by="prompt")).reward == 1.0


def test_it_agrees_with_the_format_rewards_of_trl_and_open_r1():
    cases = rows_of("equivalence/format_cases")
    assert len(cases) == 24
    for case in cases:
        style = "think_answer" if "<answer>" in case.get("style", "") else "think"
        # TRL lets an empty block pass; R1's traces without thinking are what this verifier is to find
        expected = case["expected"] and "<think></think>" not in case["text"]
        assert (verdict(case["text"], style).reward == 1.0) == expected, case["text"]
