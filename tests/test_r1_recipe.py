"""recipes/r1_800k.yaml: its plan against sums by hand, and the same stages built small with scripted models."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from datafactory.build import plan
from datafactory.outlook.reckoned import outlook
from datafactory.recipe import read_recipe

from .conftest import REPOSITORY, command, write_rows

RECIPE = REPOSITORY / "recipes/r1_800k.yaml"
# samples and mean tokens of Table 5 (arXiv:2501.12948)
TABLE_5 = {"math": (395_285, 6094.2), "code": (211_129, 7435.7), "stem": (10_124, 4928.8),
           "logic": (10_395, 2739.0), "general": (177_812, 1419.8)}  # fmt: skip

INTERIM = """
import json
import random
from pathlib import Path

ANSWERS = json.loads((Path(__file__).parent / "answers.json").read_text())

def answer(question, rollout, seed):
    question = question.partition("\\nA)")[0]
    wrong = random.Random(seed).random() < 0.3
    said = next(said for known, said in ANSWERS.items() if known in question)
    if wrong:
        said = said.replace("* 2", "* 5") if "```" in said else "unknown"
    thinking = f"Let me look at this closely, attempt {rollout}. The way to go is short, so I take it and check it once."
    said = said if "```" in said else f"The answer is \\\\boxed{{{said}}}."
    return f"<think>\\n{thinking}\\n</think>\\n\\n{said}"
"""
GENERAL = """
import json
from tests.judges.scenes import fields, code_of

def reply(messages, rollout, seed):
    prompt = messages[-1]["content"]
    if '"verdict"' in prompt:
        shown = fields(messages)
        right = "unknown" not in shown["response"]
        return json.dumps({"code": code_of(messages), "analysis": "seen", "verdict": "correct" if right else "incorrect"})
    if '"readable"' in prompt:
        grade = 2 if "dull" in prompt else 5
        return json.dumps({"code": code_of(messages), "analysis": "seen", "readable": grade, "coherent": grade, "friendly": grade})
    return ("They want a short text and they say for whom it is. I should keep the tone warm, begin with what matters "
            "to them most, and leave out what they know already. Then a friendly word at the end.")
"""
WORDS = ["sun", "rain", "hills", "music", "paper", "street", "lamp", "coat", "harbour", "apple", "winter", "song",
         "page", "friend", "quiet", "morning", "letters", "travel", "bright", "window", "stories"]  # fmt: skip


def lines(stdout: str) -> dict[str, list[str]]:
    """The table's lines by stage, and the sums by label."""
    found = {}
    for line in stdout.partition("\n\n")[2].splitlines():
        label, *rest = re.split(r"\s{2,}", line.strip())
        found[label] = [part.lstrip("~=") for part in rest]
    return found


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> str:
    ended = command("plan", RECIPE, "--outputs", tmp_path_factory.mktemp("outputs"), HF_HUB_OFFLINE="1")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_plan_comes_to_table_5_without_a_network(planned: str) -> None:
    said = lines(planned)
    assert said["rows of dataset"] == ["804,745"]
    for domain, (rows, _) in TABLE_5.items():
        assert said[domain][-1] == f"{rows:,}"  # the sum's line stands below the stage's of that name
    tokens = sum(rows * mean for rows, mean in TABLE_5.values())
    assert said["tokens of dataset"] == [f"{tokens / 1e9:.3g} G"]


def test_the_sums_are_those_of_the_numbers_on_the_page(planned: str) -> None:
    page = yaml.safe_load(RECIPE.read_text())
    stages, said = page["stages"], lines(planned)
    rows = {name: stage["expect"]["rows"] for name, stage in stages.items() if "rows" in stage.get("expect", {})}
    rows |= {"logic": sum(stages[name]["size"] for name in ("zebra", "cipher", "countdown"))}
    tokens, asked = 0.0, 0.0
    for domain in ("math", "code", "stem", "logic"):
        expect = stages[f"{domain}_traces"]["expect"]
        rollouts = rows[domain] * expect["rollouts"]
        assert said[f"{domain}_traces"][1].replace(",", "") == f"{rollouts:.0f}"
        asked, tokens = asked + rollouts, tokens + rollouts * expect["completion_tokens"]
        right = rollouts * stages[f"{domain}_right"]["expect"]["keep"]
        if f"{domain}_judged" in stages:
            asked, tokens = asked + right, tokens + right * stages[f"{domain}_judged"]["expect"]["completion_tokens"]
        kept = right * 0.95 * stages.get(f"{domain}_accepted", {"expect": {"keep": 1}})["expect"]["keep"]
        assert kept >= TABLE_5[domain][0], f"too little of {domain} for Table 5"
    think = stages["thought"]["expect"]
    written = rows["instructed"] * think["asked"] * think["rollouts"]
    asked += written + rows["instructed"]
    tokens += (
        written * think["completion_tokens"] + rows["instructed"] * stages["graded"]["expect"]["completion_tokens"]
    )
    assert said["completions"] == [f"{asked:,.0f}"] and said["generated tokens"] == [f"{tokens / 1e9:.3g} G"]
    hours = tokens / 14800 / 3600 * 8
    assert said["GPU hours of models"] == [f"{hours:,.0f}"]
    whole = sum(count * mean for count, mean in TABLE_5.values())
    trained = said["student_32b"]
    assert float(trained[1].split()[0]) == pytest.approx(2 * whole / 1e9, rel=0.05)  # and the questions
    assert said["dataset"][1] == "804,745"


def test_each_student_starts_from_its_base_with_the_papers_rate() -> None:
    recipe = read_recipe(RECIPE)
    rates = {"Qwen/Qwen2.5-Math-1.5B": 1e-4, "Qwen/Qwen2.5-Math-7B": 8e-5, "Qwen/Qwen2.5-14B": 7e-5,
             "Qwen/Qwen2.5-32B": 6e-5, "meta-llama/Llama-3.1-8B": 5e-5,
             "meta-llama/Llama-3.3-70B-Instruct": 2e-5}  # fmt: skip
    students = [stage.config for stage in recipe.stages.values() if stage.kind == "distill"]
    bases = {config.model: recipe.models[config.model].weights for config in students}  # type: ignore[attr-defined]
    assert {bases[config.model].reference: config.learning_rate for config in students} == rates  # type: ignore
    assert {(config.epochs, config.max_length) for config in students} == {(2, 32768)}  # type: ignore[attr-defined]


def small(folder: Path) -> list[str]:
    """The files of a small variant, and what sets the recipe to them."""
    import reasoning_gym

    draw = random.Random(0)
    answers: dict[str, str] = {}
    sums = [{"problem": f"Compute {n} + {3 * n} for the baker.", "answer": str(4 * n)} for n in range(3, 15)]
    answers |= {row["problem"]: row["answer"] for row in sums}
    programs = []
    for n in range(6):
        question = f"Task {n}: read a whole number and print it {n + 1} times two."
        tests = {"inputs": ["3\n", "5\n"], "outputs": [f"{6 * (n + 1)}\n", f"{10 * (n + 1)}\n"]}
        programs.append({"question": question, "input_output": json.dumps(tests)})
        answers[question] = f"```python\nn = int(input())\nprint(n * 2 * {n + 1})\n```"
    choices = [
        {
            "question": f"Which of these is the number {n}?",
            "choices": [str(n), str(n + 50), str(n + 90), str(n + 70)],
            "answer": 0,
        }
        for n in range(10, 18)
    ]
    answers |= {row["question"]: row["choices"][0] for row in choices}
    for name, size in (("zebra_puzzles", 6000), ("caesar_cipher", 4000), ("countdown", 4000)):
        puzzles = reasoning_gym.create_dataset(name, size=size, seed=0)
        for at in range(12):
            entry = puzzles[at]
            answers[entry["question"]] = entry["metadata"].get("expression") or entry["answer"]
    topics = ["gardens", "trains", "soup", "chess", "rivers", "clocks", "kites", "bread"]
    chat = []
    for n in range(24):
        words = " ".join(draw.sample(WORDS, 9))
        question = f"Write a few lines on {topics[n % 8]} for reader {n}." + (
            f" It should hold the words {words}, and be warm." * 2 if n % 2 else ""
        )
        text = " ".join(draw.sample(WORDS, 10))
        chat.append(
            {
                "messages": [
                    {"role": "user", "content": question},
                    {"role": "assistant", "content": f"{text.capitalize()}{' dull' if n % 12 == 0 else ''}."},
                ]
            }
        )
    (folder / "answers.json").write_text(json.dumps(answers))
    (folder / "interim.py").write_text(INTERIM)
    (folder / "general.py").write_text(GENERAL)
    for name, rows in (("math", sums), ("code", programs), ("stem", choices), ("chat", chat)):
        write_rows(folder / f"{name}.jsonl", rows)
    test = write_rows(
        folder / "test.jsonl",
        [
            {
                "question": "How many apples are in the eleven baskets that Ada carried home from the market last Sunday?",
                "answer": "7",
            }
        ],
    )
    sources: dict[str, dict[str, Any]] = {
        "aime24": {"path": str(test)}, "math500": {"path": str(test), "skip": 0}, "gpqa": {"path": str(test)},
        "math": {"path": str(folder / "math.jsonl"), "question": "problem", "domain": "math", "with": ["math"]},
        "code": {"path": str(folder / "code.jsonl"), "tests": "input_output", "domain": "code"},
        "stem": {"path": str(folder / "stem.jsonl"), "choices": "choices", "domain": "stem", "with": ["choice"], "shuffle_choices": True},
        "instructed": {"path": str(folder / "chat.jsonl"), "shape": "messages", "domain": "general"},
    }  # fmt: skip
    scripts = {
        "interim": {"engine": "scripted", "function": str(folder / "interim.py")},
        "general": {"engine": "scripted", "function": str(folder / "general.py")},
    }
    sets = [f"stages.{name}={json.dumps({'do': 'load', **source})}" for name, source in sources.items()]
    sets += [f"models.{name}={json.dumps(engine)}" for name, engine in scripts.items()]
    mixture = {"math": 20, "code": 12, "stem": 4, "logic": 10, "general": 16}
    sets += [
        f"stages.dataset.mixture={json.dumps(mixture)}",
        "stages.dataset.shortfall=report",
        "stages.dataset.tokenizer=null",
    ]
    return [word for assignment in sets for word in ("--set", assignment)]


def test_the_recipe_runs_end_to_end_with_scripted_models(tmp_path: Path) -> None:
    sets = small(tmp_path)
    ended = command(
        "build",
        RECIPE,
        "--outputs",
        tmp_path / "outputs",
        "--limit",
        8,
        "--until",
        "dataset",
        *sets,
        HF_HUB_OFFLINE="1",
        PYTHONPATH=str(REPOSITORY),
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    rows = pl.scan_parquet(tmp_path / "outputs/r1_800k/dataset/data/*.parquet").collect()
    assert set(rows["domain"]) == set(TABLE_5)
    for domain, least in {"math": 12, "code": 10, "stem": 4, "logic": 8, "general": 6}.items():
        assert rows.filter(pl.col("domain") == domain).height >= least, domain
    reasoned = rows.filter(pl.col("domain") != "general")
    assert reasoned["reasoning"].null_count() == 0 and not reasoned["response"].str.contains("unknown").any()
    assert rows.filter(pl.col("math").is_not_null())["math"].unique().to_list() == [1.0]
    assert rows.filter(pl.col("correctness").is_not_null())["correctness"].unique().to_list() == [1.0]
    general = rows.filter(pl.col("domain") == "general")
    long = general.filter(pl.col("problem").str.len_chars() > 120)
    assert long.height and long["reasoning"].null_count() == 0
    assert general.filter(pl.col("problem").str.len_chars() <= 120)["reasoning"].is_null().all()
    assert not general["response"].str.contains("dull").any()
    assignments = tuple(sets[1::2])
    after = outlook(plan(read_recipe(RECIPE, assignments, 8), tmp_path / "outputs"))
    measured = {each.name: each for each in after}["dataset"].count
    assert measured.value == rows.height and measured.measured
