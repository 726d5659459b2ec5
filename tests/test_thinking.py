"""Budget forcing and continuation, with an engine whose tokens are words and that goes on from where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from .conftest import ENGINE, command, write_rows

# its tokens are words: it thinks in numbered ones, as many as the question says, and closes its thinking; then it
# answers in five
WORDS = """
    def generate(self, feed):
        while not (feed.closed and not len(feed)):
            yield [self.output(request) for request in feed.take(4)]

    def output(self, request):
        asked, _, so_far = request.prompt.partition("|")
        length = int(asked)
        words = []
        if "</think>" not in so_far:
            there = len(re.findall(r"t[0-9]+", so_far))
            length += 3 * so_far.count("Wait")
            words += [f"t{n}" for n in range(there, length)] + ["</think>"]
        said = len(re.findall(r"a[0-9]+", so_far))
        words += [f"a{n}" for n in range(said, 5)]
        for at, word in enumerate(words[: request.sampling.max_tokens]):
            if word in request.sampling.stop:
                return Output(request.key, " " + " ".join(words[:at]), "stop", 2, at + 1, stop=word)
        cut = words[: request.sampling.max_tokens]
        reason = "length" if len(cut) < len(words) else "stop"
        return Output(request.key, " " + " ".join(cut), reason, 2, len(cut))
"""
RECIPE = """name: words
models:
  teacher: {engine: ./words.py}
stages:
  problems: {do: load, path: problems.jsonl, rows_per_shard: 2}
  traces: {do: generate, from: problems, model: teacher, prefill: "<think>", %s}
"""


def built(folder: Path, settings: str, *lengths: int) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    (folder / "words.py").write_text(ENGINE + WORDS)
    write_rows(folder / "problems.jsonl", [{"question": str(length)} for length in lengths])
    (folder / "recipe.yaml").write_text(RECIPE % settings)
    ran = command("build", "recipe.yaml", cwd=folder)
    assert ran.returncode == 0, ran.stderr
    rows = [pl.read_parquet(path) for path in sorted((folder / "outputs/words/traces").glob("shard-*.parquet"))]
    return pl.concat(rows).to_dicts()


def test_a_thinking_longer_than_its_budget_is_ended_there_and_answered(tmp_path: Path):
    short, long = built(tmp_path / "a", "thinking: {budget: 6}, sampling: {max_tokens: 100}", 3, 50)
    assert short["reasoning"] == "t0 t1 t2" and short["response"] == "a0 a1 a2 a3 a4"
    assert long["reasoning"].split() == [f"t{n}" for n in range(6)]
    assert long["response"] == "Final Answer: a0 a1 a2 a3 a4"
    assert (short["finish_reason"], long["finish_reason"]) == ("stop", "stop")
    assert long["completion_tokens"] == 6 + 5  # what is put in is not generated
    assert long["prompt_tokens"] == 2


def test_a_thinking_is_made_to_go_on(tmp_path: Path):
    (row,) = built(tmp_path / "a", "thinking: {extend: 2}, sampling: {max_tokens: 100}", 2)
    assert row["reasoning"].split() == ["t0", "t1", "Wait", "t2", "t3", "t4", "Wait", "t5", "t6", "t7"]
    assert row["response"] == "a0 a1 a2 a3 a4"


def test_it_goes_on_no_further_than_the_budget(tmp_path: Path):
    (row,) = built(tmp_path / "a", "thinking: {extend: 5, budget: 7}, sampling: {max_tokens: 100}", 2)
    assert row["reasoning"].count("Wait") == 1 and row["response"] == "a0 a1 a2 a3 a4"
    assert row["completion_tokens"] == 7 + 5  # the tag that it wrote itself is a token
    (row,) = built(tmp_path / "b", "thinking: {extend: 5, budget: 5}, sampling: {max_tokens: 100}", 2)
    assert row["reasoning"].split() == ["t0", "t1", "Wait", "t2", "t3"]
    assert row["response"] == "Final Answer: a0 a1 a2 a3 a4" and row["completion_tokens"] == 5 + 5


def test_what_is_left_of_max_tokens_is_the_answers(tmp_path: Path):
    (row,) = built(tmp_path / "a", "thinking: {budget: 6}, sampling: {max_tokens: 8}", 50)
    assert row["response"] == "Final Answer: a0 a1" and row["finish_reason"] == "length"
    (row,) = built(tmp_path / "b", "thinking: {budget: 8}, sampling: {max_tokens: 8}", 50)
    assert row["finish_reason"] == "length" and row["response"] == ""


def test_a_completion_that_was_cut_is_continued_where_it_broke_off(tmp_path: Path):
    for times, reason, said in ((0, "length", 4), (1, "length", 8), (2, "stop", 10), (5, "stop", 10)):
        settings = f"continue_truncated: {times}, sampling: {{max_tokens: 4}}"
        (row,) = built(tmp_path / str(times), settings, 4)
        words = f"{row['reasoning']} {row['response']}".split()
        assert row["finish_reason"] == reason
        assert words == ["t0", "t1", "t2", "t3", "a0", "a1", "a2", "a3", "a4"][: said - (said > 4)]


def test_each_piece_is_paid_for_once(tmp_path: Path):
    settings = "thinking: {budget: 6, extend: 1}, sampling: {max_tokens: 100}"
    built(tmp_path / "a", settings, 3, 50)
    journal = next((tmp_path / "a/outputs/store/journal").rglob("*.jsonl"))
    size = journal.stat().st_size
    (folder,) = (tmp_path / "a/outputs/store").glob("generate-*")
    for path in folder.iterdir():
        path.unlink()
    built(tmp_path / "a", settings, 3, 50)
    assert sum(path.stat().st_size for path in (tmp_path / "a/outputs/store/journal").rglob("*.jsonl")) == size
