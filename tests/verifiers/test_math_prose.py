"""The answer of a response that marks none: what its last sentence says, and what it does not."""

import pytest

from datafactory.types import Completion, Problem
from datafactory.verifiers import math

SAID = [
    ("18", "**18**"),
    ("18", "So she has **18** eggs."),
    ("18", "The total cost is **$18**."),
    ("18", "**Total = 18**"),
    ("18", "So the total is 6 + 12 = **18** eggs."),
    ("18", "所以一共有**18**个。"),
    (r"-\frac{\pi}{6}", r"**-\frac{\pi}{6}**"),
    (r"1+2\sqrt{3}", r"**1+2\sqrt{3}**"),
    ("B", "The answer is **B**."),
    ("18", "Ans: 18"),
    ("18", "A: 18"),
    ("18", "**Answer:** 18 eggs (6 + 12)"),
    ("3", "**Answer: C. 3**"),
    ("6", "Answer: 6 (not 7)"),
    ("6", "The answer is $6$, not $7$."),
    ("14", "The answer is 14 (since 2*7 = 14 and 7 is prime)."),
    ("18", "18 is my final answer, although 20 is also plausible."),
    ("18", "Thus 18 is the answer out of 20 candidates."),
    ("-3", "Hence the minimum value is $-3$ at $x=2$."),
    ("(3,-1)", "Therefore, the vertex is at the point (3, -1)."),
    ("(1,2)", "所以交点坐标为（1，2）。"),
    (r"1\frac{1}{2}", "She needs 1 1/2 cups."),
    (r"50\%", "There is a 50% chance."),
    ("1e-5", "It is about 1e-5"),
    (r"\frac23", "The answer is two thirds."),
    ("y=2x+1", "So, the line has the equation y = 2x + 1."),
    (r"2\sqrt{3}", "The height is 2√3 cm."),
    ("x=5", "解得 x=5。"),
    (
        r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
        "The matrix is\n\\begin{pmatrix} 1 & 2 \\\\\n3 & 4 \\end{pmatrix}",
    ),
    (r"\frac{7}{4}", "From \\begin{matrix} 1 \\\\ 2 \\end{matrix} the value of $b$ is $\\frac{7}{4}$."),
    (r"\text{Evelyn}", "Therefore,\n\\[\n\\text{Evelyn}\n\\]"),
    ("A", "Therefore,\n\\[\nA\n\\]"),
    ("B", "故选：B．"),
    ("①③", "故正确的是①③。"),
    (r"\text{no solution}", "The equation has no solution."),
    (r"\text{no solution}", "No solutions"),
    ("Tuesday", "Counting forward from Monday, the day will be a Tuesday."),
    ("8:30 p.m.", "She arrives at 8:30 p.m."),
    ("12", "So 12 students are not in the club."),
]
NOT_SAID = [
    ("7", "The answer is 14 (since 2*7 = 14 and 7 is prime)."),
    ("7", "The answer is $6$, not $7$."),
    ("18", "18 is not the answer."),
    ("12", "The answer can't be 12."),
    ("12", "I got 12, which is wrong."),
    ("10", "The answer is at least 10."),
    ("10", "The answer is less than 10."),
    ("15", "I am torn between 12 and 15"),
    ("-1", "Therefore, the vertex is at the point (3, -1)."),
    (r"\frac12", "She needs 1 1/2 cups."),
    ("1", "So the polynomial is x^2 + 1."),
    ("Monday", "Counting forward from Monday, the day will be a Tuesday."),
    ("Bob", "The winner over Bob is Alice."),
    ("8:30 a.m.", "She arrives at 8:30 p.m."),
    ("7", r"x \equiv 3 \pmod{7}"),
    (r"\text{no solution}", "There are no solutions other than x = 2."),
    ("4", "The matrix is\n\\begin{pmatrix} 1 & 2 \\\\\n3 & 4 \\end{pmatrix}"),
]
CUT_OFF = [
    ("12", r"So we have 12 so far, and the final answer is \boxed{"),
    ("1", r"The answer is \boxed{\frac{1}{"),
    ("2", r"The answer is $\boxed{\frac{1}{2"),
    ("3", r"Therefore $x = \frac{3"),
    ("5", "There are 5 of them.\n\\boxed{\nx"),
]


def status(gold: str, response: str) -> str:
    return math.verify(Problem("q", gold), Completion(response), math.Config(timeout=30)).status


@pytest.mark.parametrize(("gold", "response"), SAID)
def test_the_last_sentence_says_the_answer(gold, response):
    assert status(gold, response) == "correct"


@pytest.mark.parametrize(("gold", "response"), NOT_SAID)
def test_a_part_a_denial_or_an_aside_is_not_the_answer(gold, response):
    assert status(gold, response) in ("incorrect", "no_answer")


@pytest.mark.parametrize(("gold", "response"), CUT_OFF)
def test_a_response_that_ends_within_its_answer_has_none(gold, response):
    assert status(gold, response) == "no_answer"
