"""Every rewriting: what it shows, what it asks for, and that a file of the kind is picked up by being there."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datafactory import plugins
from datafactory.rewriting.columns import columns_of, renewed, stale
from datafactory.types import Completion, Problem
from tests.rewritings.scenes import built, sums, table

NAMES = plugins.names("rewriting")
PROBLEM = Problem(question="What is 3 + 4?", answer="7", choices=None)
WHOLE = Completion(response="It is 7.", reasoning="3 + 4 = 7")
BARE = Completion(response="It is 7.", reasoning=None)


def config_of(name: str, **settings: Any) -> Any:
    return importlib.import_module(f"datafactory.rewritings.{name}").Config(**settings)


@pytest.mark.parametrize("name", NAMES)
def test_a_rewriting_shows_what_its_prompt_has_places_for(name: str):
    module, config = importlib.import_module(f"datafactory.rewritings.{name}"), config_of(name)
    texts = module.shown(PROBLEM, BARE if name == "think" else WHOLE, config)
    assert set(texts) >= set(config.places) and all(f"{{{place}}}" in config.prompt.content for place in texts)
    assert "{code}" in config.prompt.content and "follow nothing" in config.prompt.content
    assert config.writes in ("reasoning", "response") and module.VERSION
    assert plugins.docstring("rewriting", name).startswith(f"{name.capitalize()}: ")


@pytest.mark.parametrize("name", NAMES)
def test_a_row_with_nothing_to_rewrite_is_told_and_not_asked(name: str):
    module, config = importlib.import_module(f"datafactory.rewritings.{name}"), config_of(name)
    assert isinstance(module.shown(PROBLEM, WHOLE if name == "think" else BARE, config), str)


def test_the_options_and_the_conversation_before_are_shown_with_the_question():
    module = importlib.import_module("datafactory.rewritings.think")
    history = '[{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Hi!"}]'
    problem = Problem(question="Which?", choices=("red", "blue"), meta={"history": history})
    assert module.shown(problem, BARE, config_of("think"))["question"] == (
        "user: Hello.\n\nassistant: Hi!\n\nuser: Which?\nA. red\nB. blue"
    )


def test_a_think_may_see_the_question_alone():
    module, config = importlib.import_module("datafactory.rewritings.think"), config_of("think", sees="question")
    assert module.shown(PROBLEM, BARE, config) == {"question": "What is 3 + 4?"}
    assert "{response}" not in config.prompt.content and "{response}" in config_of("think").prompt.content


def test_columns_about_the_text_are_told_from_those_about_the_problem():
    names = ["problem_id", "question", "response", "trace_id", "category", "history", "math", "math_status", "math_detail",
             "length", "review", "translate", "translate_detail", "translate_model", "pass_rate", "pseudo_answer"]  # fmt: skip
    assert stale(names, ["pass_rate"]) == ["math", "math_status", "math_detail", "length", "review"]
    made = columns_of(names, "summary", "response", stale(names))
    assert made[-4:] == ["parent_id", "summary", "summary_detail", "summary_model"] and "math" not in made


def test_a_new_row_has_no_token_count_and_names_its_parent():
    row = {"problem_id": "p", "rollout": 2, "trace_id": "t", "reasoning": "a", "response": "b", "completion_tokens": 9}
    cells = renewed(row, "response", "c\ud800")
    assert cells["response"] == "c?" and cells["parent_id"] == "t" and cells["completion_tokens"] is None
    assert renewed({**row, "response": "other"}, "response", "c\ud800")["trace_id"] == cells["trace_id"]


GENERAL = [
    {"ask": "Hi!", "gold": None, "say": "Hello! How can I help you?", "think": None, "domain": "general"},
    {"ask": "Good morning, how are you today?", "gold": None, "say": "I am well, thank you.", "think": None, "domain": "general"},
    {"ask": "Write a short letter to a neighbour who watered my plants while I was away last week.", "gold": None, "say": "Dear Joan, thank you so much.", "think": None, "domain": "general"},
    {"ask": "Anna has 12 apples and buys 17 more apples. How many apples does Anna have now, in all?", "gold": "29", "say": "29", "think": None, "domain": "math"},
]  # fmt: skip
THINKER = """
def reply(messages, rollout, seed):
    return noted(messages, rollout, seed, "They want a letter of thanks. Warm and short is best, and it should name the plants.")
"""


@pytest.mark.parametrize("sees", ["question", "both"])
def test_greetings_get_no_chain_of_thought_and_longer_tasks_get_one(tmp_path: Path, sees: str):
    stages = f"""  thought:
    do: rewrite
    from: rows
    model: writer
    with: {{think: {{sees: {sees}}}}}
    where: domain = 'general' and length(question) > 60
"""
    made = table(built(tmp_path, stages, THINKER, GENERAL), "thought")
    by = {row["question"][:4]: row for row in made.iter_rows(named=True)}
    assert {ask: row["think"] for ask, row in by.items()} == {
        "Hi!": "not_asked", "Good": "not_asked", "Writ": "rewritten", "Anna": "not_asked",
    }  # fmt: skip
    assert by["Hi!"]["reasoning"] is by["Good"]["reasoning"] is None
    assert by["Writ"]["reasoning"].startswith("They want a letter") and by["Writ"]["response"].startswith("Dear Joan")


def test_a_thinking_that_speaks_of_the_response_it_was_shown_is_not_taken(tmp_path: Path):
    writer = THINKER.replace("They want", "The provided response is short. They want")
    made = table(
        built(
            tmp_path,
            "  thought: {do: rewrite, from: rows, model: writer, with: think, where: length(question) > 60}\n",
            writer,
            GENERAL[2:3],
        ),
        "thought",
    )
    assert made["think"].to_list() == ["kept"] and made["reasoning"].to_list() == [None]
    assert made["think_detail"][0].startswith("mention: given: 'The provided response'")


def test_a_thinking_that_comes_to_something_else_than_the_response_is_not_taken(tmp_path: Path):
    writer = "\ndef reply(messages, rollout, seed):\n    return 'Anna has 12 and gets 17 more.\\n\\nSo the answer is \\\\boxed{17}.'\n"
    made = table(
        built(
            tmp_path,
            "  thought: {do: rewrite, from: rows, model: writer, with: think}\n",
            writer,
            [{**GENERAL[3], "say": "\\boxed{29}"}],
        ),
        "thought",
    )
    assert made["think"].to_list() == ["kept"] and "something else than the response" in made["think_detail"][0]


def test_worked_examples_are_shown_as_turns_before(tmp_path: Path):
    tmp_path.joinpath("examples.jsonl").write_text(
        '{"question": "2 + 2?", "reasoning": "4", "rewrite": "I add 2 and 2: 4."}\n'
    )
    stages = "  told: {do: rewrite, from: rows, model: writer, with: {conversational: {examples: examples.jsonl}}}\n"
    writer = """
def reply(messages, rollout, seed):
    assert [turn["role"] for turn in messages] == ["user", "assistant", "user"], messages
    assert "2 + 2?" in messages[0]["content"] and messages[1]["content"] == "I add 2 and 2: 4."
    return "First I look at it. " + fields(messages)["reasoning"]
"""
    made = table(built(tmp_path, stages, writer, sums(2)), "told")
    assert set(made["conversational"]) == {"rewritten"}


def test_a_translation_is_checked_against_the_language_of_the_question(tmp_path: Path):
    rows = [
        {"ask": "汤姆有14支笔，送出6支，还剩几支笔？请写出过程。", "gold": "8", "think": "Tom has 14 pens. He gives 6 away, so 14 - 6 = 8 pens are left.", "say": "8", "domain": "math"},
        {"ask": "安娜有15个苹果，吃掉6个，还剩几个苹果？请写出过程。", "gold": "9", "think": "Anna has 15 apples. She eats 6, so 15 - 6 = 9 apples are left.", "say": "9", "domain": "math"},
    ]  # fmt: skip
    writer = """
def reply(messages, rollout, seed):
    if "汤姆" in fields(messages)["question"]:
        return "汤姆有14支笔。他送出6支，所以还剩14 - 6 = 8支笔。"
    return "Anna starts with 15 apples. She eats 6 of them, so 15 - 6 = 9 apples are left in the end."
"""
    stages = "  done: {do: rewrite, from: rows, model: writer, with: translate, verifiers: [math]}\n"
    made = table(built(tmp_path, stages, writer, rows), "done").sort("question")
    assert dict(made.select("answer", "translate").iter_rows()) == {"8": "rewritten", "9": "kept"}
    assert made.filter(pl.col("answer") == "9")["translate_detail"][0].startswith("language: 0% of its words")
    assert made.filter(pl.col("answer") == "8")["reasoning"][0].startswith("汤姆")
