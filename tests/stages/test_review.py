"""A review stage: what the reviewers' decisions come to, row by row."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from datafactory.build import build, plan
from datafactory.errors import StageError, UserError
from datafactory.progress import Progress
from datafactory.recipe import read_recipe
from datafactory.review.decisions import seen
from datafactory.types import trace_id

from ..conftest import built, command
from ..review.conftest import Serving

SETTINGS = "{do: review, from: accepted, decisions: reviews/accepted.jsonl}"


@pytest.fixture
def reviewed(small: Path) -> Path:
    """The small recipe with a review stage before its merge, built as far as the rows that are reviewed."""
    text = small.read_text().replace(", rows_per_shard: 25", "")
    text = text.replace("  chat: {do", f"  reviewed: {SETTINGS}\n  chat: {{do")
    small.write_text(text.replace("from: [accepted, chat]", "from: [reviewed, chat]"))
    built(small, until="accepted")
    return small


def rows_of(recipe: Path, stage: str) -> pl.DataFrame:
    return pl.read_parquet(recipe.parent / f"outputs/small/{stage}/shard-*.parquet")


def dropped_of(recipe: Path, stage: str) -> pl.DataFrame:
    return pl.read_parquet(recipe.parent / f"outputs/small/{stage}/rejected-*.parquet")


def manifest_of(recipe: Path, stage: str) -> dict:
    return json.loads((recipe.parent / f"outputs/small/{stage}/manifest.json").read_text())


def said(row: dict, decision: str, reviewer: str = "anna", **more: str) -> dict:
    about = {"trace_id": row["trace_id"], "problem_id": row["problem_id"], "seen": seen(row)}
    return {"time": "2026-11-21T10:00:00Z", "reviewer": reviewer, **about, "decision": decision, **more}


def decided(recipe: Path, *lines: dict) -> Path:
    path = recipe.parent / "reviews/accepted.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def outcome(recipe: Path, row: dict, *assignments: str) -> str:
    """What a build makes of one row: its `reviewed`, or why it was dropped."""
    built(recipe, *assignments, until="reviewed")
    kept = rows_of(recipe, "reviewed").filter(pl.col("trace_id") == row["trace_id"])
    if kept.height:
        return str(kept["reviewed"].item())
    return str(dropped_of(recipe, "reviewed").filter(pl.col("trace_id") == row["trace_id"])["rejected_reason"].item())


def test_without_decisions_the_stages_above_are_built_and_the_line_says_how_to_make_some(reviewed: Path):
    ran = command("build", reviewed, "--outputs", reviewed.parent / "fresh", cwd=reviewed.parent)
    assert ran.returncode == 1
    assert "reviewed: there are no decisions yet: datafactory review " in ran.stderr
    assert str(reviewed.parent / "reviews/accepted.jsonl") in ran.stderr and "Traceback" not in ran.stderr
    assert (reviewed.parent / "fresh/small/accepted/manifest.json").exists()


def test_a_file_without_a_decision_is_none(reviewed: Path):
    decided(reviewed)
    with pytest.raises(StageError, match="there are no decisions yet"):
        built(reviewed, until="reviewed")


def test_a_decision_that_comes_while_the_build_is_on_its_way_stops_it(reviewed: Path):
    row = rows_of(reviewed, "accepted").row(0, named=True)
    path = decided(reviewed, said(row, "accept"))
    planned = plan(read_recipe(reviewed), reviewed.parent / "outputs")
    path.write_text(path.read_text() * 2)
    with (
        Progress() as progress,
        pytest.raises(StageError, match="changed while this build was on its way; build again"),
    ):
        build(planned, progress, "reviewed")
    assert not list((reviewed.parent / "outputs/store").glob("review-*/shard-*"))


def test_a_rejected_row_is_dropped_with_reason_reviewer_day_and_note(reviewed: Path):
    row = rows_of(reviewed, "accepted").row(0, named=True)
    decided(reviewed, said(row, "reject", reason="wrong", note="7 is not 8"))
    built(reviewed, until="reviewed")
    gone = dropped_of(reviewed, "reviewed")
    assert gone["trace_id"].to_list() == [row["trace_id"]]
    assert gone["rejected_reason"].item() == "reviewed: wrong"
    assert gone["rejected_evidence"].item() == "rejected by anna, 2026-11-21 (wrong): 7 is not 8"
    assert manifest_of(reviewed, "reviewed")["reasons"] == {"reviewed: wrong": 1}


def test_an_edited_row_has_the_new_text_a_new_id_and_nothing_that_was_said_of_the_old_one(reviewed: Path):
    before = rows_of(reviewed, "accepted")
    row = before.row(3, named=True)
    decided(reviewed, said(row, "edit", reasoning="Plainly.", response="It is \\boxed{5}."))
    built(reviewed, until="reviewed")
    after = rows_of(reviewed, "reviewed")
    made = after.row(3, named=True)
    assert (made["reasoning"], made["response"]) == ("Plainly.", "It is \\boxed{5}.")
    assert made["parent_id"] == row["trace_id"]
    assert made["trace_id"] == trace_id(row["problem_id"], row["rollout"], "Plainly.", "It is \\boxed{5}.")
    assert (made["reviewed"], made["reviewed_by"]) == ("edited", "anna")
    about_text = ("math", "math_status", "math_detail", "format", "format_status", "format_detail", "repetition")
    assert [row[name] is None for name in about_text] == [False] * 7
    assert [made[name] for name in (*about_text, "completion_tokens", "pass_rate")] == [None] * 9
    assert {name: made[name] for name in ("problem_id", "question", "answer", "rollout", "model")} == {
        name: row[name] for name in ("problem_id", "question", "answer", "rollout", "model")
    }
    # every other row is as it was, in its place
    others = pl.int_range(after.height, eager=True) != 3
    assert after.filter(others).select(before.columns).equals(before.filter(others))
    assert after.filter(others)["parent_id"].null_count() == after.height - 1


def test_an_edited_text_is_verified_anew_where_the_recipe_says_so(reviewed: Path):
    rows = rows_of(reviewed, "accepted")
    right, wrong = rows.row(0, named=True), rows.row(1, named=True)
    decided(
        reviewed,
        said(right, "edit", reasoning="So.", response=f"\\boxed{{{right['answer']}}}"),
        said(wrong, "edit", reasoning="So.", response="\\boxed{1000}"),
    )
    built(reviewed, "stages.reviewed.with=[math]", until="reviewed")
    made = rows_of(reviewed, "reviewed")
    assert made["math"].to_list()[:2] == [1.0, 0.0]
    assert made["math_status"].to_list()[:2] == ["correct", "incorrect"]
    assert made["format"].to_list()[:2] == [None, None]


@pytest.mark.parametrize(
    ("words", "settings", "expected"),
    [
        ([("anna", "accept"), ("ben", "accept")], ["need=2"], "accepted"),
        ([("anna", "accept")], ["need=2", "undecided=drop"], "reviewed: too few accepts"),
        ([("ben", "accept"), ("ben", "withdraw")], ["undecided=drop"], "not reviewed"),
        ([("anna", "accept"), ("ben", "reject"), ("cleo", "accept")], ["conflict=majority"], "accepted"),
    ],
)
def test_what_the_words_of_several_reviewers_come_to(reviewed: Path, words, settings, expected):
    row = rows_of(reviewed, "accepted").row(2, named=True)
    more = {"reject": {"reason": "wrong"}}
    decided(reviewed, *(said(row, word, name, **more.get(word, {})) for name, word in words))
    assert outcome(reviewed, row, *(f"stages.reviewed.{setting}" for setting in settings)) == expected


def test_edits_that_differ_are_a_conflict_and_the_last_stands_where_it_is_kept(reviewed: Path):
    row = rows_of(reviewed, "accepted").row(2, named=True)
    decided(reviewed, said(row, "edit", "anna", response="one"), said(row, "edit", "ben", response="two"))
    assert outcome(reviewed, row) == "reviewed: reviewers differ"
    built(reviewed, "stages.reviewed.conflict=keep", until="reviewed")
    kept = rows_of(reviewed, "reviewed").filter(pl.col("parent_id") == row["trace_id"])
    assert kept["response"].to_list() == ["two"] and kept["reviewed_by"].to_list() == ["anna, ben"]


@pytest.mark.parametrize(
    ("setting", "words", "line"),
    [
        ("undecided=fail", ["accept"], "rows are not decided, the first "),
        ("conflict=fail", ["accept", "reject"], "reviewers differ on 1 rows, the first "),
    ],
)
def test_a_recipe_may_fail_on_what_is_not_settled(reviewed: Path, setting, words, line):
    row = rows_of(reviewed, "accepted").row(0, named=True)
    decided(
        reviewed, *(said(row, word, name, reason="wrong") for name, word in zip(("anna", "ben"), words, strict=False))
    )
    with pytest.raises(StageError, match=line):
        built(reviewed, f"stages.reviewed.{setting}", until="reviewed")
    assert not list((reviewed.parent / "outputs/store").glob("review-*/shard-*"))


def test_a_decision_about_another_text_or_no_row_is_counted_and_never_applied(reviewed: Path, capsys):
    rows = rows_of(reviewed, "accepted")
    first, second = rows.row(0, named=True), rows.row(1, named=True)
    stale = said(first, "reject", reason="wrong") | {"seen": "0" * 16}
    decided(reviewed, stale, said(second, "reject", reason="wrong") | {"trace_id": "f" * 16})
    built(reviewed, until="reviewed")
    assert rows_of(reviewed, "reviewed").height == rows.height
    counts = manifest_of(reviewed, "reviewed")["counts"]
    assert (counts["changed"], counts["unknown"], counts["rejected"]) == (1, 1, 0)
    told = capsys.readouterr()
    assert "1 decisions are about a text that has changed since" in told.out + told.err
    assert "1 decisions are about no row here" in told.out + told.err


def test_the_manifest_counts_outcomes_reviewers_and_their_agreement(reviewed: Path):
    rows = list(rows_of(reviewed, "accepted").iter_rows(named=True))
    lines = [said(row, "accept") for row in rows[:4]]
    lines += [said(rows[4], "reject", reason="wrong"), said(rows[5], "edit", response="other")]
    lines += [said(row, "accept", "ben") for row in rows[:3]] + [said(rows[3], "reject", "ben", reason="unsafe")]
    lines += [said(rows[4], "reject", "ben", reason="wrong")]
    decided(reviewed, *lines)
    built(reviewed, until="reviewed")
    counts = manifest_of(reviewed, "reviewed")["counts"]
    wanted = {"accepted": 3, "edited": 1, "rejected": 2, "undecided": len(rows) - 6, "differing": 1}
    assert {name: counts[name] for name in wanted} == wanted
    assert counts["reviewers"] == {
        "anna": {"accepted": 4, "rejected": 1, "edited": 1},
        "ben": {"accepted": 3, "rejected": 2},
    }
    # of five rows that both decided they agree on four; by chance on (4 * 3 + 1 * 2) / 25
    chance = (4 * 3 + 1 * 2) / 25
    agreed = {"rows": 5, "agreed": 4, "kappa": round((4 / 5 - chance) / (1 - chance), 4)}
    assert counts["agreement"] == {"anna and ben": agreed}
    assert not list((reviewed.parent / "outputs/small/reviewed").glob("*review.json"))


def test_another_decision_runs_the_stage_and_what_follows_and_nothing_above(reviewed: Path, log: Path):
    row = rows_of(reviewed, "accepted").row(0, named=True)
    decided(reviewed, said(row, "accept"))
    built(reviewed, until="reviewed")
    asked = log.read_text()
    path = decided(reviewed, said(row, "accept"), said(row, "reject", reason="rambling"))
    steps = built(reviewed, until="reviewed").steps
    assert rows_of(reviewed, "reviewed").height == rows_of(reviewed, "accepted").height - 1
    assert log.read_text() == asked
    moved = path.rename(path.with_name("elsewhere.jsonl"))  # the content is the identity, not the place
    again = built(reviewed, f"stages.reviewed.decisions=reviews/{moved.name}", until="reviewed").steps
    assert again["reviewed"].fingerprint == steps["reviewed"].fingerprint


def test_a_torn_last_line_is_told_and_the_others_count(reviewed: Path, capsys):
    rows = rows_of(reviewed, "accepted")
    path = decided(reviewed, said(rows.row(0, named=True), "reject", reason="wrong"))
    with path.open("a") as stream:
        stream.write('{"reviewer": "anna", "trace_id": "12')
    built(reviewed, until="reviewed")
    assert rows_of(reviewed, "reviewed").height == rows.height - 1
    told = capsys.readouterr()
    assert "its last line is torn, and not applied" in told.out + told.err
    assert manifest_of(reviewed, "reviewed")["counts"]["torn"] == 1


def test_a_broken_line_in_the_middle_is_named(reviewed: Path):
    row = rows_of(reviewed, "accepted").row(0, named=True)
    path = decided(reviewed, said(row, "accept"))
    path.write_text(path.read_text() + '{"reviewer": "anna"}\n' + path.read_text())
    with pytest.raises(StageError, match=r"accepted.jsonl:2: a decision has a text under 'trace_id'; mend that line"):
        built(reviewed, until="reviewed")


def test_reviewed_rows_are_merged_with_who_reviewed_them(reviewed: Path):
    row = rows_of(reviewed, "accepted").row(0, named=True)
    decided(reviewed, said(row, "edit", reasoning="Short.", response="Done: \\boxed{0}."))
    built(reviewed)
    published = pl.read_parquet(reviewed.parent / "outputs/small/dataset/data/*.parquet")
    made = published.filter(pl.col("parent_id") == row["trace_id"]).row(0, named=True)
    assert made["messages"][-1]["content"] == "<think>\nShort.\n</think>\n\nDone: \\boxed{0}."
    assert (made["reviewed"], made["reviewed_by"]) == ("edited", "anna")


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (SETTINGS.replace("accepted,", "problems,"), "no column named 'trace_id'"),
        (SETTINGS.replace("}", ", with: [exact]}"), "the source has no column 'exact'"),
        (SETTINGS.replace("reviews/accepted.jsonl", "."), "is a folder; `datafactory review` writes a .jsonl file"),
        (SETTINGS.replace("}", ", need: 0}"), "need: should be greater than or equal to 1"),
    ],
)
def test_a_mistake_is_told_with_its_line(small: Path, settings: str, line: str):
    small.write_text(small.read_text().replace("  chat: {do", f"  reviewed: {settings}\n  chat: {{do"))
    with pytest.raises(UserError, match=r"recipe.yaml:\d+: stages.reviewed.*" + line.replace("(", r"\(")):
        built(small)


def test_the_review_of_a_merge_is_refused_with_what_would_be_right(small: Path):
    text = small.read_text().replace(", rows_per_shard: 25", "")
    small.write_text(text + "  reviewed: {do: review, from: dataset, decisions: reviews/d.jsonl}\n")
    with pytest.raises(UserError, match="is merged already: review the rows before they are"):
        built(small)


def test_what_the_page_wrote_is_what_the_stage_applies(reviewed: Path):
    path = reviewed.parent / "reviews/accepted.jsonl"
    server = Serving(reviewed.parent / "outputs/small/accepted", "--reviewer", "cleo", "--decisions", path)
    for at, (decision, more) in enumerate(
        [("accept", {}), ("reject", {"reason": "unsafe"}), ("edit", {"response": "new"})]
    ):
        trace = server.trace(at)["trace"]
        body = {"trace_id": trace["id"], "seen": trace["seen"], "decision": decision, **more}
        assert server.decide(body)[0] == 200
    assert server.stop()[0] == 0
    built(reviewed, until="reviewed")
    counts = manifest_of(reviewed, "reviewed")["counts"]
    assert counts["reviewers"] == {"cleo": {"accepted": 1, "rejected": 1, "edited": 1}}
    assert (counts["accepted"], counts["rejected"], counts["edited"], counts["changed"], counts["unknown"]) == (
        1,
        1,
        1,
        0,
        0,
    )
