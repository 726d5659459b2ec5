"""Which held-out problems stand in what a model was trained on, and the score without them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datafactory.build import plan
from datafactory.errors import StageError
from datafactory.evaluating.seen import shared, told, written
from datafactory.evaluating.tries import Try
from datafactory.recipe import read_recipe
from datafactory.stages.evaluate import SCORES
from datafactory.store import Dataset, Draft

from ..conftest import TEACHER, built, write_rows

WORDS = [f"{a}{b}{c}" for a in "bdgk" for b in "aiou" for c in "lmnrst"]


def sentence(stream: random.Random, count: int) -> str:
    return " ".join(stream.choices(WORDS, k=count))


def grams(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[at : at + 10]) for at in range(len(words) - 9)}


def problems(folder: Path, questions: list[str], solutions: list[str] | None = None) -> Dataset:
    draft = Draft(folder)
    rows = {
        "problem_id": [f"p{at}" for at in range(len(questions))],
        "question": questions,
        "answer": ["1"] * len(questions),
        "meta": [json.dumps({"solution": text}) for text in solutions or [""] * len(questions)],
    }
    draft.write(0, pl.DataFrame(rows))
    return draft.finish(1, {"fingerprint": "problems"})


def test_every_problem_of_which_ten_words_in_a_row_were_trained_on_is_found(tmp_path: Path):
    stream = random.Random(5)
    questions = [sentence(stream, 30) for _ in range(20)]
    questions[3] = sentence(stream, 12) + " " + " ".join(questions[2].split()[5:20])  # two share their words
    solutions = [sentence(stream, 25) for _ in range(20)]
    rows = [sentence(stream, 60) for _ in range(40)]
    for row, text in ((4, questions[2][: len(questions[2]) // 2]), (9, questions[7]), (12, solutions[11])):
        rows[row] += " " + text + " " + sentence(stream, 5)
    rows[20] += " " + " ".join(questions[15].split()[:9])  # nine words are not ten
    file = written(problems(tmp_path / "p", questions, solutions), tmp_path / "problems.parquet")
    found = shared(file, "rows", pl.DataFrame({"response": rows}))
    trained = set().union(*map(grams, rows))
    expected = {f"p{at}" for at in range(20) if (grams(questions[at]) | grams(solutions[at])) & trained}
    assert set(found["problem_id"]) == expected and {"p7", "p11"} <= expected and "p15" not in expected
    for key, words in found.iter_rows():
        whole = f"{questions[int(key[1:])]} {solutions[int(key[1:])]}"
        assert words in whole and len(words.split()) == 10


@pytest.mark.parametrize(
    ("rows", "held"),
    [
        ({"question": ["What is 3 + 4?"], "response": ["7"]}, {"p0"}),
        ({"problem": ["what is 3 +  4"], "reasoning": ["so"], "response": ["7"]}, {"p0"}),
        ({"question": ["What is 3 + 5?"], "response": ["What is 3 + 4?"]}, set()),
        ({"messages": [[{"role": "user", "content": "What is 3 + 4?"}, {"role": "assistant", "content": "7"}]]}, {"p0"}),
        ({"messages": [[{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "What is 3 + 4?"}]]}, set()),
    ],
)  # fmt: skip
def test_a_short_question_is_found_where_it_is_the_question(tmp_path: Path, rows: dict[str, Any], held: set[str]):
    file = written(problems(tmp_path / "p", ["What is 3 + 4?", "What is 30 + 4?"]), tmp_path / "problems.parquet")
    assert set(shared(file, "rows", pl.DataFrame(rows))["problem_id"]) == held


def test_a_training_set_without_texts_is_refused(tmp_path: Path):
    file = written(problems(tmp_path / "p", ["What is 3 + 4?"]), tmp_path / "problems.parquet")
    with pytest.raises(StageError, match="trained_on: mine has no text under any of question, .*; it has tokens"):
        shared(file, "mine", pl.DataFrame({"tokens": ["x"]}))


def test_the_score_is_told_with_and_without_them():
    tried = {name: Try({"problem_id": name}, (mean,)) for name, mean in (("a", 1.0), ("b", 0.5), ("c", 0.0))}
    said = told({"a": "ten words", "elsewhere": "others"}, ["dataset"], tried)
    assert (said["problems"], said["share"], said["ngram"]) == (1, 1 / 3, 10)
    assert (said["without"]["pass@1"], said["of_them"]["pass@1"], said["without"]["problems"]) == (0.25, 1.0, 2)
    assert said["examples"] == [{"problem_id": "a", "words": "ten words"}] and said["trained_on"] == ["dataset"]


def test_a_recipe_says_what_a_model_from_elsewhere_was_trained_on(tmp_path: Path):
    write_rows(tmp_path / "problems.jsonl", [{"question": f"{n} + {n}?", "answer": 2 * n} for n in range(12)])
    write_rows(tmp_path / "file.jsonl", [{"question": f"{n} + {n}?", "answer": 2 * n} for n in range(9, 15)])
    (tmp_path / "teacher.py").write_text(TEACHER)
    (tmp_path / "recipe.yaml").write_text(
        "name: exam\nmodels: {one: {engine: scripted, function: ./teacher.py}, "
        "two: {engine: scripted, function: ./teacher.py, latency: 0.001, price: {prompt: 0}}}\n"
        "stages:\n"
        "  seen: {do: load, path: problems.jsonl, limit: 3}\n"
        "  test: {do: load, path: problems.jsonl}\n"
        "  scores: {do: evaluate, from: test, models: [one, two], with: [math], group_size: 2,\n"
        "    trained_on: {two: [seen, file.jsonl]}}\n"
    )
    step = built(tmp_path / "recipe.yaml").steps["scores"]
    one, two = json.loads((step.folder / SCORES).read_text())["scores"]
    assert one["contamination"] is None
    assert two["contamination"]["trained_on"] == ["seen", "file.jsonl"] and two["contamination"]["problems"] == 3 + 3
    assert two["contamination"]["without"]["problems"] == 6


def test_of_a_model_that_the_recipe_trains_it_is_known(tmp_path: Path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base/config.json").write_text("{}")
    write_rows(tmp_path / "rows.jsonl", [{"question": "1 + 1?", "answer": 2, "response": "2"}])
    (tmp_path / "recipe.yaml").write_text(
        "name: chain\nmodels: {base: {model: ./base}}\nstages:\n"
        "  first: {do: load, path: rows.jsonl, response: response}\n"
        "  cold: {do: merge, from: [first]}\n"
        "  dev: {do: distill, from: cold, model: base}\n"
        "  problems: {do: load, path: rows.jsonl}\n"
        "  rl: {do: grpo, from: problems, model: dev, with: [math]}\n"
        "  again: {do: distill, from: cold, model: base}\n"
    )
    planned = plan(read_recipe(tmp_path / "recipe.yaml"), tmp_path / "outputs")
    known = {name: dict(planned.models[name].trained_on) for name in ("base", "dev", "rl", "again")}
    cold, problems = planned.steps["cold"].folder, planned.steps["problems"].folder
    assert known == {
        "base": {},
        "dev": {"cold": cold},
        "rl": {"cold": cold, "problems": problems},
        "again": {"cold": cold},
    }
