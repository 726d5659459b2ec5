"""Paraphrase beside a plain computation over Python's sets, and on questions told in other words."""

from __future__ import annotations

import json
import re
from math import log
from pathlib import Path

import polars as pl
import pytest

from filters.paraphrase import BOUNDS, evidence, paraphrase

from ..real import path_of, rows_of

EXAM = [
    "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total does it take?",
    "Ann has three red apples and Ben has twice as many. How many apples do they have together?",
    "What is the smallest prime number above one hundred?",
    "王叔叔家有白兔七十只，黑兔二十只，一共有多少只兔子？",
]


@pytest.fixture
def exam(tmp_path: Path) -> Path:
    path = tmp_path / "exam.jsonl"
    lines = [json.dumps({"problem": asked, "solution": "Not compared at all."}) for asked in EXAM]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def rows(*questions: str | None) -> pl.DataFrame:
    return pl.DataFrame({"question": list(questions)}, schema={"question": pl.String})


def runs(text: str) -> set[str]:
    words = re.findall(r"[\u4e00-\u9fff]|[^\W_\u4e00-\u9fff]+", text.lower())
    told = " ".join(words) + " " * 4
    return {told[at : at + 5] for at in range(len(told) - 4)} if words else set()


def by_hand(question: str, exam: list[str]) -> float:
    sets = [runs(asked) for asked in exam]

    def weight(run: str) -> float:
        return log(1 + len(sets) / max(1, sum(run in other for other in sets)))

    own = runs(question)
    return max((sum(map(weight, own & other)) / sum(map(weight, own | other)) for other in sets if own), default=0.0)


def test_it_is_what_sets_of_characters_say(exam):
    asked = [
        *EXAM,
        "A coat takes 4 bolts of red fiber and half that much black fiber. How many bolts in total does it take?",
        "how many apples?",
        "李叔叔家有白兔九十只，一共有多少只兔子？",
        "x",
        "",
        "¿?",
    ]
    measured = paraphrase(rows(*asked, None), against=(exam,)).to_list()
    assert measured[:-1] == pytest.approx([by_hand(question, EXAM) for question in asked])
    assert measured[:4] == pytest.approx([1.0] * 4) and measured[-1] == 0.0


def test_other_names_and_numbers_and_turned_sentences_are_found_and_other_problems_are_not(exam):
    found = [
        "A robe takes 5 bolts of green fiber and half that much black fiber. How many bolts in total does it take?",
        "To make a robe you need 2 bolts of blue fiber and half as much white fiber. How many bolts does it take in total?",
        "How many apples do Zoe and Tim have together, if Zoe has three red apples and Tim has twice as many?",
    ]
    kept = [
        "How many minutes does it take to boil an egg?",
        "Cem has twice as many marbles as Dana, who has 12. How many marbles must he give her for both to have the same?",
        "What is the largest perfect square below two hundred?",
    ]
    measured = paraphrase(rows(*found, *kept), against=(exam,))
    assert measured[:3].min() > BOUNDS["max"] > measured[3:].max()


def test_case_punctuation_and_latex_make_no_difference(exam):
    told = paraphrase(rows("**what** is the SMALLEST prime $number$ above... one hundred"), against=(exam,))
    assert told[0] == pytest.approx(1.0)


def test_a_solution_is_not_a_question(exam):
    assert paraphrase(rows("Not compared at all."), against=(exam,))[0] < 0.1


def test_evidence_names_the_question_most_like_it(exam):
    told = evidence(
        rows("Ann has 3 red apples and Ben has twice as many. How many do they have?", "", "zzz"), against=(exam,)
    )
    assert re.fullmatch(r'0\.\d\d like exam.jsonl row 1, problem: "Ann has three .* together\?"', told[0])
    assert told.to_list()[1:] == [None, None]


def test_problems_of_another_kind_are_kept():
    asked = rows(*(row["problem"] for row in rows_of("problems/leetcode_train_600")))
    measured = paraphrase(asked, against=(path_of("problems/gsm8k_test"), path_of("problems/aime24")))
    assert measured.max() < BOUNDS["max"]
