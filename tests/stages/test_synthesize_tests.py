"""Test synthesis on real programs in the real sandbox: generators good and bad, submissions right, wrong and slow."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datafactory.build import build, plan
from datafactory.errors import StageError, UserError
from datafactory.plugins import Use
from datafactory.progress import Progress
from datafactory.recipe import read_recipe
from datafactory.sandbox import Broken, Unavailable, demand
from datafactory.scoring import score
from datafactory.synthesis import inputs, trial

from ..conftest import REPOSITORY, write_rows
from ..test_docs import blocks

try:
    demand("auto")
except Unavailable as error:
    pytest.skip(str(error), allow_module_level=True)

PAGE = REPOSITORY / "docs" / "verifiers" / "test-synthesis.md"

SUM = "Print the sum of n numbers. The first line holds n, the second the numbers."
READ = "n = int(input())\na = list(map(int, input().split()))\nassert len(a) == n\n"
RIGHT = [READ + "print(sum(a))", READ + "t = 0\nfor x in a:\n    t += x\nprint(t)"]
LAST = READ + "print(sum(a[:-1]))"
SIGN = READ + "print(sum(map(abs, a)))"
SLOW = READ + "t = 0\nfor x in a:\n    for y in a:\n        for z in range(20):\n            pass\n    t += x\nprint(t)"
NARROW = """#include <iostream>
int main() { int n, t = 0, x; std::cin >> n; while (n--) { std::cin >> x; t += x; } std::cout << t; }"""

GENERATOR = """
import random, sys
seed, size = int(sys.argv[1]), sys.argv[2]
random.seed(seed)
if size == "small":
    a = [random.randint(1, 9) for _ in range(seed + 2)]
elif size == "large":
    a = [random.randint(1, 9) for _ in range(3000)]
else:
    a = [[-1], [0], [-4, -4]][seed // 3 % 3]
print(len(a))
print(*a)
"""
TEACHER = """
import os
GENERATORS = {generators!r}

def answer(question, rollout, seed):
    if "TEACHER_LOG" in os.environ:
        with open(os.environ["TEACHER_LOG"], "a") as stream:
            stream.write(f"{{question}} {{rollout}}\\n")
    return GENERATORS[rollout] + "\\n# " + question
"""
RECIPE = """
name: synthesis
seed: 3
models:
  teacher: {{engine: scripted, function: ./teacher.py, batch_size: 2}}
stages:
  problems: {{do: load, path: problems.jsonl, tests: tests, rows_per_shard: {rows}}}
  submissions: {{do: load, path: submissions.jsonl, response: program}}
  tests:
    do: synthesize_tests
    from: problems
    model: teacher
    submissions: submissions
    right: label = 'right'
    wrong: label = 'wrong'
    {settings}
  tested: {{do: gather_tests, from: tests}}
"""


class Made:
    """A recipe in a folder of its own, and what was built of it."""

    def __init__(self, folder: Path, workers: int = 2):
        planned = plan(read_recipe(folder / "recipe.yaml"), folder / "outputs")
        with Progress() as progress:
            said = []
            progress.say = said.append  # type: ignore[method-assign]
            build(planned, progress, workers=workers)
        self.said = said
        self.steps = planned.steps
        self.tests = self.steps["tests"].dataset
        self.kept = self.tests.scan().collect()
        lost = [self.tests.rejected(k) for k in range(len(self.tests.shards))]
        self.dropped = (
            pl.concat([rows for rows in lost if rows is not None]) if any(x is not None for x in lost) else None
        )
        self.problems = self.steps["tested"].dataset.scan().collect()
        self.counts = self.tests.manifest["counts"]

    def reasons(self) -> dict[str, int]:
        return dict(self.tests.manifest["reasons"])


def written(
    folder: Path,
    submissions: list[tuple[str, str]],
    generators: list[str],
    problems: list[dict[str, Any]] | None = None,
    rows: int = 10,
    **settings: Any,
) -> Path:
    problems = problems or [{"question": SUM}]
    settings = {"group_size": len(generators), "inputs": 6, "code": {"time_limit": 0.5}, **settings}
    (folder / "teacher.py").write_text(TEACHER.format(generators=generators))
    write_rows(folder / "problems.jsonl", [{"tests": None, **problem} for problem in problems])
    programs = [
        {"question": problem["question"], "program": program, "label": label}
        for problem in problems
        for label, program in submissions
    ]
    write_rows(folder / "submissions.jsonl", programs)
    lines = "\n    ".join(f"{name}: {json.dumps(value)}" for name, value in settings.items())
    (folder / "recipe.yaml").write_text(RECIPE.format(rows=rows, settings=lines))
    return folder


def right_and(*wrong: str) -> list[tuple[str, str]]:
    return [*(("right", program) for program in RIGHT), *(("wrong", program) for program in wrong)]


def test_each_wrong_submission_is_exposed_by_what_it_fails_on_and_few_tests_are_enough(tmp_path: Path):
    made = Made(written(tmp_path, right_and(LAST, SIGN, SLOW), [GENERATOR], keep=3))
    large = made.kept.filter(pl.col("input_size") == "large")
    assert large["exposes"].to_list() == [[2, 4]] * 2  # the slow one by nothing but a large input
    assert all(4 not in exposes for exposes in made.kept.filter(pl.col("input_size") != "large")["exposes"])
    assert [set(exposes) for exposes in made.kept["exposes"][:2]] == [{2, 3}, {2, 4}]  # two tests expose all three
    assert made.kept["kept_for"].to_list()[:2] == ["exposes 2, 3", "exposes 4"]
    assert made.kept.height == 3 and made.kept["kept_for"][2].endswith("once more")
    assert made.counts == {"problems": 1, "wrong": 3, "exposed": 3, "suspects": 0, "unusable": 0}
    for row in made.kept.iter_rows(named=True):  # the expected output is the sum, and both right ones say so
        assert int(row["output"]) == sum(map(int, row["input"].split()[1:]))
        assert (row["agree"], row["against"]) == ([0, 1], [])


def test_the_verifier_runs_the_tests_that_were_made(tmp_path: Path):
    made = Made(written(tmp_path, right_and(LAST, SIGN, SLOW), [GENERATOR], keep=3))
    problem = made.problems.row(0, named=True)
    assert problem["tests"] is None and problem["synthetic_count"] == 3
    assert (problem["synthetic_right"], problem["synthetic_wrong"], problem["synthetic_exposed"]) == (2, 3, 3)
    rows = pl.DataFrame([{**problem, "response": program} for program in (*RIGHT, LAST, SIGN, SLOW)])
    scored = score([Use("verifier", "code", None, (("time_limit", 0.5),))], rows)
    assert scored["code"].to_list() == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert scored["code_tests_total"].to_list() == [3] * 5


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_a_number_type_that_is_too_narrow_is_exposed_in_cpp(tmp_path: Path):
    big = GENERATOR.replace("[[-1], [0], [-4, -4]]", "[[10**9] * 3, [5], [10**9]]")
    folder = written(
        tmp_path, right_and(NARROW), [big], code={"time_limit": 5, "languages": ["python", "cpp"]}, inputs=9
    )
    made = Made(folder)
    exposing = made.kept.filter(pl.col("exposed") > 0)
    assert exposing["input"].to_list() == ["3\n1000000000 1000000000 1000000000\n"]


def test_what_a_generator_does_wrong_is_dropped_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inputs, "LIMITS", replace(inputs.LIMITS, cpu=1.0))
    generators = [
        GENERATOR,
        "import sys\nraise ValueError('no idea')",
        "import sys\nprint(5)\nprint('one two', sys.argv[1])",  # right submissions crash on it
        "while True: pass",
        "print('1' * 20_000)",  # and a line's end
        "print(' ')",
        "import sys\nsys.stdout.buffer.write(b'1\\n\\xff')",
        "I am sorry, but I cannot do that.",
    ]
    made = Made(written(tmp_path, right_and(LAST), generators, inputs=3, longest_input=20_000))
    assert made.dropped is not None
    told = {
        rollout: (rows["rejected_reason"].to_list(), rows["rejected_evidence"][0])
        for (rollout,), rows in made.dropped.group_by("rollout", maintain_order=True)
    }
    assert told == {
        1: (["the generator fails"] * 3, "exit code 1: ValueError: no idea"),
        2: (
            ["a right submission fails on it"] * 3,
            "submissions 0, 1: exit status 1: ValueError: invalid literal for int() with base 10: 'one'",
        ),
        3: (["the generator takes too long"] * 3, "more than 1 s"),
        4: (["the input is too long"] * 3, "more than 20,000 bytes"),
        5: (["the input is empty"] * 3, None),
        6: (["the input is no text"] * 3, "invalid start byte at byte 2"),
        7: (["there is no generator"], "the response holds no Python program"),
    }
    assert made.dropped.filter(rollout=3)["rejected_evidence"].to_list()[2] == "2 times before: not called"
    assert made.kept["rollout"].to_list() == [0, 0, 0]
    assert made.dropped["response"][0].startswith(generators[1])  # who asks why sees the generator itself


def test_an_input_on_which_right_submissions_disagree_is_no_test(tmp_path: Path):
    # what the sum of no numbers is, the statement does not say
    empty = "import sys\nprint(0 if sys.argv[2] == 'edge' else 1)\nprint('' if sys.argv[2] == 'edge' else sys.argv[1])"
    other = READ + "print(sum(a) if a else 'nothing')"
    made = Made(written(tmp_path, [("right", RIGHT[0]), ("right", RIGHT[1]), ("right", other)], [empty]))
    assert made.reasons() == {"right submissions disagree on it": 1, "the same input as another test": 1}
    assert made.dropped is not None
    assert made.dropped["rejected_evidence"][0] == "submissions 0, 1 print '0\\n'; submission 2 prints 'nothing\\n'"
    made = Made(written(tmp_path, [("right", RIGHT[0]), ("right", RIGHT[1]), ("right", other)], [empty], agree=0.6))
    assert made.reasons() == {"the same input as another test": 1}
    assert made.kept.filter(input_size="edge").select("output", "agree", "against").rows() == [("0\n", [0, 1], [2])]


def test_a_wrong_program_that_is_called_right_is_told_and_has_no_say(tmp_path: Path):
    submissions = [*right_and(LAST), ("right", SIGN.replace("abs", "float")), ("right", "```python\nprint((\n```")]
    made = Made(written(tmp_path, submissions, [GENERATOR]))
    assert made.kept["suspects"].to_list() == [[3]] * made.kept.height
    assert made.kept["right"].to_list() == [[0, 1]] * made.kept.height
    assert made.kept["unusable"].to_list() == [[4]] * made.kept.height
    assert made.kept.height == 6 and made.dropped is None
    said = next(line for line in made.said if line.startswith("tests: problem"))
    assert "submission 3 is called right and is against most of the others" in said
    assert "submission 4 cannot be used: it does not compile: SyntaxError: '(' was never closed" in said
    assert (made.counts["suspects"], made.counts["unusable"]) == (1, 1)


def test_without_wrong_submissions_the_tests_are_various_and_say_so(tmp_path: Path):
    made = Made(written(tmp_path, right_and(), [GENERATOR, GENERATOR.replace("1, 9", "1, 8")], keep=6))
    kinds = set(zip(made.kept["rollout"], made.kept["input_size"], strict=True))
    # edge inputs are the same whoever makes them; of the other four kinds there is one each before there are two
    assert kinds == {(0, "edge"), *((rollout, size) for rollout in (0, 1) for size in ("small", "large"))}
    assert all(why.startswith("variety: ") for why in made.kept["kept_for"])
    assert made.problems.select("synthetic_count", "synthetic_wrong", "synthetic_exposed").rows() == [(6, 0, 0)]


def test_a_problem_that_cannot_have_tests_is_set_aside_and_costs_no_completion(tmp_path: Path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("TEACHER_LOG", str(log))
    problems = [
        {"question": SUM},
        {"question": "Nobody solved this one."},
        {"question": "Add two numbers in a function.", "tests": ["assert add(1, 2) == 3"]},
        {"question": "Its tests are no tests.", "tests": {"inputs": ["1"], "outputs": []}},
    ]
    folder = written(tmp_path, right_and(LAST), [GENERATOR], problems)
    rows = [json.loads(line) for line in (folder / "submissions.jsonl").read_text().splitlines()]
    write_rows(folder / "submissions.jsonl", [row for row in rows if "Nobody" not in row["question"]])
    made = Made(folder)
    assert made.dropped is not None
    aside = made.dropped.filter(pl.col("test").is_null()).select("question", "rejected_reason", "rejected_evidence")
    assert {question[:10]: (reason, why) for question, reason, why in aside.iter_rows()} == {
        "Nobody sol": ("too few right submissions", "0 of 2, among 0 submissions"),
        "Add two nu": (
            "its tests call a function",
            "only programs that read stdin and write stdout get tests",
        ),
        "Its tests ": ("its tests cannot be read", "1 inputs for 0 outputs"),
    }
    assert {line.rpartition(" ")[0] for line in log.read_text().splitlines()} == {SUM}
    assert made.problems["question"].to_list() == [SUM]


def test_the_tests_a_problem_came_with_are_held_to_the_same_rules(tmp_path: Path):
    cases = [{"input": "2\n3 4\n", "output": "7"}, {"input": "1\n5\n", "output": "6"}]
    tests = {"cases": cases, "time_limit": "2 seconds", "memory_limit": "64 MB"}
    folder = written(tmp_path, right_and(LAST), ["print('1\\n5')"], [{"question": SUM, "tests": tests}], inputs=1)
    made = Made(folder)
    assert made.kept.select("test", "rollout", "input", "output").rows() == [(0, None, "2\n3 4\n", "7")]
    assert made.dropped is not None
    assert made.dropped.select("test", "rejected_reason", "rejected_evidence").rows() == [
        (1, "right submissions disagree with its output", "submissions 0, 1 print '5\\n'"),
        (2, "the same input as another test", "test 1 is the same"),
    ]
    problem = made.problems.row(0, named=True)
    assert json.loads(problem["tests"]) == tests  # no cell is rewritten
    assert json.loads(problem["synthetic_tests"]) == {
        "cases": cases[:1],
        "time_limit": {"seconds": 2.0},
        "memory_limit": 64 << 20,
    }


CHECKER = """
import sys
given, got, _ = (open(name).read().split() for name in sys.argv[1:4])
if len(given) != 1:
    sys.exit(3)
n = int(given[0])
sys.exit(0 if len(got) == 2 and int(got[0]) + int(got[1]) == n and min(map(int, got)) >= 0 else 1)
"""


def test_with_a_checker_right_answers_may_differ(tmp_path: Path):
    question = "Print two numbers that are not negative and have the sum n."
    right = ["print(0, int(input()))", "n = int(input())\nprint(n // 2, n - n // 2)"]
    wrong = ["n = int(input())\nprint(n + 1, -1)", "n = int(input())\nprint(n // 2, n // 2)"]
    generator = "import sys\nprint(sys.argv[1])\nprint('more' if sys.argv[1] == '5' else '')"
    problem = {"question": question, "checker": {"language": "python", "source": CHECKER}}
    made = Made(
        written(tmp_path, [*(("right", p) for p in right), *(("wrong", p) for p in wrong)], [generator], [problem])
    )
    assert sorted(made.kept["input"]) == ["0\n\n", "1\n\n", "2\n\n", "3\n\n", "4\n\n"]
    assert {row["input"][0]: row["exposes"] for row in made.kept.iter_rows(named=True)} == {
        "0": [2], "1": [2, 3], "2": [2], "3": [2, 3], "4": [2]
    }  # fmt: skip
    assert made.reasons() == {"the checker does not decide": 1}
    problem = made.problems.row(0, named=True)
    assert json.loads(problem["synthetic_tests"])["checker"] == {"language": "python", "source": CHECKER}
    rows = pl.DataFrame([{**problem, "response": program} for program in (*right, *wrong)])
    assert score([Use("verifier", "code")], rows)["code"].to_list() == [1.0, 1.0, 0.0, 0.0]


def shards(folder: Path) -> dict[str, bytes]:
    files = (folder / "outputs" / "store").rglob("*.parquet")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_number_of_workers_changes_no_byte(tmp_path: Path):
    problems = [{"question": f"{SUM} (Way {n})"} for n in range(5)]
    for name in ("one", "four"):
        (tmp_path / name).mkdir()
        written(tmp_path / name, right_and(LAST, SIGN), [GENERATOR, "print(1, 2)"], problems, rows=2)
    Made(tmp_path / "one", workers=1)
    Made(tmp_path / "four", workers=4)
    assert shards(tmp_path / "one") == shards(tmp_path / "four") and len(shards(tmp_path / "one")) > 6
    made = Made(tmp_path / "one")
    assert made.kept["problem_id"].n_unique() == 5 and made.dropped is not None
    for row in [*made.kept.iter_rows(named=True), *made.dropped.iter_rows(named=True)]:
        assert row["response"].endswith(row["question"])  # each test stands with the generator that made it


def test_a_kill_in_the_middle_pays_for_no_completion_twice(tmp_path: Path):
    problems = [{"question": f"{SUM} (Way {n})"} for n in range(2)]
    folder, whole = tmp_path / "killed", tmp_path / "whole"
    for each in (folder, whole):
        each.mkdir()
        written(each, right_and(LAST, SLOW), [GENERATOR, GENERATOR], problems, rows=1)
    Made(whole)
    log = tmp_path / "log"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TEACHER_LOG": str(log)}
    words = [sys.executable, "-m", "datafactory", "build", "recipe.yaml", "--workers", "1"]
    running = subprocess.Popen(words, cwd=folder, env=environment, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (log.exists() and len(log.read_text().splitlines()) == 2) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)  # the first shard's generators are paid for, its programs are running
    assert not list((folder / "outputs/store").glob("synthesize_tests-*/shard-00001.parquet"))
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    subprocess.run(words, cwd=folder, env=environment, check=True, capture_output=True, timeout=300)
    asked = log.read_text().splitlines()
    assert len(asked) == len(set(asked)) == 4
    assert shards(folder) == shards(whole)


def test_a_sandbox_that_fails_ends_the_stage_and_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Dead(trial.Sandbox):
        def run(self, *words: Any, **options: Any) -> Any:
            raise Broken("the sandbox failed 3 times: it was ended from outside")

    folder = written(tmp_path, right_and(LAST), [GENERATOR])
    with monkeypatch.context() as patched:
        patched.setattr(trial, "Sandbox", Dead)
        with pytest.raises(StageError, match=r"tests: the sandbox failed .*; what was finished is kept"):
            Made(folder)
    assert not list((folder / "outputs/store").glob("synthesize_tests-*/*.parquet"))
    assert Made(folder).kept.height == 6


def test_mistakes_in_the_recipe_are_told_before_anything_runs(tmp_path: Path):
    folder = written(tmp_path, right_and(LAST), [GENERATOR], min_right=6, by="question")
    text = (folder / "recipe.yaml").read_text().replace("label = 'right'", "label = = 1")
    (folder / "recipe.yaml").write_text(text.replace("submissions: submissions", "submissions: problems"))
    with pytest.raises(UserError) as told:
        read_recipe(folder / "recipe.yaml")
    said = re.sub(r"^.*?recipe.yaml:\d+: ", "", str(told.value), flags=re.M).splitlines()
    assert said[0].startswith("stages.tests.submissions: no column named 'response'.")
    assert any(line.startswith("stages.tests.right: 'label = = 1' is not a SQL condition") for line in said)
    assert "stages.tests.min_right: is more than most_right, 5: no input could ever be a test" in said


def test_a_label_that_no_submission_has_is_told(tmp_path: Path):
    folder = written(tmp_path, right_and(LAST), [GENERATOR])
    text = (folder / "recipe.yaml").read_text().replace("wrong: label", "wrong: lable")
    (folder / "recipe.yaml").write_text(text)
    with pytest.raises(StageError, match="no column and no key of meta is named 'lable'. Did you mean 'label'?"):
        Made(folder)


def table(page: str, heading: str) -> list[list[str]]:
    """The cells of the table whose first cell of the header is that."""
    rows = page.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_the_example_of_the_page_gives_what_the_page_says(tmp_path: Path):
    for block in blocks(PAGE):
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    made = Made(tmp_path)
    page = PAGE.read_text(encoding="utf-8")
    kept = [
        [str(cell) for cell in (row["test"], row["rollout"], f"{row['input_seed']} {row['input_size']}", row["output"].strip(), ", ".join(map(str, row["exposes"])), row["kept_for"])]
        for row in made.kept.iter_rows(named=True)
    ]  # fmt: skip
    assert table(page, "test") == kept
    assert made.dropped is not None
    dropped = [
        [str(rows.height), str(rows["test"][0]), reason, rows["rejected_evidence"][0]]
        for (reason,), rows in made.dropped.sort("test").group_by("rejected_reason", maintain_order=True)
    ]
    assert table(page, "tests") == dropped
    assert any("submission 5 is called right and is against most of the others" in line for line in made.said)
    checked = made.steps["checked"].dataset.scan().collect()
    assert checked.select("code", "code_tests_passed", "code_tests_total").rows() == [(0.0, 2, 4), (1.0, 4, 4)]


def test_of_a_long_input_that_is_dropped_the_beginning_is_kept(tmp_path: Path):
    long = "print(1)\nprint('5' + ' ' * 5000)\nraise SystemExit(0)"
    made = Made(written(tmp_path, right_and(LAST), [long, long.replace("'5'", "'6'")], inputs=1, keep=1))
    assert made.dropped is not None
    assert len(made.kept["input"][0]) == 5004
    assert made.dropped["input"][0] == f"1\n6{' ' * 1997}... (5,004 characters)"


def test_tests_are_not_made_twice(tmp_path: Path):
    folder = written(tmp_path, right_and(LAST), [GENERATOR])
    with (folder / "recipe.yaml").open("a") as stream:
        again = "do: synthesize_tests, model: teacher, submissions: submissions, right: answer = 1, wrong: answer = 0"
        stream.write(f"  again: {{{again}, from: tested}}\n")
    with pytest.raises(UserError, match="stages.again.from: the source has a column 'synthetic_tests' already"):
        read_recipe(folder / "recipe.yaml")


def test_a_dataset_without_one_test_ends_in_no_problem(tmp_path: Path):
    made = Made(written(tmp_path, right_and(LAST), ["raise SystemExit(1)"]))
    assert made.kept.height == made.problems.height == 0
    assert made.counts["problems"] == 0
    assert made.problems.schema["synthetic_tests"] == pl.String
