"""Evaluate: scores against plain computations on the rows, and what another model, k or killed build runs again."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from datafactory.errors import StageError, UserError
from datafactory.evaluating.comparing import compared
from datafactory.evaluating.scores import of_model
from datafactory.evaluating.strata import by_stratum, strata
from datafactory.evaluating.tries import Try, tries
from datafactory.plugins import Use

from ..conftest import built, command, write_rows

MATH = (Use("verifier", "math"),)
# right where the seed of the rollout says so: a better teacher is right more often
TEACHER = """
import os

def answer(question, rollout, seed):
    log = os.environ.get("TEACHER_LOG")
    if log:
        with open(log, "a") as stream:
            stream.write(NAME + f" {question} {rollout}\\n")
    a, b = (int(word) for word in question.rstrip("?").split(" + "))
    said = a + b + (seed % 10 >= SURE)
    return f"<think>\\nI add.\\n</think>\\n\\nThe answer is \\\\boxed{{{said}}}."
"""
RECIPE = """name: exam
seed: 1
models:
  poor: {engine: scripted, function: ./poor.py}
  good: {engine: scripted, function: ./good.py}
  fair: {engine: scripted, function: ./fair.py}
stages:
  problems: {do: load, path: problems.jsonl, domain: math, rows_per_shard: 10}
  scores: {do: evaluate, from: problems, models: [poor, good], with: [math, format], group_size: 6}
"""


@pytest.fixture
def exam(tmp_path: Path) -> Path:
    folder = tmp_path / "exam"
    folder.mkdir()
    for name, sure in (("poor", 3), ("good", 8), ("fair", 5)):
        (folder / f"{name}.py").write_text(TEACHER.replace("NAME", f'"{name}"').replace("SURE", str(sure)))
    rows = [{"question": f"{n} + {2 * n}?", "answer": 3 * n, "level": 1 + n % 3} for n in range(24)]
    write_rows(folder / "problems.jsonl", rows)
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder / "recipe.yaml"


def found_by(recipe: Path, *assignments: str) -> tuple[dict[str, Any], pl.DataFrame]:
    planned = built(recipe, *assignments)
    step = planned.steps["scores"]
    return json.loads((step.folder / "scores.json").read_text()), step.dataset.scan().collect()


def test_scores_are_what_the_rows_say(exam: Path):
    found, rows = found_by(exam, "stages.scores.pass_at=[1, 2, 6]")
    assert [scores["name"] for scores in found["scores"]] == ["poor", "good"]
    assert rows.height == 2 * 24 * 6 and found["setup"]["sampling"]["top_p"] == 0.95
    for place, scores in enumerate(found["scores"]):
        own = rows[place * 144 : (place + 1) * 144]
        groups = [group["math"].to_list() for group in own.partition_by("problem_id", maintain_order=True)]
        assert scores["pass@1"] == pytest.approx(np.mean(groups))
        assert scores["pass@6"] == pytest.approx(np.mean([max(group) for group in groups]))
        pairs = [np.mean([max(pair) for pair in itertools.combinations(group, 2)]) for group in groups]
        assert scores["pass@2"] == pytest.approx(np.mean(pairs))
        # the wrong answers of a problem are all one answer here: the right one wins with more than half
        won = [(sum(group) > 3) + (sum(group) == 3) / 2 for group in groups]
        assert scores["cons@6"] == pytest.approx(np.mean(won))
        for name in ("pass@1", "pass@2", "pass@6", "cons@6", "format"):
            low, high = scores["intervals"][name]
            assert low <= scores[name] <= high
        spread = np.std([np.mean(group) for group in groups]) / np.sqrt(24)
        low, high = scores["intervals"]["pass@1"]
        assert high - low == pytest.approx(2 * 1.96 * spread, rel=0.15)
        levels = {part["value"]: part for part in scores["strata"]["difficulty"]}
        assert list(levels) == ["1", "2", "3"] and {part["problems"] for part in levels.values()} == {8}
        hard = [np.mean(group) for n, group in enumerate(groups) if n % 3 == 2]
        assert levels["3"]["pass@1"] == pytest.approx(np.mean(hard))
    assert found["setup"]["difficulty"] == "level" and "domain" not in found["scores"][0]["strata"]


def test_another_model_or_k_asks_nothing_of_the_others_again(exam: Path, log: Path):
    found_by(exam)
    asked = log.read_text().splitlines()
    assert len(asked) == 2 * 24 * 6
    before, _ = found_by(exam)
    assert len(log.read_text().splitlines()) == len(asked)
    after, rows = found_by(exam, "stages.scores.models=[poor, fair, good]", "stages.scores.pass_at=[3]")
    new = log.read_text().splitlines()[len(asked) :]
    assert len(new) == 24 * 6 and {line.split()[0] for line in new} == {"fair"}
    # a model whose answers stand in the store is not even started
    assert len(list((exam.parent / "outputs/store").glob("answers-*"))) == 3
    assert [scores["name"] for scores in after["scores"]] == ["poor", "fair", "good"] and rows.height == 3 * 24 * 6
    assert after["scores"][2]["pass@1"] == before["scores"][1]["pass@1"]
    assert [(pair["model"], pair["against"]) for pair in after["comparisons"]] == [
        ("fair", "poor"), ("good", "poor"), ("good", "fair"),
    ]  # fmt: skip


def test_what_was_answered_before_a_build_was_stopped_is_not_asked_again(exam: Path, log: Path):
    dying = exam.read_text().replace("good.py}", "good.py, dies_after: 80, batch_size: 1}")
    exam.write_text(dying)
    with pytest.raises(StageError):
        built(exam)
    exam.write_text(RECIPE)
    found, _ = found_by(exam)
    lines = log.read_text().splitlines()
    good = [line for line in lines if line.startswith("good")]
    assert len(lines) - len(good) == 24 * 6 and 24 * 6 <= len(good) <= 24 * 6 + 16
    assert found["scores"][1]["rollouts"] == 24 * 6


def test_mistakes_in_the_recipe_are_told_before_anything_runs(exam: Path):
    for setting, line in (
        ("pass_at=[7]", "pass@7 needs `group_size` of 7 or more, not 6"),
        ("models=[poor, poor]", "'poor' stands twice"),
        ("budgets=[8, 4]", "should be numbers of tokens above 0, the least first"),
        ("budgets=[32768]", "leave no token for an answer: sampling.max_tokens is 32,768"),
        ("extend=2", "needs `budgets`"),
        ("trained_on={best: problems}", "is none of the models here: poor, good"),
        ("trained_on={good: problem}", "no stage named 'problem' above. Did you mean 'problems'?"),
        ("trained_on={good: 3}", "should be a path, the name of a stage above, or a list of them"),
    ):
        with pytest.raises(UserError) as told:
            built(exam, f"stages.scores.{setting}")
        assert line in str(told.value)


def test_a_model_that_cannot_go_on_is_refused_where_it_has_to(exam: Path):
    told = "models.0: `budgets` needs a model that goes on behind the beginning of an answer, and 'poor' cannot: "
    for engine, why in (
        ("engine: scripted, gold: problems.jsonl", "its answers come whole from a file"),
        ("engine: openai, model: gpt, base_url: https://api.openai.com/v1", "api.openai.com/v1 only begins answers"),
    ):
        exam.write_text(RECIPE.replace("engine: scripted, function: ./poor.py", engine))
        with pytest.raises(UserError) as said:
            built(exam, "stages.scores.budgets=[8]")
        assert told in str(said.value) and why in str(said.value)
        assert str(said.value).startswith(f"{exam}:9: ")


def rows(groups: dict[str, list[float | None]], **columns: list[Any]) -> pl.DataFrame:
    table = [
        {"problem_id": name, "answer": "1", "tests": None, "choices": None, "meta": None, "response": f"\\boxed{{{r}}}"}
        | {"finish_reason": "stop" if r is not None else "error", "completion_tokens": 4, "math": r}
        for name, rewards in groups.items()
        for r in rewards
    ]
    return pl.DataFrame(
        table, schema_overrides={"math": pl.Float64, "tests": pl.String, "meta": pl.String}
    ).with_columns(pl.Series(name, values) for name, values in columns.items())


def test_what_is_undecided_is_counted_and_never_0():
    table = rows({"a": [1.0, None, None], "b": [None, None, None], "c": [0.0, 1.0, 1.0]})
    scores = of_model(table, tries(table, "math", voted=True), MATH, (1, 2, 3))
    assert scores["pass@1"] == pytest.approx((1 + 2 / 3) / 2)
    assert scores["pass@2"] == scores["pass@3"] == 1.0, "of c alone: a has one decided rollout, b none"
    assert (scores["undecided"], scores["undecided_problems"], scores["problems"]) == (5, 1, 3)
    nothing = rows({"b": [None, None]})
    scores = of_model(nothing, tries(nothing, "math", voted=True), MATH, (1, 2))
    assert scores["pass@1"] is scores["pass@2"] is scores["cons@2"] is scores["intervals"]["pass@1"] is None


def test_truncated_rollouts_count_as_they_were_verified():
    table = rows({"a": [1.0, 0.0], "b": [1.0, 1.0]}, finish_reason=["length", "length", "stop", "length"])
    scores = of_model(table, tries(table, "math"), MATH, (1,))
    assert scores["truncated"] == 0.75 and scores["pass@1"] == 0.75


def test_problems_that_tests_decide_are_not_voted_on():
    table = rows({"a": [1.0, 0.0]}, answer=["", ""], tests=["[]", "[]"])
    scores = of_model(table, tries(table, "math", voted=True), MATH, (1, 2))
    assert scores["cons@2"] is None and scores["pass@2"] == 1.0


def test_equal_answers_are_one_in_a_vote_however_they_are_written():
    spelled = [r"\boxed{3}", r"\boxed{3}", r"\boxed{\frac12}", r"\boxed{0.5}", r"\boxed{2/4}"]
    table = rows({"a": [0.0, 0.0, 1.0, 1.0, 1.0]}, response=spelled)
    assert of_model(table, tries(table, "math", voted=True), MATH, (5,))["cons@5"] == 1.0


def tried(means: dict[str, float | None], **columns: Any) -> dict[str, Try]:
    return {name: Try({"problem_id": name, **columns}, (mean,)) for name, mean in means.items()}


def test_two_models_are_compared_problem_by_problem():
    stream = np.random.default_rng(3)
    theirs = stream.beta(1, 2, 60)
    mine = np.clip(theirs + stream.normal(0.08, 0.05, 60), 0, 1)  # much less apart than problems are
    pair = compared(tried(dict(zip(map(str, range(60)), mine, strict=True))), tried(dict(enumerate_(theirs))))
    assert pair["difference"] == pytest.approx(np.mean(mine - theirs))
    assert pair["ratio"] == pytest.approx(mine.mean() / theirs.mean())
    half = 1.96 * np.std(mine - theirs) / np.sqrt(60)
    assert pair["interval"] == pytest.approx([pair["difference"] - half, pair["difference"] + half], abs=0.004)
    low, high = pair["ratio_interval"]
    assert 1 < low < pair["ratio"] < high and pair["p"] < 0.001
    wins = sum(ours > other for ours, other in zip(mine, theirs, strict=True))
    losses = sum(ours < other for ours, other in zip(mine, theirs, strict=True))
    assert (pair["wins"], pair["losses"], pair["ties"]) == (wins, losses, 60 - wins - losses)


def enumerate_(values: Any) -> list[tuple[str, float]]:
    return [(str(at), value) for at, value in enumerate(values)]


def test_the_chance_of_a_difference_is_that_of_all_signs():
    ahead = [0.5, 0.25, -0.25, 0.75, 0.0, 0.5]
    mine, theirs = dict(enumerate_([max(a, 0) for a in ahead])), dict(enumerate_([max(-a, 0) for a in ahead]))
    signs = list(itertools.product((-1, 1), repeat=6))
    far = [abs(np.dot(sign, ahead)) >= abs(sum(ahead)) - 1e-9 for sign in signs]
    assert compared(tried(mine), tried(theirs))["p"] == pytest.approx(np.mean(far), abs=0.015)
    same = compared(tried(mine), tried(mine))
    assert same["p"] == 1.0 and same["interval"] == [0, 0] and same["ratio"] == 1


def test_problems_undecided_in_one_model_are_left_out_of_the_pair_and_counted():
    pair = compared(tried({"a": 1.0, "b": None, "c": 0.0}), tried({"a": 0.0, "b": 1.0, "c": None}))
    assert (pair["problems"], pair["left_out"], pair["difference"]) == (1, 2, 1.0)
    assert pair["ratio"] is pair["interval"] is None, "the other solves nothing, and one problem is no sample"
    pair = compared(tried({"a": 1.0, "b": 0.0}), tried({"a": 0.0, "b": 0.0}))
    assert pair["ratio"] is None and pair["ratio_interval"] == [None, None]
    assert compared(tried({"a": None}), tried({"a": 1.0}))["difference"] is None


def parted(values: list[Any], name: str = "difficulty", given: str | None = None) -> dict[str, list[tuple[Any, int]]]:
    first = {str(at): Try({"problem_id": str(at), name: value}, (0.5,)) for at, value in enumerate(values)}
    found = by_stratum(first, strata(first, given))
    return {way: [(part["value"], part["problems"]) for part in parts] for way, parts in found.items()}


def test_problems_are_parted_by_what_is_said_of_them():
    assert parted(["Level 2", "Level 1", "Level 2", None]) == {
        "difficulty": [("Level 1", 1), ("Level 2", 2), (None, 1)]
    }
    assert parted([10, 9, 9, 9])["difficulty"] == [("9", 3), ("10", 1)], "numbers stand in their order"
    assert parted([2.0, 1, 1.0, "1"])["difficulty"] == [("1", 3), ("2", 1)], "a value is one however it is written"
    thirds = parted([float(n) for n in range(30)])["difficulty"]
    assert [count for _, count in thirds] == [10, 10, 10] and thirds[0][0] == "0 to 9"
    many = parted([f"s{n % 20}" for n in range(60)] + ["s3"] * 5, "source")["source"]
    assert len(many) == 12 and many[-1] == ("others", 27) and ("s3", 8) in many
    assert parted(['{"tier": 1}', '{"tier": 2}'], "meta", "tier")["difficulty"] == [("1", 1), ("2", 1)]


def test_without_a_word_on_difficulty_the_first_models_pass_rate_parts_them():
    means = {"a": 0.0, "b": 0.2, "c": 0.25, "d": 0.7, "e": 0.75, "f": 1.0, "g": None}
    parts = strata(tried(means), None)
    bands = [*["hard"] * 2, *["medium"] * 2, *["easy"] * 2, None]
    assert parts["difficulty"].of == dict(zip("abcdefg", bands, strict=True))
    other = by_stratum(tried(dict.fromkeys("abcdefg", 0.5) | {"a": None}), parts)["difficulty"]
    assert [(part["value"], part["problems"]) for part in other] == [
        ("hard", 1), ("medium", 2), ("easy", 2), (None, 1),
    ]  # fmt: skip


def test_a_first_model_that_solves_nothing_parts_nothing(exam: Path):
    rows = [{"question": f"{n} + {2 * n}?", "answer": 3 * n} for n in range(6)]
    write_rows(exam.parent / "problems.jsonl", rows)
    (exam.parent / "poor.py").write_text(TEACHER.replace("NAME", '"poor"').replace("SURE", "0"))
    found, _ = found_by(exam)
    assert found["scores"][0]["pass@1"] == 0 < found["scores"][1]["pass@1"]
    assert [scores["strata"] for scores in found["scores"]] == [{}, {}], "the second's own bands are not the first's"
    assert found["setup"]["difficulty"] is None


def test_problems_that_tell_nothing_are_refused_before_a_model_is_asked(exam: Path, log: Path):
    for settings, line in (
        ("difficulty: tier", "difficulty: no problem has a number or a text under 'tier'"),
        ("from: twice", "from: 48 rows are of 24 problems"),
        ("from: open", "no problem has an answer or tests, and without them `math` decides nothing"),
    ):
        key, _, value = settings.partition(": ")
        twice = "  twice: {do: generate, from: problems, model: fair, group_size: 2}\n"
        twice += "  open: {do: load, path: open.jsonl}\n"
        exam.write_text(RECIPE.replace("  scores:", twice + "  scores:"))
        write_rows(exam.parent / "open.jsonl", [{"question": "Write a poem."}])
        with pytest.raises(StageError) as told:
            built(exam, f"stages.scores.{key}={value}")
        assert line in str(told.value)
    assert {line.split()[0] for line in log.read_text().splitlines()} == {"fair"}


def test_models_from_a_command_line_are_compared_and_written_as_json(exam: Path):
    gone = command("evaluate", "./nothing", "./nothing2", "--on", "problems.jsonl", cwd=exam.parent)
    assert gone.returncode == 2 and "there is no model folder" in gone.stderr and "Traceback" not in gone.stderr
