"""What a build makes, and what a second one makes again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import datasets
import polars as pl
import pytest

from datafactory.errors import StageError
from datafactory.factory import explain

from .conftest import RECIPE, built, command


def changed(recipe: Path, right: str, wrong: str) -> None:
    text = recipe.read_text()
    assert right in text
    recipe.write_text(text.replace(right, wrong))


def ran(recipe: Path) -> list[str]:
    """The stages that the next build would run."""
    lines = list(explain(recipe, recipe.parent / "outputs"))
    return [line.split()[0] for line in lines if not line.split(None, 2)[2].startswith("finished")]


def bytes_of(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*.parquet"))}


def test_a_build_keeps_exactly_the_rows_an_obvious_computation_keeps(small: Path):
    """The teacher is right where its seed is even; a group all right or all wrong is out; at most two of a problem."""
    from datafactory.rollouts import rollout_seed

    planned = built(small)
    dataset = pl.read_parquet(planned.published / "dataset" / "data" / "*.parquet")
    problems = planned.steps["problems"].dataset.scan().collect()
    expected = set()
    for problem in problems.iter_rows(named=True):
        right = [n for n in range(4) if rollout_seed(1, problem["problem_id"], n) % 2 == 0]
        if 0.1 <= len(right) / 4 <= 0.9:
            expected |= {(problem["problem_id"], n) for n in right[:2]}
    got = dataset.filter(pl.col("domain") == "math")
    assert set(got.select("problem_id", "rollout").iter_rows()) == expected
    assert len(got) == len(expected) > 20
    assert dataset.filter(pl.col("domain") == "general").height == 5


def test_the_published_folder_is_the_same_rows_for_datasets_and_polars(small: Path):
    folder = built(small).published / "dataset"
    rows = datasets.load_dataset(str(folder), split="train", cache_dir=str(small.parent / "cache")).to_list()
    assert rows == pl.read_parquet(folder / "data" / "*.parquet").to_dicts()
    assert rows[0]["messages"][0] == {"role": "user", "content": rows[0]["problem"]}
    thinking = next(row for row in rows if row["reasoning"])
    content = thinking["messages"][1]["content"]
    assert content == f"<think>\n{thinking['reasoning']}\n</think>\n\n{thinking['response']}"


def test_a_folder_published_anew_is_not_shown_with_its_old_rows(small: Path):
    cache = str(small.parent / "cache")
    for wrong in ("per_problem: 1", "per_problem: 3"):
        small.write_text(RECIPE.replace("per_problem: 2", wrong))
        folder = built(small).published / "dataset"
        rows = datasets.load_dataset(str(folder), split="train", cache_dir=cache).to_list()
        assert rows == pl.read_parquet(folder / "data" / "*.parquet").to_dicts()


def test_every_published_file_has_the_sha256_the_manifest_says(small: Path):
    folder = built(small).published / "dataset"
    manifest = json.loads((folder / "manifest.json").read_text())
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {*manifest["files"], "manifest.json"}
    for name, entry in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == entry["sha256"]


def test_each_row_is_either_published_or_rejected_with_stage_reason_and_evidence(small: Path):
    planned = built(small)
    folder = planned.published / "dataset"
    rows = pl.read_parquet(folder / "data" / "*.parquet").filter(pl.col("domain") == "math")
    rejected = pl.read_parquet(folder / "rejected" / "*.parquet")
    keys = [*rows.select("problem_id", "rollout").iter_rows(), *rejected.select("problem_id", "rollout").iter_rows()]
    every = planned.steps["traces"].dataset.scan().select("problem_id", "rollout").collect()
    assert sorted(keys) == sorted(every.iter_rows())
    assert set(rejected["stage"]) == {"clean", "accepted"}
    assert rejected["reason"].null_count() == rejected["evidence"].null_count() == 0
    wrong = rejected.filter(pl.col("reason") == "not math = 1")
    assert set(wrong["math"]) == {0.0} and set(wrong["evidence"]) == {"math = 0"}


def test_a_published_row_traces_back_to_model_sampling_and_recipe(small: Path):
    planned = built(small)
    folder = planned.published / "dataset"
    manifest = json.loads((folder / "manifest.json").read_text())
    row = pl.read_parquet(folder / "data" / "*.parquet").filter(pl.col("domain") == "math").row(0, named=True)
    (made,) = [stage for stage in manifest["stages"] if stage["folder"] == row["generation"]]
    assert made["config"]["sampling"]["temperature"] == 0.7 and made["config"]["system"] == "Be brief."
    assert manifest["models"][made["settings"]["model"]]["reference"] == row["model"] == "scripted"
    assert manifest["recipe_text"] == RECIPE


def test_a_second_build_runs_nothing_and_says_so(small: Path, log: Path):
    built(small)
    asked = log.read_text()
    before = {path: path.stat().st_mtime_ns for path in (small.parent / "outputs").rglob("*") if path.is_file()}
    ended = command("build", "recipe.yaml", cwd=small.parent)
    assert ended.returncode == 0 and "everything is finished; nothing to do" in ended.stderr
    assert log.read_text() == asked
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_renaming_a_stage_runs_nothing(small: Path, log: Path):
    built(small)
    asked = log.read_text()
    changed(small, "traces", "rollouts")
    changed(small, "teacher: {", "sage: {")
    changed(small, "model: teacher", "model: sage")
    assert ran(small) == []
    planned = built(small)
    assert log.read_text() == asked
    assert (planned.published / "rollouts").resolve() == (planned.published / "traces").resolve()


def test_a_threshold_runs_that_stage_and_what_follows_and_measures_nothing_again(small: Path, log: Path):
    built(small)
    asked = log.read_text()
    measures = {path: path.stat().st_mtime_ns for path in (small.parent / "outputs/store").glob("measures-*/*")}
    assert measures
    changed(small, "max: 0.9", "max: 0.6")
    assert ran(small) == ["clean", "accepted", "dataset"]
    built(small)
    assert log.read_text() == asked
    assert {path: path.stat().st_mtime_ns for path in (small.parent / "outputs/store").glob("measures-*/*")} == measures


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("system: Be brief.", "system: Be kind."), ("temperature: 0.7", "temperature: 0.8"), ("seed: 1", "seed: 2")],
)
def test_what_decides_a_text_never_reuses_an_old_answer(small: Path, log: Path, right: str, wrong: str):
    built(small)
    assert len(log.read_text().splitlines()) == 160
    changed(small, right, wrong)
    built(small)
    assert len(log.read_text().splitlines()) == 320


def test_a_larger_group_pays_only_for_the_new_rollouts(small: Path, log: Path):
    built(small)
    changed(small, "group_size: 4", "group_size: 6")
    built(small)
    asked = log.read_text().splitlines()
    assert len(asked) == len(set(asked)) == 240


def test_how_it_runs_changes_no_byte_and_runs_nothing_again(small: Path):
    first = bytes_of(built(small, workers=1).published / "dataset")
    changed(small, "batch_size: 8", "batch_size: 3")
    assert ran(small) == []
    planned = built(small, outputs="other", workers=3)
    assert bytes_of(planned.published / "dataset") == first


def test_many_worker_processes_make_the_same_bytes(small: Path, monkeypatch: pytest.MonkeyPatch):
    first = bytes_of(built(small, workers=1).published / "dataset")
    monkeypatch.setattr("datafactory.executors.local.rows_per_worker", 20)
    planned = built(small, outputs="other", workers=2)
    assert bytes_of(planned.published / "dataset") == first


def test_an_edited_data_file_is_loaded_again_and_one_that_was_moved_is_not(small: Path):
    built(small)
    (small.parent / "elsewhere").mkdir()
    (small.parent / "problems.jsonl").rename(small.parent / "elsewhere" / "problems.jsonl")
    changed(small, "path: problems.jsonl", "path: elsewhere/problems.jsonl")
    assert ran(small) == []
    with (small.parent / "elsewhere" / "problems.jsonl").open("a") as stream:
        stream.write('{"ask": "100 + 1?", "gold": 101}\n')
    assert ran(small) == ["problems", "traces", "checked", "clean", "accepted", "dataset"]


def test_until_stops_there_and_a_later_build_goes_on(small: Path):
    planned = built(small, until="checked")
    assert (planned.published / "checked" / "manifest.json").exists()
    assert ran(small) == ["clean", "accepted", "chat", "dataset"]
    built(small)
    assert ran(small) == []


def test_plan_says_what_changed(small: Path):
    built(small)
    changed(small, "temperature: 0.7", "temperature: 0.8")
    lines = {line.split()[0]: line for line in explain(small, small.parent / "outputs")}
    assert lines["problems"].endswith("finished, 40 rows")
    assert lines["traces"].endswith("new: sampling.temperature 0.7 -> 0.8")
    assert lines["checked"].endswith("new: from is another one")
    changed(small, "temperature: 0.8", "temperature: 0.7")
    changed(small, "repetition: {max: 0.5}", "finished: {min: 1}")
    lines = {line.split()[0]: line for line in explain(small, small.parent / "outputs")}
    assert lines["clean"].endswith("new: keep.repetition removed; keep.finished added")


def test_a_corrupt_shard_stops_the_stage_that_reads_it_and_nothing_finished_is_lost(small: Path):
    planned = built(small, until="traces")
    shard = planned.steps["traces"].folder / "shard-00001.parquet"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 255
    shard.write_bytes(content)
    with pytest.raises(StageError, match=r"checked: .*shard-00001\.parquet is not what was written"):
        built(small)
    ended = command("build", "recipe.yaml", cwd=small.parent)
    assert ended.returncode == 1 and len(ended.stderr.strip().splitlines()) == 1
    assert planned.steps["problems"].state == planned.steps["traces"].state == "finished"


def test_a_damaged_published_file_is_published_again(small: Path):
    folder = built(small).published / "dataset"
    (folder / "report.html").write_text("gone")
    built(small)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (
        hashlib.sha256((folder / "report.html").read_bytes()).hexdigest() == manifest["files"]["report.html"]["sha256"]
    )


def test_a_line_that_is_no_json_names_file_and_line(small: Path):
    path = small.parent / "problems.jsonl"
    sound = path.read_text()
    path.write_text(sound + "{not json\n")
    ended = command("build", "recipe.yaml", cwd=small.parent)
    assert ended.returncode == 2  # seen when the columns are looked at, before anything runs
    assert ended.stderr.startswith("recipe.yaml:6: stages.problems.path: problems.jsonl:41: not JSON")
    path.write_text(
        sound + "".join(f'{{"ask": "{n} + 1?", "gold": {n + 1}}}\n' for n in range(100, 200)) + "{not json\n"
    )
    ended = command("build", "recipe.yaml", cwd=small.parent)
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].startswith("problems: problems.jsonl:141: not JSON")


def test_several_datasets_are_read_as_one(small: Path):
    whole = pl.read_parquet(built(small).published / "dataset/data/*.parquet").select(
        "problem_id", "rollout", "response"
    )
    text = small.read_text()
    line = next(line for line in text.splitlines() if line.startswith("  problems:"))
    halves = [
        line.replace("problems:", f"{name}:").replace("domain", f"{part}, domain")
        for name, part in (("first", "limit: 17"), ("rest", "skip: 17"))
    ]
    small.write_text(text.replace(line, "\n".join(halves)).replace("from: problems", "from: [first, rest]"))
    again = pl.read_parquet(built(small).published / "dataset/data/*.parquet").select(
        "problem_id", "rollout", "response"
    )
    keys = ["problem_id", "rollout", "response"]
    assert again.sort(keys).equals(whole.sort(keys))
    changed(small, "from: [first, rest]", "from: [first, chat]")
    assert "stages.traces.from.1" in command("plan", small).stderr or "stands below" in command("plan", small).stderr


def test_datasets_that_share_problems_are_not_read_as_one(small: Path):
    changed(small, "  checked:", "  others: {do: generate, from: problems, model: teacher, group_size: 2}\n  checked:")
    changed(small, "from: traces, with", "from: [traces, others], with")
    with pytest.raises(StageError, match="checked: traces, others hold the same problems"):
        built(small)


def test_a_corrupt_shard_is_never_published(small: Path):
    planned = built(small)
    folder = planned.published / "dataset"
    shard = planned.steps["dataset"].folder / "shard-00000.parquet"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 255
    shard.write_bytes(content)
    (folder / "report.html").unlink()
    with pytest.raises(StageError, match=r"shard-00000\.parquet is not what was written"):
        built(small)


def test_an_edit_of_what_was_published_does_not_reach_the_store(small: Path):
    planned = built(small)
    published = next((planned.published / "dataset/data").iterdir())
    published.write_bytes(b"edited")
    assert planned.steps["dataset"].dataset.read(0).height
    built(small)
    assert pl.read_parquet(published).height


def test_a_group_never_spans_two_shards(small: Path):
    planned = built(small)
    for name in ("traces", "checked", "clean", "accepted", "dataset"):
        dataset = planned.steps[name].dataset
        shards = [set(dataset.read(k)["problem_id"]) for k in range(len(dataset.shards))]
        assert len(shards) > 1
        assert sum(map(len, shards)) == len(set.union(*shards))


def test_a_stage_never_rewrites_a_cell(small: Path):
    planned = built(small)
    traces = planned.steps["traces"].dataset.scan().collect()
    for name in ("checked", "clean", "accepted"):
        later = planned.steps[name].dataset.scan().collect()
        same = traces.join(later, on=["problem_id", "rollout"], how="semi")
        assert later.select(traces.columns).equals(same)


def test_a_dead_verifier_fails_the_stage_and_is_not_a_hard_dataset(small: Path):
    mine = small.parent / "mine.py"
    mine.write_text("def verify(problem, completion, config):\n    raise RuntimeError('the service is down')\n")
    changed(small, "[math, format]", "[math, ./mine.py]")
    changed(small, "math = 1 and format = 1", "math = 1 and mine = 1")
    with pytest.raises(
        StageError,
        match=r"checked: the verifier mine decided too few of 160 rows \(160 error; the first: RuntimeError: the service is down\)",
    ):
        built(small)
    mine.write_text(
        "from datafactory.types import Verdict\n\ndef verify(problem, completion, config):\n    return Verdict.correct()\n"
    )
    assert built(small).steps["dataset"].dataset.rows > 5


def test_a_verifier_and_a_filter_of_ones_own_work_by_their_path_alone(small: Path):
    (small.parent / "even.py").write_text(
        "from datafactory.types import Verdict\n\n"
        "def verify(problem, completion, config):\n"
        "    return Verdict.correct() if int(problem.answer) % 2 == 0 else Verdict.incorrect()\n"
    )
    (small.parent / "digits.py").write_text(
        "import polars as pl\n\n"
        "def digits(rows: pl.DataFrame, *, least: int = 1) -> pl.Series:\n"
        "    return rows['response'].str.count_matches('[0-9]') - least\n"
    )
    changed(small, "[math, format]", "[math, format, ./even.py]")
    changed(small, "repetition: {max: 0.5}", "./digits.py: {min: 2, least: 0}")
    changed(small, "math = 1 and format = 1", "math = 1 and even = 1")
    rows = pl.read_parquet(built(small).published / "dataset/data/*.parquet").filter(pl.col("domain") == "math")
    assert rows.height and all(int(gold) % 2 == 0 and int(gold) >= 10 for gold in rows["solution"])
    changed(small, "least: 0", "leest: 0")
    assert command("plan", small).stderr.strip().endswith("no setting named 'leest'. Did you mean 'least'?")
    changed(small, "leest: 0", "least: 0")
    with (small.parent / "even.py").open("a") as stream:
        stream.write("# edited\n")
    assert ran(small) == ["checked", "clean", "accepted", "dataset"]


def test_a_build_that_accepts_nothing_says_where_the_rows_went(small: Path):
    changed(small, "[accepted, chat]", "[accepted]")
    changed(small, "math = 1 and format", "math = 7 and format")
    ended = command("build", "recipe.yaml", cwd=small.parent)
    assert ended.returncode == 1
    assert "not math = 7" in ended.stderr
    assert ended.stderr.strip().splitlines()[-1] == "dataset: nothing was accepted: accepted came out empty"
