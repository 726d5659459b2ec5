"""recipes/cold_start.yaml end to end, with scripted models whose traces and rewrites are good or bad in known ways."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from .conftest import REPOSITORY, command

# of four rollouts one is right, one wrong, one right and thought in Chinese, one cut off before its answer
TEACHER = """
import json, re

KNOWN = {row["question"]: row["answer"] for row in map(json.loads, open("WORDS", encoding="utf-8"))}

def complete(request):
    question = request.question
    numbers = re.findall(r"\\d+", question)
    gold = KNOWN.get(question) or str(sum(map(int, numbers)))
    said = str(int(gold) + 7) if request.rollout == 1 else gold
    english = f"I am given the numbers {' and '.join(numbers)}. I work it out and come to {said}, which fits what is asked."
    chinese = f"题目给出的数字是{'和'.join(numbers)}。我一步一步地计算，最后得到的结果是{said}，这和题目的要求完全符合。"
    thought = chinese if request.rollout == 2 else english
    if request.rollout == 3:
        return thought
    zero = "<answer>" in request.prompt
    return f" {thought} </think> " + (f"<answer> {said} </answer>" if zero else f"\\n\\n\\\\boxed{{{said}}}")
"""
# translations are faithful; every third thinking is told with a number of its own, every third solution with a preamble
REWRITER = """
import re
from tests.judges.scenes import fields

def complete(request):
    if not request.messages or "=== " not in request.prompt:
        return TEACHER.complete(request)
    shown = fields(list(request.messages))
    numbers = re.findall(r"\\d+", shown["question"])
    if "reasoning" not in shown:
        return "They want something short and kind. I should name what matters and keep it to the point."
    if "response" in shown:
        said = re.findall(r"\\d+", shown["response"])[-1]
        text = f"With ${' , '.join(numbers)}$ the result is \\\\boxed{{{said}}}."
        return f"Here is the rewritten solution: {text}" if int(said) % 3 == 0 else text
    said = re.findall(r"\\d+", shown["reasoning"])[-1]
    if "into the language of the question" in request.prompt:
        return f"I am given the numbers {' and '.join(numbers)}. I work it out step by step and come to {said}, which fits."
    more = " That is 4711 in all." if int(said) % 3 == 1 else ""
    return f"So I look at what is given. {shown['reasoning']} Let me look at it once more: it is {said}.{more}"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cold")
    teacher = TEACHER.replace("WORDS", str(REPOSITORY / "recipes/data/word_problems.jsonl"))
    (place / "teacher.py").write_text(teacher)
    load = f"import runpy, types\nTEACHER = types.SimpleNamespace(**runpy.run_path({str(place / 'teacher.py')!r}))\n"
    (place / "rewriter.py").write_text(load + REWRITER)
    models = [
        "--set",
        f"models.zero={{engine: scripted, function: {place / 'teacher.py'}}}",
        "--set",
        f"models.general={{engine: scripted, function: {place / 'rewriter.py'}}}",
    ]
    ended = command("build", REPOSITORY / "recipes/cold_start.yaml", "--outputs", place, *models)
    assert ended.returncode == 0, ended.stderr
    return place / "cold_start"


def rows(folder: Path, stage: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{stage}/shard-*.parquet")


def test_right_and_readable_traces_of_all_three_ways_come_through(folder: Path):
    checked, right = rows(folder, "checked"), rows(folder, "right")
    assert checked.height == 12 * 4 + 12 * 4 + 4 * 2
    assert right["math"].to_list() == [1.0] * right.height and set(right["rollout"]) == {0, 2}
    by_way = dict(right.group_by("generation").len().iter_rows())
    assert sorted(by_way.values()) == [4, 24, 24]  # the third way has two rollouts each, of which one is wrong


def test_what_was_thought_in_another_language_is_translated_and_the_rest_is_not_asked(folder: Path):
    translated = rows(folder, "translated")
    chinese = translated["rollout"] == 2
    assert set(translated.filter(chinese)["translate"]) == {"rewritten"}
    assert set(translated.filter(~chinese)["translate"]) == {"not_asked"}
    assert not translated["reasoning"].str.contains(r"\p{Han}").any()


def test_a_bad_rewrite_leaves_the_original_and_says_why(folder: Path):
    before, told, solved = (rows(folder, name) for name in ("translated", "told", "solved"))
    old = dict(before.select("trace_id", "reasoning").iter_rows())
    for row in told.iter_rows(named=True):
        if int(row["answer"]) % 3 == 1:
            assert row["conversational"] == "kept" and row["conversational_detail"].startswith("numbers: 4711 in ")
            assert row["reasoning"] == old[row["trace_id"]]
        else:
            assert row["conversational"] == "rewritten" and row["reasoning"].startswith("So I look at what is given.")
            assert row["reasoning"].partition("given. ")[2].startswith(old[row["parent_id"]][:30])
    for row in solved.iter_rows(named=True):
        assert row["summary"] == ("kept" if int(row["answer"]) % 3 == 0 else "rewritten")
        assert "math" not in row and "language_consistency" not in row  # they are taken anew below


def test_what_is_published_is_right_verified_anew_and_of_the_new_text(folder: Path):
    published = pl.read_parquet(folder / "dataset/data/*.parquet")
    math = published.filter(pl.col("domain") == "math")
    assert math.height == math["problem_id"].n_unique() == 28
    for row in math.iter_rows(named=True):
        said = re.findall(r"\d+", row["response"])[-1]
        assert said == row["solution"] and row["math"] == row["format"] == 1
        turn = row["messages"][-1]["content"]
        assert turn == f"<think>\n{row['reasoning']}\n</think>\n\n{row['response']}"
    assert math.filter(pl.col("summary") == "rewritten")["completion_tokens"].null_count() > 0


def test_general_tasks_may_get_a_chain_of_thought_and_greetings_get_none(folder: Path):
    thought = rows(folder, "thought")
    asked = (pl.col("category").is_in(["writing", "factual_qa"])) & (pl.col("question").str.len_chars() > 60)
    assert thought.filter(asked)["think"].to_list() == ["rewritten"] * thought.filter(asked).height
    rest = thought.filter(~asked)
    assert set(rest["think"]) == {"not_asked"} and rest["reasoning"].null_count() == rest.height
    assert thought.filter(asked).height > 0 and "greeting" in rest["category"].to_list()
