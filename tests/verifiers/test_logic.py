"""Logic: reasoning-gym's answers get the score that their dataset gives; of knights and knaves every person counts."""

import json
from dataclasses import replace

import pytest
import reasoning_gym as gym

from datafactory.types import Completion, Problem
from datafactory.verifiers import logic

from ..real import rows_of

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
    return logic.verify(of, Completion(response), logic.Config(timeout=timeout))


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


@pytest.mark.parametrize(
    ("name", "answer"), [("prime_factorization", "none"), ("game_of_life", "{}"), ("boxnet", "42")]
)
def test_an_answer_that_the_scorer_chokes_on_is_wrong_where_it_accepts_the_gold_answer(name, answer):
    got = verdict(problem(name), f"<answer>{answer}</answer>")
    assert (got.reward, got.status) == (0.0, "incorrect") and "Error" in got.detail


def test_a_scorer_that_fails_on_the_gold_answer_too_is_an_error_and_no_wrong_answer():
    broken = Problem("q", "x", meta={"reasoning_gym": "prime_factorization", "metadata": {}})
    assert verdict(broken, "<answer>none</answer>").status == "error"
    assert verdict(Problem("q", "1", meta={"reasoning_gym": "no_such", "metadata": {}}), "1").status == "error"


def test_a_scorer_that_accepts_anything_accepts_only_the_gold_answer():
    puzzle = next(p for p in (problem("game_of_life_halting", n) for n in range(9)) if p.answer == "False")
    entry = {"question": puzzle.question, "answer": puzzle.answer, "metadata": dict(puzzle.meta["metadata"])}
    assert gym.get_score_answer_fn("game_of_life_halting")(answer="banana", entry=entry) == 1
    assert verdict(puzzle, "<answer>banana</answer>").reward == 0
    assert verdict(puzzle, "<answer>False</answer>").reward == 1


@pytest.mark.parametrize(
    "name", ["chain_sum", "graph_color", "rubiks_cube", "boxnet", "rush_hour", "propositional_logic"]
)
def test_every_problem_that_its_scorer_can_grade_passes_the_check_of_gold_answers(name):
    assert logic.gold(problem(name), logic.Config(timeout=60)).status == "correct"


def test_a_problem_whose_scorer_refuses_its_gold_answer_cannot_be_graded():
    puzzle = problem("countdown")
    other = replace(puzzle, answer="1 + 1")
    assert logic.gold(puzzle, logic.Config()).status == "correct"
    assert logic.gold(other, logic.Config()).status == "undecidable_gold"
    assert logic.gold(Problem("q", "1"), logic.Config()).status == "undecidable_gold"


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


WORD = {True: "knight", False: "knave"}


def island(**meta) -> Problem:
    """Zoey and Owen are knights, Riley is a knave."""
    return Problem(
        "Who is what?", None, meta=meta or {"names": ["Zoey", "Riley", "Owen"], "solution": [True, False, True]}
    )


@pytest.mark.parametrize(
    "response",
    [
        "Zoey is a knight, Riley is a knave, and Owen is a knight.",
        "(1) Zoey is a knight\n(2) Riley is a knave\n(3) Owen is a knight",
        "Suppose Zoey is a knave. Then Owen is a knave.\n\n**Conclusion**\n- **Zoey**: Knight\n- **Riley**: Knave\n- Owen: Knight",
        r"So \boxed{\text{Zoey: knight, Riley: knave, Owen: knight}}.",
        r"$$\boxed{\begin{array}{ll}\text{Zoey} & \text{Knight}\\ \text{Riley} & \text{Knave}\\ \text{Owen} & \text{Knight}\end{array}}$$",
        "Zoey: \\boxed{knight}\nRiley: \\boxed{knave}\nOwen: \\boxed{knight}",
        "It may be that Riley is a knight.\n<answer>Riley is the only knave; the others are knights.</answer>",
        "| Person | Kind |\n|---|---|\n| Zoey | Knight |\n| Riley | Knave |\n| Owen | Knight |",
        "| Zoey | Riley | Owen |\n|---|---|---|\n| Knight | Knave | Knight |",
        "Knights: Zoey, Owen; knaves: Riley",
        "**Knights:**\n- Zoey\n- Owen\n\n**Knaves:**\n- Riley",
        "The knights are Zoey and Owen, and Riley is a knave.",
        "Zoey, and Owen too, as we saw: Zoey and Owen are knights, while Riley is a knave.",
        "Zoey is a knight, and so is Owen. Riley is not a knight.",
        "Zoey is a knight (her statement that Riley is a knave is true). Riley is a knave because Riley said Owen is a knave. Owen is a knight.",
        "Zoey is a knave. Wait, no. Zoey is a knight. Riley is a knave. Owen is a knight.",
        '{"Zoey": "knight", "Riley": "knave", "Owen": "knight"}',
        "Zoey, Riley and Owen are a knight, a knave and a knight, respectively.",
        "Zoey → Knight\nRiley → Knave\nOwen → Knight",
        "Zoey is a truth-teller, Riley is a liar, and Owen is a truth-teller.",
    ],
)
def test_what_is_said_of_every_person_is_read(response):
    assert verdict(island(), response).status == "correct"
    swapped = {"names": ["Zoey", "Riley", "Owen"], "solution": [True, True, True]}
    assert verdict(island(**swapped), response).status == "incorrect"


@pytest.mark.parametrize(
    ("response", "status"),
    [
        ("", "no_answer"),
        ("I do not know.", "no_answer"),
        ("knight, knave, knight", "no_answer"),
        ("If Zoey is a knight, Riley is a knave and Owen is a knight.", "no_answer"),
        ("Is Zoey a knight, Riley a knave, Owen a knight?", "no_answer"),
        ("Zoey says that Riley is a knave and Owen is a knight.", "no_answer"),
        ("Zoey is either a knight or a knave.", "no_answer"),
        ("Not all are knights.", "no_answer"),
        ("Zoey is a knight and Riley is a knave.", "incorrect"),
        ("Only Riley is a knave.", "incorrect"),
        ("All of them are knights.", "incorrect"),
        ("After all, Zoey is a knight, Owen is a knight.", "incorrect"),
        ("Zoey is a knight. Riley is a knave. Owen is a knight. No: Owen is a knave.", "incorrect"),
        ("<answer>Zoey is a knight, Riley is a knave, Owen is a knight, Owen is a knave</answer>", "incorrect"),
        ("The knights are Zoey and Owen, Riley and Owen are knaves.", "no_answer"),
        ("Zoey, Riley and Owen are a knight, a knight and a knave.", "incorrect"),
        ("Zoey is a knight, Riley is a knave, Owen is a knight.\n<answer>Zoey is a knight</answer>", "incorrect"),
    ],
)
def test_what_is_not_said_of_every_person_is_not_correct(response, status):
    assert verdict(island(), response).status == status


def test_what_a_truncated_response_supposes_is_no_answer():
    text = "Zoey is a knight. Riley is a knave. Owen is a knight."
    assert logic.verify(island(), Completion(text, finish_reason="length"), logic.Config()).status == "no_answer"
    cut = Completion(f"<answer>{text}</answer> I", finish_reason="length")
    assert logic.verify(island(), cut, logic.Config()).status == "correct"


STATEMENTS = "(('lying', 1), ('lying', 0), ('telling-truth', 0))"  # Zoey or Riley lies: two solutions
ONE = "(('and', ('lying', 1), ('telling-truth', 2)), ('lying', 2), ('or', ('lying', 0), ('telling-truth', 0)))"


@pytest.mark.parametrize(
    ("answer", "meta", "status"),
    [
        ("Zoey is a knight, Riley is a knave, and Owen is a knight.", {}, "correct"),
        ("[true, false, true]", {"names": ["Zoey", "Riley", "Owen"]}, "correct"),
        (None, {"solution_text_format": "(1) Zoey is a knight\n(2) Riley is a knave"}, "correct"),
        (None, {"reward_model": {"ground_truth": {"solution_text_format": "(1) Zoey is a knight"}}}, "correct"),
        (None, {"names": ["Zoey", "Riley", "Owen"], "statements": ONE}, "correct"),
        (None, {"names": ["Zoey", "Riley", "Owen"], "statements": STATEMENTS}, "undecidable_gold"),
        (
            None,
            {"names": ["Zoey", "Riley", "Owen"], "statements": ONE, "solution": [True, True, True]},
            "undecidable_gold",
        ),
        ("Zoey is a knave.", {"names": ["Zoey"], "solution": [True]}, "undecidable_gold"),
        (None, {"names": ["Zoey", "Riley"], "solution": [True]}, "undecidable_gold"),
        (None, {"names": ["Zoey"], "statements": "(('no', 0),)"}, "undecidable_gold"),
        (None, {"names": ["Zoey"], "statements": "(('lying', 7),)"}, "undecidable_gold"),
        (None, {"names": []}, "undecidable_gold"),
    ],
)
def test_a_puzzle_is_graded_by_whatever_form_its_solution_has(answer, meta, status):
    assert logic.gold(Problem("q", answer, meta=meta), logic.Config()).status == status


def test_the_two_kinds_may_be_called_otherwise():
    words = {"knight": "sage", "knave": "fool"}
    puzzle = island(names=["Zoey", "Will"], solution=[True, False], knight_knave=words)
    assert verdict(puzzle, "Zoey is a sage and Will is a fool.").status == "correct"
    assert verdict(puzzle, "Zoey is a fool and Will is a fool.").status == "incorrect"


FORMS = {
    "list": lambda said: "\n".join(f"({n}) {name} is a {WORD[kind]}" for n, (name, kind) in enumerate(said, 1)),
    "box": lambda said: rf"\boxed{{{', '.join(f'{name}: {WORD[kind]}' for name, kind in said)}}}",
    "groups": lambda said: "; ".join(
        f"{WORD[k]}s: {', '.join(n for n, kind in said if kind is k) or 'none'}" for k in WORD
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_of_1000_puzzles_every_solution_is_accepted_and_every_other_assignment_refused(form):
    rows = rows_of("problems/knights_knaves")
    assert len(rows) == 1000
    for row in rows:
        puzzle = Problem(row.pop("quiz"), None, meta=row)
        said = list(zip(row["names"], row["solution"], strict=True))
        assert logic.gold(puzzle, logic.Config()).status == "correct"
        assert verdict(puzzle, FORMS[form](said)).status == "correct"
        for at, (name, kind) in enumerate(said):
            flipped = [*said[:at], (name, not kind), *said[at + 1 :]]
            assert verdict(puzzle, FORMS[form](flipped)).status == "incorrect"
