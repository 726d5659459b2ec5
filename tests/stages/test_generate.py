"""Generate: rollouts by group or until enough are accepted, the same rows whatever the timing."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from datafactory.group import Group
from datafactory.until import Until, accepted

from ..conftest import ENGINE, command, write_rows

# right in so many of ten, by the problem: 0 never, 10 always; every answer has a text of its own
TEACHER = """
import os

def answer(question, rollout, seed):
    n = int(question.split()[0])
    if log := os.environ.get("TEACHER_LOG"):
        with open(log, "a") as stream:
            stream.write(f"{n} {rollout}\\n")
    said = n if seed % 10 < n % 11 else -1
    return f"<think>\\nTry {rollout} of {n}.\\n</think>\\n\\nIt is \\\\boxed{{{said}}}."
"""
RECIPE = """name: enough
models:
  teacher: {engine: scripted, function: ./teacher.py, batch_size: %d}
stages:
  problems: {do: load, path: problems.jsonl, rows_per_shard: 7}
  traces: {do: generate, from: problems, model: teacher, with: [math], until: %s}
"""


def recipe(folder: Path, until: str, batch_size: int = 4, more: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "teacher.py").write_text(TEACHER)
    write_rows(folder / "problems.jsonl", [{"question": f"{n} is?", "answer": str(n)} for n in range(22)])
    path = folder / "recipe.yaml"
    path.write_text(RECIPE % (batch_size, until + more))
    return path


def build(path: Path, *words: object, **environment: str) -> pl.DataFrame:
    ran = command("build", path.name, *words, cwd=path.parent, **environment)
    assert ran.returncode == 0, ran.stderr
    shards = sorted((path.parent / "outputs/enough/traces").glob("shard-*.parquet"))
    return pl.concat([pl.read_parquet(shard) for shard in shards])


def shards(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / "outputs/enough/traces").glob("shard-*.parquet"))]


def right(n: int, rollout: int, rows: pl.DataFrame) -> bool:
    found = rows.filter((pl.col("answer") == str(n)) & (pl.col("rollout") == rollout))["math"].to_list()
    return found == [1.0]


UNTIL = '{accepted: 3, where: "math = 1", max_rollouts: 12}'


def test_a_problem_is_asked_until_enough_rollouts_are_accepted(tmp_path: Path):
    rows = build(recipe(tmp_path / "a", UNTIL))
    assert rows["problem_id"].n_unique() == 22
    for (n,), group in rows.group_by("answer", maintain_order=True):
        assert group["rollout"].to_list() == list(range(group.height))
        got = int(group["math"].sum())
        if int(n) % 11 == 0:
            assert (got, group.height) == (0, 12)
        else:
            assert (got == 3 and group["math"][-1] == 1) or (got < 3 and group.height == 12)
    always = rows.filter(pl.col("answer") == "10")
    assert always.height == 3


def test_the_same_rows_come_out_whatever_arrives_together_and_whoever_verifies(tmp_path: Path):
    first = recipe(tmp_path / "a", UNTIL, batch_size=1)
    build(first, "--workers", "1")
    for name, batch_size, workers in (("b", 3, 1), ("c", 500, 2)):
        build(recipe(tmp_path / name, UNTIL, batch_size), "--workers", workers)
        assert shards(tmp_path / name) == shards(tmp_path / "a")


def test_what_is_kept_is_the_beginning_of_what_a_fixed_group_would_be(tmp_path: Path):
    rows = build(recipe(tmp_path / "a", UNTIL))
    path = tmp_path / "a" / "fixed.yaml"
    text = (tmp_path / "a" / "recipe.yaml").read_text().replace(f"with: [math], until: {UNTIL}", "group_size: 12")
    path.write_text(text.replace("name: enough", "name: fixed"))
    ran = command("build", path.name, cwd=path.parent)
    assert ran.returncode == 0, ran.stderr
    fixed = pl.concat(
        [pl.read_parquet(shard) for shard in sorted((tmp_path / "a/outputs/fixed/traces").glob("shard-*.parquet"))]
    )
    both = rows.join(fixed, on=["problem_id", "rollout"], suffix="_fixed")
    assert both.height == rows.height and (both["response"] == both["response_fixed"]).all()


def test_a_target_ends_the_stage_at_the_same_row_whatever_the_timing(tmp_path: Path):
    every = build(recipe(tmp_path / "every", UNTIL))
    where = every.with_columns((pl.col("math") == 1).cum_sum().alias("count"))
    for target in (1, 10, 17):
        wanted = every.head(where["count"].index_of(target) + 1)
        for batch_size in (1, 200):
            folder = tmp_path / f"{target}-{batch_size}"
            rows = build(recipe(folder, UNTIL, batch_size, f", target: {target}"))
            assert rows["response"].to_list() == wanted["response"].to_list()
            assert len(shards(folder)) == 4  # those beyond it are there, and empty


def test_little_is_asked_beyond_a_target(tmp_path: Path):
    path = recipe(tmp_path / "a", '{accepted: 1, where: "math = 1", max_rollouts: 4}', 2, ", target: 3")
    rows = build(path, TEACHER_LOG=str(tmp_path / "log"))
    assert rows.filter(pl.col("math") == 1).height == 3
    assert len((tmp_path / "log").read_text().splitlines()) < 60  # of 22 problems with four each


def test_a_target_out_of_reach_is_told_and_gives_what_there_is(tmp_path: Path):
    path = recipe(tmp_path / "a", UNTIL, 4, ", target: 1000")
    ran = command("build", path.name, cwd=path.parent)
    assert ran.returncode == 0 and "of the 1,000 that `target` asks for" in ran.stderr
    every = build(recipe(tmp_path / "b", UNTIL))
    assert build(path).drop("generation").equals(every.drop("generation"))


def test_a_stage_stopped_between_shards_goes_on_to_the_same_target(tmp_path: Path):
    path = recipe(tmp_path / "a", UNTIL, 4, ", target: 30")
    build(path)
    before = shards(tmp_path / "a")
    (folder,) = (tmp_path / "a/outputs/store").glob("generate-*")
    for gone in ("manifest.json", "shard-00001.parquet", "shard-00002.parquet", "shard-00003.parquet"):
        (folder / gone).unlink()
    build(path, TEACHER_LOG=str(tmp_path / "log"))
    assert shards(tmp_path / "a") == before
    assert not (tmp_path / "log").exists()  # every answer was in the journal


def test_a_problem_that_nothing_solves_is_given_up(tmp_path: Path):
    until = '{accepted: 3, where: "math = 1", max_rollouts: 12, give_up: 4}'
    rows = build(recipe(tmp_path / "a", until))
    sizes = {int(n): group for (n,), group in rows.group_by("answer")}
    assert sizes[0].height == 4 and sizes[11].height == 4
    assert sizes[10].height == 3


def test_rollouts_that_say_the_same_count_once():
    rows = pl.DataFrame(
        {
            "problem_id": ["p", "p", "p", "q"],
            "reasoning": ["a", "a", "b", "a"],
            "response": ["x", "x", "x", "x"],
            "math": [1.0, 1.0, 1.0, None],
        }
    )
    assert accepted(rows, "math = 1").to_list() == [True, False, True, False]
    until = Until(accepted=2, where="math = 1", max_rollouts=8)
    assert until.more([True, False]) and not until.more([True, False, True])
    assert until.enough([True, False, True, False]) == 3
    group = Group()
    for row in rows.head(3).iter_rows(named=True):
        group.add(row, row["math"] == 1)
    assert group.met == accepted(rows, "math = 1").to_list()[:3]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ('until: {accepted: 2, where: "math = 1"}', "needs `with`"),
        ('with: [math], until: {accepted: 2, where: "maths = 1"}', "no column named 'maths'"),
        ('with: [math], until: {accepted: 9, where: "math = 1", max_rollouts: 4}', "9 accepted cannot come of"),
        ('with: [math], until: {accepted: 2, where: "math = 1"}, group_size: 4', "is not for a stage with `until`"),
        ("with: [math]", "goes with `until`"),
        ("target: 10", "goes with `until`"),
    ],
)
def test_settings_that_do_not_go_together_are_told_with_their_line(tmp_path: Path, settings: str, says: str):
    path = recipe(tmp_path / "a", UNTIL)
    path.write_text(path.read_text().replace(f"with: [math], until: {UNTIL}", settings))
    ran = command("plan", path.name, cwd=path.parent)
    assert ran.returncode == 2 and says in ran.stderr and "recipe.yaml:6" in ran.stderr


# it gives no completion to some
FAILING = """
    def generate(self, feed):
        while not (feed.closed and not len(feed)):
            given = []
            for request in feed.take(4):
                if request.seed % 5 == 0:
                    given.append(Output(request.key, "", "error", error="the server answered 500"))
                else:
                    given.append(Output(request.key, "It is 3.", "stop", 3, 4))
            yield given
"""


def test_a_rollout_without_a_completion_says_why_and_too_many_end_the_stage(tmp_path: Path):
    path = recipe(tmp_path / "a", UNTIL)
    (tmp_path / "a/failing.py").write_text(ENGINE + FAILING)
    text = path.read_text().replace("engine: scripted, function: ./teacher.py, batch_size: 4", "engine: ./failing.py")
    path.write_text(text.replace(f"with: [math], until: {UNTIL}", "group_size: 10"))
    ran = command("build", path.name, cwd=path.parent)
    assert ran.returncode == 1 and "the server answered 500" in ran.stderr and "max_errors is 0.05" in ran.stderr
    assert not list((tmp_path / "a/outputs/store").glob("generate-*/shard-*"))  # another build asks again
    ran = command("build", path.name, "--set", "stages.traces.max_errors=0.5", cwd=path.parent)
    assert ran.returncode == 0, ran.stderr
    rows = pl.read_parquet(tmp_path / "a/outputs/enough/traces/shard-*.parquet")
    failed = rows.filter(pl.col("finish_reason") == "error")
    assert 0 < failed.height < rows.height and rows.height == 220
    assert set(failed["error"]) == {"the server answered 500"} and set(failed["response"]) == {""}
    assert rows.filter(pl.col("finish_reason") != "error")["error"].null_count() == rows.height - failed.height
    manifest = json.loads((tmp_path / "a/outputs/enough/traces/manifest.json").read_text())
    assert manifest["counts"]["errors"] == {"the server answered 500": failed.height}
