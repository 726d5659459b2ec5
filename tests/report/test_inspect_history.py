"""The history of a trace, against the files of the build that made it."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from datafactory.errors import UserError
from datafactory.report.history import History, history
from datafactory.report.history_told import as_object, standing, told
from datafactory.store import EVIDENCE, REASON, Draft
from tests.conftest import built, command

STAGES = ["problems", "traces", "checked", "clean", "accepted", "dataset"]


def shown(found: History) -> str:
    out = io.StringIO()
    told(found, Console(file=out, width=100, color_system=None))
    return out.getvalue()


def table(pattern: str, folder: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(folder.glob(pattern))], how="diagonal_relaxed")


@pytest.fixture
def published(small: Path) -> Path:
    built(small)
    return small.parent / "outputs/small/dataset"


def test_a_published_trace_is_followed_through_every_stage(published: Path) -> None:
    row = table("data/*.parquet", published).filter(pl.col("domain") == "math").row(7, named=True)
    found = history(published, row["trace_id"])
    assert found.mine is not None and not found.missing
    assert [passage.stage.name for passage in (*found.before, *found.mine.passages)] == STAGES
    place = found.mine.published[0]
    assert pl.read_parquet(place.file).row(place.number, named=True) == row and place.file.parent.name == "data"
    for passage in found.mine.passages[:-1]:
        assert pl.read_parquet(passage.file)["trace_id"][passage.number] == row["trace_id"]
        assert passage.file.resolve().parent == (published.parent / passage.stage.name).resolve()
    added = {passage.stage.name: set(passage.added) for passage in found.mine.passages}
    assert {"math", "math_status", "format"} <= added["checked"] and added["clean"] == {"repetition", "pass_rate"}
    assert added["accepted"] == set()
    text = shown(found)
    assert f"published: {place.file.name}, row {place.number:,}, split train" in text
    assert "math 1: correct" in text and f"pass_rate {row['pass_rate']:.4g} (min 0.1, max 0.9)" in text
    assert "where math = 1 and format = 1" in text and "at most 2 of each problem" in text
    assert row["problem"] in text and row["reasoning"] in text
    source = (published.parents[2] / "problems.jsonl").read_text().splitlines()
    line = next(at for at, text in enumerate(source, 1) if json.loads(text)["ask"] == row["problem"])
    assert f"from problems.jsonl:{line}\n" in text


def test_the_group_is_all_that_was_sampled_of_the_problem_and_where_each_went(published: Path) -> None:
    rows, lost = table("data/*.parquet", published), table("rejected/*.parquet", published)
    sampled = table("shard-*.parquet", published.parent / "traces")
    for problem in rows.filter(pl.col("domain") == "math")["problem_id"].unique().sort()[:3]:
        found = history(published, problem)
        assert found.mine is None and found.id.problem == problem
        mine = sampled.filter(pl.col("problem_id") == problem).sort("rollout")
        assert [each.ids for each in found.rollouts] == [(trace,) for trace in mine["trace_id"]]
        for each in found.rollouts:
            there = rows.filter(pl.col("trace_id") == each.ids[0])
            gone = lost.filter(pl.col("trace_id") == each.ids[0])
            assert there.height + gone.height == 1
            if gone.height:
                stage, reason, evidence = gone.select("stage", "reason", "evidence").row(0)
                assert standing(each) == f"dropped by {stage}: {reason} ({evidence})"
            else:
                assert standing(each).startswith("published: train-")
        assert sum(line.startswith("  ") and "tokens" in line for line in shown(found).splitlines()) == 4


def test_a_dropped_trace_ends_where_it_was_dropped(published: Path) -> None:
    lost = table("rejected/*.parquet", published).filter(pl.col("stage") == "clean").row(0, named=True)
    for path in (published, published.parent, published.parent / "traces", published / "rejected"):
        found = history(path, lost["trace_id"])
        assert found.mine is not None
        if path.name != "rejected":
            assert found.mine.last.stage.name == "clean" and found.mine.last.reason == lost["reason"]
            assert f"dropped by clean: {lost['reason']} ({lost['evidence']})" in shown(found)


def test_a_folder_copied_away_tells_what_its_rows_do(published: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copytree(published, tmp_path / "away/dataset"))
    row = table("data/*.parquet", published).filter(pl.col("domain") == "math").row(0, named=True)
    found, whole = history(alone, row["trace_id"]), history(published, row["trace_id"])
    assert found.mine is not None and set(found.missing) == {*STAGES[:-1], "chat"}
    assert [each.stage.name for each in found.mine.passages] == ["checked", "clean", "dataset"]
    assert [(each.ids, standing(each)) for each in found.rollouts] == [
        (each.ids, standing(each)) for each in whole.rollouts
    ]
    text = shown(found)
    assert "are not here" in text and "(min 0.1, max 0.9)" in text and "math 1: correct" in text


def test_rows_without_a_manifest_are_still_found(published: Path) -> None:
    path = sorted(published.glob("data/*.parquet"))[0]
    row = pl.read_parquet(path).row(3, named=True)
    found = history(path, row["trace_id"])
    assert f"{path.name}, row 3" in shown(found) and "no manifest" in shown(found)


def test_the_beginning_of_an_id_is_enough_where_it_is_the_only_one(tmp_path: Path) -> None:
    ids = ["abcdef0000000001", "abcdef0000000002", "abcd990000000003", "123456789abcdef0", "123456789abcdef01234"]
    rows = pl.DataFrame({"trace_id": ids, "problem_id": [f"{n}" * 16 for n in range(5)], "response": ["x"] * 5})
    rows.write_parquet(tmp_path / "rows.parquet")
    assert history(tmp_path, "abcd99").id.trace == ids[2]
    assert history(tmp_path, "ABCDEF0000000002").id.trace == ids[1]
    assert history(tmp_path, "222222").id.problem == "2" * 16
    assert history(tmp_path, ids[3]).id.trace == ids[3]  # whole, though another begins so
    with pytest.raises(UserError) as caught:
        history(tmp_path, "abcdef")
    assert caught.value.problems[0] == "--id abcdef: 2 ids begin so; give more digits"
    assert caught.value.problems[1].strip() == f"trace {ids[0]} of problem {'0' * 16}"
    with pytest.raises(UserError, match="no trace_id or problem_id in .* begins so"):
        history(tmp_path, "ffffff")
    with pytest.raises(UserError, match="at least 6"):
        history(tmp_path, "abcd9")


def rewritten(folder: Path) -> Path:
    """A recipe's folder: three sampled rows, of which one is rewritten twice, one is dropped, and one stays."""
    store, links = folder / "outputs/store", folder / "outputs/r"
    links.mkdir(parents=True)
    first = {"problem_id": "f" * 16, "question": "Why?", "answer": "42", "rollout": 0, "parent_id": None}
    rows = [
        {**first, "rollout": n, "trace_id": f"{n}0" * 8, "reasoning": f"Think {n}. It holds.", "response": "42"}
        for n in range(3)
    ]

    def finish(name: str, kept: list[dict[str, Any]], lost: list[dict[str, Any]], *above: str, **settings: Any) -> None:
        draft = Draft(store / f"{settings['do']}-{name}")
        draft.folder.mkdir(parents=True)
        schema = {"parent_id": pl.String}
        draft.write(
            0,
            pl.DataFrame(kept, schema_overrides=schema),
            pl.DataFrame(lost, schema_overrides=schema) if lost else None,
        )
        about = {"stage": settings["do"], "fingerprint": name, "inputs": list(above), "settings": settings}
        draft.finish(1, {**about, "started": "2026-11-21", "identity": {"config": {}}})
        (links / name).symlink_to(draft.folder)

    finish("sampled", rows, [], do="generate")
    new = {**rows[1], "trace_id": "1a" * 8, "parent_id": "10" * 8, "reasoning": "I think 1. It holds."}
    finish("talked", [rows[0], new, rows[2]], [], "sampled", do="rewrite", **{"from": "sampled"})
    newer = {**new, "trace_id": "1b" * 8, "parent_id": "1a" * 8, "response": "It is 42."}
    out = {**rows[2], REASON: "not good", EVIDENCE: "x < 1"}
    finish("clear", [rows[0], newer], [out], "talked", do="rewrite", **{"from": "talked"})
    finish("judged", [{**rows[0], "good": 1.0}, {**newer, "good": 5.0}], [], "clear", do="judge", **{"from": "clear"})
    return links


@pytest.mark.parametrize("wanted", ["10" * 8, "1a" * 8, "1b1b1b"])
def test_a_rewritten_trace_is_one_under_all_its_ids(tmp_path: Path, wanted: str) -> None:
    for path in (rewritten(tmp_path), tmp_path / "outputs/store/judge-judged"):
        found = history(path, wanted)
        assert found.mine is not None and found.mine.ids == ("10" * 8, "1a" * 8, "1b" * 8)
        assert [each.ids[-1] for each in found.rollouts] == ["00" * 8, "1b" * 8, "20" * 8]
        assert [each.trace for each in found.mine.passages] == ["10" * 8, "1a" * 8, "1b" * 8, "1b" * 8]
        assert found.mine.last.added == {"good": 5.0}
        text = shown(found)
        assert f"its ids: {' -> '.join(found.mine.ids)}" in text
        assert f"rewritten: {'10' * 8} -> {'1a' * 8}" in text and f"rewritten: {'1a' * 8} -> {'1b' * 8}" in text
        assert "- Think 1." in text and "+ I think 1." in text and "- It holds." not in text
        assert "dropped by clear: not good (x < 1)" in text


def test_a_repeated_row_is_told_with_every_place(published: Path) -> None:
    path = sorted(published.glob("data/*.parquet"))[0]
    rows = pl.read_parquet(path)
    pl.concat([rows, rows[2:3]]).write_parquet(path)
    found = history(published, rows["trace_id"][2])
    assert found.mine is not None
    assert standing(found.mine).startswith("published: 2 copies: ") and f"row {rows.height:,}" in standing(found.mine)


def test_the_history_as_json_says_the_same(published: Path) -> None:
    row = table("data/*.parquet", published).filter(pl.col("domain") == "math").row(7, named=True)
    ended = command("inspect", published, "--id", row["trace_id"][:10], "--json")
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert said == json.loads(as_object(history(published, row["trace_id"])))
    assert [stage["stage"] for stage in said["stages"]] == STAGES and said["trace_id"] == row["trace_id"]
    assert said["stages"][3]["added"] == {"repetition": row["repetition"], "pass_rate": row["pass_rate"]}
    wrong = command("inspect", published, "--id", row["trace_id"], "--where", "math = 1")
    assert wrong.returncode == 2 and "--id shows the whole history" in wrong.stderr
