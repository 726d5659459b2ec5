"""Accuracy over thinking budgets: one thinking cut at each, against an engine whose tokens are words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datafactory.factory import evaluate_on
from datafactory.progress import Progress
from datafactory.stages.evaluate import SCORES

from ..conftest import ENGINE, built, journaled, write_rows
from ..tiny import tiny_model

# it thinks in as many numbered words as the question says, and three more for each "Wait"; it then answers how many it
# thought. One of "silent" has no thinking at all
WORDS = r"""
    def generate(self, feed):
        while not (feed.closed and not len(feed)):
            yield [self.output(request) for request in feed.take(4)]

    def output(self, request):
        asked, _, so_far = request.prompt.partition("|")
        thought = len(re.findall(r"t[0-9]+", so_far))
        words = []
        if asked == "silent":
            words = ["no", "thought"]
        elif "</think>" not in so_far:
            length = int(asked) + 3 * so_far.count("Wait")
            words = [f"t{n}" for n in range(thought, length)] + ["</think>"]
            thought = length
        said = len(re.findall(r"so|\\boxed", so_far))
        words += ["so", f"\\boxed{{{thought}}}"][said:]
        for at, word in enumerate(words[: request.sampling.max_tokens]):
            if word in request.sampling.stop:
                return Output(request.key, " " + " ".join(words[:at]), "stop", 2, at + 1, stop=word)
        cut = words[: request.sampling.max_tokens]
        return Output(request.key, " " + " ".join(cut), "length" if len(cut) < len(words) else "stop", 2, len(cut))
"""
RECIPE = """name: words
models:
  teacher: {engine: ./words.py}
stages:
  problems: {do: load, path: problems.jsonl, rows_per_shard: 2}
  scores: {do: evaluate, from: problems, models: [teacher], with: [math], prefill: "<think>", group_size: 2, %s}
"""
LENGTHS = (2, 5, 9, 30)


def evaluated(folder: Path, settings: str, *lengths: Any) -> tuple[dict[str, Any], pl.DataFrame]:
    folder.mkdir(exist_ok=True)
    (folder / "words.py").write_text(ENGINE + WORDS)
    write_rows(folder / "problems.jsonl", [{"question": str(length), "answer": str(length)} for length in lengths])
    (folder / "recipe.yaml").write_text(RECIPE % settings)
    step = built(folder / "recipe.yaml").steps["scores"]
    scores = json.loads((step.folder / SCORES).read_text())["scores"][0]
    return scores, step.dataset.scan().collect()


def test_accuracy_is_that_of_the_thinking_cut_at_each_budget(tmp_path: Path):
    scores, rows = evaluated(tmp_path / "a", "budgets: [4, 8, 20], sampling: {max_tokens: 60}", *LENGTHS)
    assert scores["pass@1"] == 1.0, "the scores themselves are unforced"
    for point, budget in zip(scores["budgets"], (4, 8, 20), strict=True):
        # the mark that ends a thinking is a token of it
        thought = [min(length + 1, budget) for length in LENGTHS]
        assert point["budget"] == budget and point["problems"] == 4
        assert point["pass@1"] == sum(length <= budget - 1 for length in LENGTHS) / 4
        assert point["thinking_tokens"] == sum(thought) / 4 and point["completion_tokens"] == sum(thought) / 4 + 2
        assert point["forced"] == sum(length > budget - 1 for length in LENGTHS) / 4
    forced = rows.filter(pl.col("thinking_budget").is_not_null())
    assert rows.height == 4 * 2 * 4 and forced.height == 4 * 2 * 3
    for row in forced.iter_rows(named=True):
        length = int(row["question"])
        cut = min(length, row["thinking_budget"]) if row["forced"] else length
        assert row["reasoning"].split() == [f"t{n}" for n in range(cut)]
        assert row["response"].split()[-1] == f"\\boxed{{{cut}}}"
        assert row["response"].startswith("Final Answer:") is row["forced"] and row["finish_reason"] == "stop"


def test_one_thinking_serves_all_budgets_and_is_paid_for_once(tmp_path: Path):
    evaluated(tmp_path / "a", "budgets: [4, 8, 20], sampling: {max_tokens: 60}", *LENGTHS)
    there = list(journaled(tmp_path / "a"))
    unforced = sum(length + 3 for length in LENGTHS)
    thinking = sum(min(length + 1, 20) for length in LENGTHS)
    answers = 2 * sum(len({min(length + 1, budget) for budget in (4, 8, 20)}) for length in LENGTHS)
    assert sum(output.completion_tokens or 0 for output in there) == 2 * (unforced + thinking + answers)
    for path in (tmp_path / "a/outputs/store").glob("*/manifest.json"):
        if not path.parent.name.startswith("load"):
            for file in path.parent.iterdir():
                file.unlink()
    evaluated(tmp_path / "a", "budgets: [4, 8, 20], sampling: {max_tokens: 60}", *LENGTHS)
    assert len(list(journaled(tmp_path / "a"))) == len(there)


def test_another_budget_leaves_the_unforced_answers_and_what_was_thought_as_they_are(tmp_path: Path):
    _, before = evaluated(tmp_path / "a", "budgets: [4, 8], sampling: {max_tokens: 60}", *LENGTHS)
    keys = {output.key for output in journaled(tmp_path / "a")}
    _, after = evaluated(tmp_path / "a", "budgets: [4, 8, 20], sampling: {max_tokens: 60}", *LENGTHS)
    new = [output for output in journaled(tmp_path / "a") if output.key not in keys]
    # the thinkings of 9 and 30 go on from 8, and are answered once more
    assert sum(output.completion_tokens or 0 for output in new) == 2 * ((10 - 8) + (20 - 8) + 2 + 2)
    kept = after.filter(pl.col("thinking_budget").is_null() | (pl.col("thinking_budget") < 20))
    columns = ["question", "rollout", "thinking_budget", "reasoning", "response"]
    assert kept.select(columns).sort(columns).equals(before.select(columns).sort(columns))


def test_a_thinking_is_made_to_go_on_as_far_as_the_budgets_go(tmp_path: Path):
    scores, rows = evaluated(tmp_path / "a", "budgets: [4, 9, 40], extend: 2, sampling: {max_tokens: 60}", 3)
    said = {row["thinking_budget"]: row["reasoning"].split() for row in rows.iter_rows(named=True)}
    assert said[None] == ["t0", "t1", "t2"]
    assert said[4] == said[None], "it ended with the fourth token, the mark: there was no room to go on"
    assert said[9] == ["t0", "t1", "t2", "Wait", "t3", "t4", "t5", "Wait", "t6"]
    assert said[40] == ["t0", "t1", "t2", "Wait", "t3", "t4", "t5", "Wait", "t6", "t7", "t8"]
    assert [point["forced"] for point in scores["budgets"]] == [0, 1, 0]


def test_what_has_no_thinking_stays_as_it_is(tmp_path: Path):
    folder = tmp_path / "a"
    evaluated(folder, "budgets: [4, 8], sampling: {max_tokens: 60}", "silent", 2)
    _, rows = evaluated(folder, "budgets: [4, 8], sampling: {max_tokens: 60}", "silent", 2)
    silent = rows.filter(pl.col("question") == "silent")
    assert set(silent["finish_reason"]) == {"stop"} and silent["forced"].drop_nulls().any() is False
    assert silent["reasoning"].n_unique() == 1 and set(silent["completion_tokens"]) == {4}


def test_tokens_that_an_engine_does_not_count_are_null(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/words.py").write_text((ENGINE + WORDS).replace("2, at + 1", "2, None").replace("2, len(cut)", "2"))
    write_rows(tmp_path / "a/problems.jsonl", [{"question": str(length), "answer": str(length)} for length in (2, 30)])
    (tmp_path / "a/recipe.yaml").write_text(RECIPE % "budgets: [4, 8], sampling: {max_tokens: 60}")
    step = built(tmp_path / "a/recipe.yaml").steps["scores"]
    points = json.loads((step.folder / SCORES).read_text())["scores"][0]["budgets"]
    assert [(point["thinking_tokens"], point["completion_tokens"]) for point in points] == [(None, None)] * 2
    assert [point["forced"] for point in points] == [0.5, 0.5]


def test_the_words_of_a_real_model_are_cut_where_its_tokens_end(tmp_path: Path):
    folder = tiny_model(tmp_path / "base", "llama")
    write_rows(tmp_path / "problems.jsonl", [{"question": f"What is {n}?", "answer": str(n)} for n in range(3)])
    with Progress() as progress:
        found = evaluate_on(
            (str(folder), f"{folder}/"),
            tmp_path / "problems.jsonl",
            tmp_path / "outputs",
            progress,
            question="question",
            answer="answer",
            names="math",
            group_size=2,
            trained_on=(tmp_path / "problems.jsonl",),
            json_file=tmp_path / "scores.json",
            limit=None,
            assignments=("sampling.max_tokens=24", "budgets=[4, 12]", "prefill=<think>"),
        )
    assert json.loads((tmp_path / "scores.json").read_text()) == found
    assert list(found["scores"]) == ["base", "base-2"] and found["comparisons"][0]["difference"] == 0
    scores = found["scores"]["base"]
    assert [point["thinking_tokens"] for point in scores["budgets"]] == pytest.approx([4, 12], abs=1)
    assert scores["contamination"]["problems"] == 3 and scores["prompt"].endswith("assistant\n<think>")
    rows = pl.scan_parquet(tmp_path / "outputs/evaluate/scores/shard-*.parquet").collect()
    wide = rows.filter(pl.col("model") == rows["model"][0]).pivot(
        "thinking_budget", index=["problem_id", "rollout"], values="reasoning", aggregate_function="first"
    )
    short, long = wide["4"].to_list(), wide["12"].to_list()
    assert all(after.startswith(before.strip()[:-2]) for before, after in zip(short, long, strict=True))
