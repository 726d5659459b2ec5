"""Pairs compares rollouts in both orders and keeps those that are clearly apart, of balanced lengths."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from datafactory.errors import StageError, UserError
from datafactory.pairing import TOLERANCE
from tests.judges.scenes import HONEST, built, fields, table

PAIRS = "  pairs: {do: pairs, from: rows, model: referee, balance_lengths: false}\n"
# the response that names the larger number is the better one; 3 or more apart it is much better
LARGER = (
    HONEST
    + """
def reply(messages, rollout, seed):
    shown = fields(messages)
    a, b = (int(shown[name].split()[0]) for name in ("response A", "response B"))
    label = "equal" if a == b else ("A" if a > b else "B") + (" much better" if abs(a - b) >= 3 else " better")
    return says(messages, preference=label)
"""
)
FIRST = HONEST + "\ndef reply(messages, rollout, seed):\n    return says(messages, preference='A much better')\n"


def rows(problems: int = 6, each: int = 4, say=lambda p, n: f"{(p + n) % 4 * 2} it is") -> list[dict]:
    return [{"ask": f"Problem {p}?", "gold": str(p), "say": say(p, n)} for p in range(problems) for n in range(each)]


def test_a_pair_is_a_row_that_trl_reads_with_the_better_one_chosen(tmp_path: Path):
    made = table(built(tmp_path, PAIRS, LARGER, rows()), "pairs")
    assert 6 <= made.height <= 18
    for row in made.iter_rows(named=True):
        assert row["prompt"] == [{"role": "user", "content": row["question"]}]
        (chosen,), (rejected,) = row["chosen"], row["rejected"]
        assert (chosen["role"], rejected["role"]) == ("assistant", "assistant")
        better, worse = (int(turn["content"].split()[0]) for turn in (chosen, rejected))
        assert better - worse >= 3 and row["mean"] == 2 and row["judgements"] == [2.0] * 4
        assert row["chosen_length"] == len(chosen["content"]) and row["rejected_length"] == len(rejected["content"])
        assert row["chosen_rollout"] != row["rejected_rollout"]


def test_trl_takes_the_rows_as_they_are(tmp_path: Path):
    planned = built(tmp_path, PAIRS, LARGER, rows())
    from datasets import load_dataset
    from trl.data_utils import is_conversational, maybe_extract_prompt

    files = sorted(map(str, planned.steps["pairs"].folder.glob("shard-*.parquet")))
    read = load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert {"prompt", "chosen", "rejected"} <= set(read.column_names) and len(read) == table(planned, "pairs").height
    assert is_conversational(read[0]) and maybe_extract_prompt(read[0])["prompt"] == read[0]["prompt"]


def test_what_is_not_apart_is_dropped_with_the_reason(tmp_path: Path):
    planned = built(tmp_path, PAIRS.replace("balance", "pairs_per_problem: 6, balance"), LARGER, rows())
    made, dataset = table(planned, "pairs"), planned.steps["pairs"].dataset
    dropped = pl.concat([dataset.rejected(k) for k in range(len(dataset.shards))])
    assert made.height == 6 * 3 and dropped.height == 6 * 3
    assert set(dropped["rejected_reason"]) == {"within the margin of 1"}
    assert set(dropped["rejected_evidence"]) == {"mean 1 of 4 judgements"}  # a mean of 1 does not exceed 1
    assert set(dropped.columns) - set(made.columns) == {"rejected_reason", "rejected_evidence"}
    lax = table(built(tmp_path, PAIRS.replace("balance", "pairs_per_problem: 6, margin: 0.5, balance")), "pairs")
    assert lax.height == 6 * 6


def test_each_order_is_shown_as_often_as_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REFEREE_LOG", str(tmp_path / "log"))
    built(tmp_path / "a", PAIRS, LARGER, rows())
    orders: Counter[tuple[str, str, str]] = Counter()
    for line in (tmp_path / "log").read_text().splitlines():
        shown = fields([{"content": json.loads(line)[0]}])
        assert "I think" not in json.dumps(shown)
        orders[(shown["question"], shown["response A"], shown["response B"])] += 1
    assert len(orders) == 6 * 4 * 2 and set(orders.values()) == {2}
    assert all((question, b, a) in orders for question, a, b in orders)


def test_a_judge_that_goes_by_the_place_prefers_nothing_and_is_seen_through(tmp_path: Path):
    planned = built(tmp_path, PAIRS, FIRST, rows())
    counts = planned.steps["pairs"].dataset.manifest["counts"]
    assert planned.steps["pairs"].dataset.rows == 0 and counts["pairs"] == 24
    assert counts["position"] == {"first": 96, "second": 0, "neither": 0, "contradictory": 24}


def test_lengths_are_balanced_over_all_shards(tmp_path: Path):
    longer = HONEST + (
        "\ndef reply(messages, rollout, seed):\n    shown = fields(messages)\n"
        "    a, b = shown['response A'], shown['response B']\n"
        "    longer = (len(a) > len(b)) != ((len(a) + len(b)) % 4 == 0)\n"  # a quarter of the time the shorter
        "    return says(messages, preference='A much better' if longer else 'B much better')\n"
    )
    given = rows(40, 4, lambda p, n: "x" * (20 + (37 * p + 101 * n + p * n * n) % 400))
    planned = built(tmp_path, PAIRS.replace("false", "true"), longer, given)
    made, counts = table(planned, "pairs"), planned.steps["pairs"].dataset.manifest["counts"]
    chosen, rejected = made["chosen_length"].mean(), made["rejected_length"].mean()
    assert abs(chosen - rejected) <= TOLERANCE * (chosen + rejected) / 2
    before, after = counts["length_before"], counts["length_after"]
    assert before["chosen"] > 1.2 * before["rejected"]  # this judge likes what is long
    assert (after["pairs"], after["chosen"], after["rejected"]) == (made.height, round(chosen, 1), round(rejected, 1))
    reasons = planned.steps["pairs"].dataset.manifest["reasons"]
    assert reasons == {"unbalanced lengths": before["pairs"] - after["pairs"]} and made.height > 0.6 * before["pairs"]


def test_the_thinking_is_published_where_that_is_asked_for_and_never_judged(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("REFEREE_LOG", str(tmp_path / "log"))
    given = [{**row, "think": f"I think {n}"} for n, row in enumerate(rows(2))]
    stages = PAIRS.replace("rows,", "thought,").replace("balance", "content: completion, balance")
    stages = (
        "  thought: {do: load, path: rows.jsonl, question: ask, answer: gold, response: say, reasoning: think}\n"
        + stages
    )
    made = table(built(tmp_path / "a", stages, LARGER, given), "pairs")
    assert made.height and all(row[0]["content"].startswith("<think>\nI think") for row in made["chosen"])
    assert "I think" not in (tmp_path / "log").read_text()


def test_more_pairs_of_each_problem_pay_only_for_the_new_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REFEREE_LOG", str(tmp_path / "log"))
    built(tmp_path / "a", PAIRS.replace("balance", "pairs_per_problem: 2, balance"), LARGER, rows())
    assert len((tmp_path / "log").read_text().splitlines()) == 6 * 2 * 4
    built(tmp_path / "a", PAIRS, LARGER)
    built(tmp_path / "a", PAIRS.replace("balance", "margin: 0, balance"), LARGER)
    assert len((tmp_path / "log").read_text().splitlines()) == 6 * 4 * 4


def test_pairs_that_the_judge_did_not_decide_are_told_apart_and_too_many_fail_the_stage(tmp_path: Path):
    deaf = (
        LARGER
        + "\nfair = reply\ndef reply(*given):\n    return 'no idea' if 'Problem 2' in given[0][-1]['content'] else fair(*given)\n"
    )
    stages = PAIRS.replace("balance", "retries: 0, max_errors: 0.2, balance")
    dataset = built(tmp_path / "some", stages, deaf, rows()).steps["pairs"].dataset
    assert dataset.manifest["reasons"]["too few judgements"] == 4
    dropped = pl.concat([dataset.rejected(k) for k in range(len(dataset.shards)) if dataset.rejected(k) is not None])
    lost = dropped.filter(pl.col("rejected_reason") == "too few judgements")
    assert lost["mean"].null_count() == 4 and "0 of 4 judgements could be read" in lost["rejected_evidence"][0]
    with pytest.raises(StageError, match="pairs: the judge pairwise gave no readable answer to 2 of the"):
        built(tmp_path / "many", stages.replace("0.2", "0.05"), deaf, rows())


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        (PAIRS.replace("balance", "judgements: 3, balance"), "should be a multiple of 2"),
        (PAIRS.replace("balance", "with: clarity, balance"), "'clarity' judges one completion, for `judge`"),
        (PAIRS.replace("balance", "with: [{pairwise: {prompt: 'A {code}'}}], balance"), "the prompt has no {question}"),
        (PAIRS.replace("balance", "sampling: {temperature: 0}, balance"), "at temperature 0 all 4 are the same"),
    ],
)
def test_a_mistake_in_the_recipe_is_told_before_anything_runs(tmp_path: Path, stages: str, said: str):
    with pytest.raises(UserError) as found:
        built(tmp_path, stages, LARGER, rows(2))
    assert said in str(found.value)
