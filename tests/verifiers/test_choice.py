"""Choice: which option a response settles on."""

import gzip
import json
from pathlib import Path

import pytest

from datafactory.plugins import NoSettings
from datafactory.types import Completion, Problem
from datafactory.verifiers import choice

MMLU = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "problems" / "mmlu_stem.jsonl.gz"
CITIES = ("Paris", "$y$", "London", "a dog")


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        (r"So \boxed{B}.", "B"),
        (r"\boxed{\text{(B)}}", "B"),
        (r"\boxed{(C) London}", "C"),
        (r"\boxed{London}", "C"),
        (r"The answer is \(\boxed{y}\).", "B"),
        ("The answer is (B).", "B"),
        ("the answer is (b)", "B"),
        ("Answer: B", "B"),
        ("**Answer:** B", "B"),
        ("Answer:\nB", "B"),
        ("The correct answer is option C", "C"),
        ("Option C is the correct answer.", "C"),
        ("The best choice would be **(C) London**.", "C"),
        ("答案是B", "B"),
        ("故选：（Ｃ）", "C"),
        ("B", "B"),
        ("b.", "B"),
        ("**C**", "C"),
        ("C. London", "C"),
        ("London", "C"),
        ("I think it's (D).", "D"),
        ("The answer is A because it is the capital.", "A"),
        ("The answer is (A). Wait, no. The answer is D.", "D"),
        ("<answer>B</answer>", "B"),
    ],
)
def test_the_option_that_a_response_settles_on(response, letter):
    assert choice.settled_on(response, CITIES) == letter


@pytest.mark.parametrize(
    "response",
    [
        "",
        "A dog is an animal.",
        "A train is fast.",
        "The answer is a train",
        "The answer is A train that runs",
        "The answer is not A",
        "I think so",
        "The answer is E",  # there are four options
        "The answer is A and B",
        r"\boxed{A, B}",
        "A. Paris\nB. y\nC. London",
        "Berlin",
    ],
)
def test_a_response_that_settles_on_none(response):
    assert choice.settled_on(response, CITIES) is None


@pytest.mark.parametrize(
    ("gold", "status"),
    [("C", "correct"), ("(C)", "correct"), ("London", "correct"), ("A", "incorrect"), ("Rome", "undecidable_gold")],
)
def test_gold_is_a_letter_or_the_text_of_an_option(gold, status):
    problem = Problem("q", gold, choices=CITIES)
    assert choice.verify(problem, Completion("It must be:\n(C)"), NoSettings()).status == status


def test_no_option_found_is_no_answer():
    verdict = choice.verify(Problem("q", "B", choices=CITIES), Completion("Hard to say."), NoSettings())
    assert (verdict.reward, verdict.status) == (0.0, "no_answer")


def test_ten_options_without_a_list():
    assert choice.settled_on("The answer is J.", ()) == "J"
    assert choice.settled_on("The answer is K.", ()) is None


@pytest.mark.skipif(not MMLU.exists(), reason="needs ../shared/data")
def test_every_gold_option_of_mmlu_is_found_and_no_other():
    rows = [json.loads(line) for line in gzip.decompress(MMLU.read_bytes()).splitlines()[:500]]
    for row in rows:
        problem = Problem(row["question"], "ABCD"[row["answer"]], choices=tuple(row["choices"]))
        gold, other = "ABCD"[row["answer"]], "ABCD"[(row["answer"] + 1) % 4]
        for form in ("{}", r"Hence \boxed{{{}}}", "So the answer is ({}).", "**Answer: {}**", "{}. It is so."):
            right = choice.verify(problem, Completion(form.format(gold)), NoSettings())
            wrong = choice.verify(problem, Completion(form.format(other)), NoSettings())
            assert (right.reward, wrong.reward) == (1.0, 0.0), (form, row)
