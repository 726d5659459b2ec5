"""reasoning-gym: every answer gets the score that its dataset gives."""

import json

import pytest
import reasoning_gym as gym

from datafactory.types import Completion, Problem
from datafactory.verifiers import reasoning_gym

NAMES = [
    "chain_sum",
    "sudoku",
    "countdown",
    "arc_agi",
    "rearc",
    "knights_knaves",
    "polynomial_equations",
    "graph_color",
]


def problem(name: str, index: int = 0, **settings) -> Problem:
    """A problem as the load stage makes it: the metadata has been through JSON."""
    entry = gym.create_dataset(name, size=index + 1, seed=3, **settings)[index]
    meta = {"reasoning_gym": name, "metadata": json.loads(json.dumps(entry["metadata"])), "config": settings}
    return Problem(entry["question"], entry["answer"], meta=meta)


def verdict(of: Problem, response: str, timeout: float = 30.0):
    return reasoning_gym.verify(of, Completion(response), reasoning_gym.Config(timeout=timeout))


@pytest.mark.parametrize("form", ["{}", "\\boxed{{{}}}", "It is so.\n<answer>\n{}\n</answer>"])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "graph_color"])
def test_the_gold_answer_scores_one(name, form):
    puzzle = problem(name)
    got = verdict(puzzle, form.format(puzzle.answer))
    assert (got.reward, got.status) == (1.0, "correct")


@pytest.mark.parametrize("response", ["The answer is {}.", "We add them up.\n**Answer:** {}", "We get\n#### {}"])
def test_a_number_is_found_where_the_response_states_it(response):
    puzzle = problem("chain_sum")
    assert verdict(puzzle, response.format(puzzle.answer)).reward == 1.0
    assert verdict(puzzle, response.format(int(puzzle.answer) + 1)).reward < 1.0


def test_the_score_is_the_datasets_own():
    puzzle = problem("sudoku")
    rows = puzzle.answer.split("\n")
    answer = "\n".join([rows[1], rows[0], *rows[2:]])
    entry = {"question": puzzle.question, "answer": puzzle.answer, "metadata": dict(puzzle.meta["metadata"])}
    expected = gym.get_score_answer_fn("sudoku")(answer=answer, entry=entry)
    got = verdict(puzzle, f"<answer>{answer}</answer>")
    assert 0 < expected < 1
    assert (got.reward, got.status) == (expected, "incorrect")


def test_a_problem_without_a_single_gold_answer_is_scored_too():
    puzzle = problem("graph_color")
    assert puzzle.answer is None
    coloring = json.dumps(puzzle.meta["metadata"]["possible_answer"])
    assert verdict(puzzle, f"<answer>{coloring}</answer>").reward == 1.0
    assert verdict(puzzle, "<answer>{}</answer>").reward < 0.1


def test_the_datasets_settings_count():
    # one unit of the last place is right: a tenth here, a thousandth by default
    tenths = {"min_num_decimal_places": 1, "max_num_decimal_places": 1}
    for settings, reward in ((tenths, 1.0), ({}, 0.0)):
        puzzle = problem("decimal_arithmetic", **settings)
        nearly = float(puzzle.answer) + 0.05
        assert verdict(puzzle, f"<answer>{nearly}</answer>").reward == reward


@pytest.mark.parametrize("meta", [{}, {"reasoning_gym": "chain_sum"}, {"reasoning_gym": 3, "metadata": {}}])
def test_another_problem_is_undecidable(meta):
    assert verdict(Problem("1+1", "2", meta=meta), "2").status == "undecidable_gold"


def test_a_scorer_that_raises_is_an_error_and_no_wrong_answer():
    got = verdict(problem("prime_factorization"), "<answer>none</answer>")
    assert (got.reward, got.status) == (None, "error")
    assert verdict(Problem("q", "1", meta={"reasoning_gym": "no_such", "metadata": {}}), "1").status == "error"


def test_a_scorer_that_hangs_is_a_timeout():
    got = verdict(problem("polynomial_multiplication"), "<answer>9**9**9**9</answer>", timeout=1)
    assert (got.reward, got.status) == (None, "timeout")


def test_an_answer_that_is_a_program_has_no_effect(tmp_path):
    target = tmp_path / "made"
    got = verdict(problem("spiral_matrix"), f"<answer>[__import__('os').system('touch {target}')]</answer>")
    assert got.reward != 1.0
    assert not target.exists()


def test_an_empty_response_is_no_answer():
    assert verdict(problem("chain_sum"), " \n").status == "no_answer"
