"""Other people's problems: their own solutions pass, and what plain Python says of a mutant is what we say."""

from __future__ import annotations

from collections import Counter

import pytest

from datafactory.types import Completion, Problem
from datafactory.verifiers import code

from . import contests, corpus, mutants

pytestmark = pytest.mark.skipif(
    not corpus.SHARED.is_dir(), reason=f"the shared problems are not there: {corpus.SHARED}"
)

CONFIG = code.Config(languages=("python", "cpp", "javascript"), time_limit=20.0)
SAMPLE = {"humaneval": 4, "mbpp": 16, "leetcode": 15}  # every so many-th; all of them: benchmarks/code_verifier.py


def fenced(program: str, tag: str = "python") -> Completion:
    return Completion(f"The program:\n\n```{tag}\n{program}\n```\n")


@pytest.mark.parametrize("name", SAMPLE)
def test_the_solutions_that_problems_come_with_pass(name: str):
    chosen = [problem for problem in corpus.problems(name)[:: SAMPLE[name]] if problem.problem_id not in corpus.FAULTS]
    assert len(chosen) >= 40
    verdicts = code.verify_all([(problem, fenced(mutants.whole(problem))) for problem in chosen], CONFIG)
    wrong = {p.problem_id: v.detail for p, v in zip(chosen, verdicts, strict=True) if v.status != "correct"}
    assert wrong == {}


@pytest.mark.parametrize("key", corpus.FAULTS)
def test_a_solution_that_fails_by_the_datas_fault_makes_the_problem_undecidable(key: str):
    problem = next(problem for problem in corpus.problems(key.partition("/")[0]) if problem.problem_id == key)
    assert code.gold(problem, CONFIG).status == "undecidable_gold"


@pytest.mark.parametrize("name", SAMPLE)
def test_a_mutant_is_right_or_wrong_as_plain_python_says(name: str):
    chosen = [problem for problem in corpus.problems(name)[1 :: 3 * SAMPLE[name]] if mutants.can_judge(problem)]
    pairs = [(problem, mutant) for problem in chosen for mutant in mutants.mutants(problem, 2)]
    judged = [(problem, mutant, mutants.judged(problem, mutant)) for problem, mutant in pairs]
    judged = [(problem, mutant, said) for problem, mutant, said in judged if said != "hangs"]
    verdicts = code.verify_all([(problem, fenced(mutant)) for problem, mutant, _ in judged], CONFIG)
    expected = {"passes": "correct", "fails": "incorrect"}
    differ = [
        (problem.problem_id, mutant, said, verdict.status, verdict.detail)
        for (problem, mutant, said), verdict in zip(judged, verdicts, strict=True)
        if verdict.status != expected[said]
    ]
    assert differ == []
    assert Counter(said for _, _, said in judged)["fails"] >= 10


def contest(key: str) -> Problem:
    return next(problem for problem in corpus.problems("code_contests") if problem.problem_id == key)


@pytest.mark.parametrize(
    ("key", "tag"), [(key, tag) for key, programs in contests.SOLUTIONS.items() for tag in programs]
)
def test_a_solution_passes_the_tests_of_a_contest(key: str, tag: str):
    verdict = code.verify(contest(key), fenced(contests.SOLUTIONS[key][tag], tag), CONFIG)
    assert (verdict.status, verdict.facts["language"]) == ("correct", tag), verdict.detail


@pytest.mark.parametrize(
    ("key", "number"), [(key, k) for key, programs in contests.WRONG.items() for k in range(len(programs))]
)
def test_a_wrong_program_fails_them(key: str, number: int):
    assert code.verify(contest(key), fenced(contests.WRONG[key][number]), CONFIG).status == "incorrect"
