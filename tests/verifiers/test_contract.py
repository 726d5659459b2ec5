"""What every verifier keeps, found by its file being there: it scores the gold answer 1, never raises, and is killed
when it hangs."""

import importlib
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datafactory import plugins
from datafactory.chat import split_thinking
from datafactory.types import Completion, Problem, Verdict

NAMES = plugins.names("verifier")
SUM = {"reasoning_gym": "chain_sum", "metadata": {}}
POLYNOMIAL = {"reasoning_gym": "polynomial_multiplication", "metadata": {"result": "x"}}

# A problem for each verifier, and a completion that is right. Who adds a verifier adds a line.
RIGHT = {
    "exact": (Problem("Is it?", "yes"), "yes"),
    "format": (Problem("1 + 1?", "2"), "<think>\nOne and one.\n</think>\n\n2"),
    "math": (Problem("1 + 1?", "2"), r"\boxed{2}"),
    "choice": (Problem("1 + 1?", "B", choices=("1", "2", "3", "4")), r"\boxed{B}"),
    "logic": (Problem("1 + 1 =", "2", meta=SUM), r"\boxed{2}"),
    "code": (Problem("1 + 1?", tests='{"cases": [{"input": "", "output": "2"}]}'), "```python\nprint(1 + 1)\n```"),
}
# For each verifier with a timeout: what takes for ever.
HANGS = {
    "math": (Problem("q", "1"), r"\boxed{2^{2^{2^{49}}}}"),
    "logic": (Problem("q", "x", meta=POLYNOMIAL), r"\boxed{9**9**9**9}"),
}
PIECES = [r"\boxed{", r"\frac", r"\text{", "{", "}", "$", "<answer>", "</answer>", "<think>", "</think>", "answer is "]
TEXTS = st.text(st.characters(exclude_categories=())) | st.lists(
    st.sampled_from([*PIECES, " ", "1", "9^9", "A", "\n"])
).map("".join)


def module(name: str):
    return importlib.import_module(f"datafactory.verifiers.{name}")


def config_of(name: str):
    return getattr(module(name), "Config", plugins.NoSettings)


def verify(name: str, problem: Problem, text: str, **settings) -> Verdict:
    return module(name).verify(problem, split_thinking(text), config_of(name)(**settings))


TIMED = [name for name in NAMES if "timeout" in config_of(name).model_fields]


@pytest.mark.parametrize("name", NAMES)
def test_a_right_completion_scores_one(name):
    assert name in RIGHT, f"add to RIGHT a problem and a right completion for {name}"
    problem, text = RIGHT[name]
    verdict = verify(name, problem, text)
    assert (verdict.reward, verdict.status) == (1.0, "correct")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "format"])
def test_the_gold_answer_alone_scores_one(name):
    problem, _ = RIGHT[name]
    if problem.answer is None:
        pytest.skip(f"{name} grades by tests, not by a gold answer")
    assert verify(name, problem, problem.answer).reward == 1.0


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_completion_does_not_score_one(name):
    problem, _ = RIGHT[name]
    assert verify(name, problem, r"\boxed{C}").reward != 1.0


@pytest.mark.parametrize("name", NAMES)
def test_no_text_raises(name):
    problem, _ = RIGHT[name]
    quick = {"timeout": 2.0} if name in TIMED else {}

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(TEXTS, TEXTS)
    @example("", "")
    @example("\0\ud800\u202e", "\ud800")
    @example("9" * 100_000, "9" * 100_000)
    def check(response: str, gold: str) -> None:
        for answer in (problem.answer, gold):
            asked = Problem(problem.question, answer, problem.tests, problem.choices, meta=problem.meta)
            assert isinstance(verify(name, asked, response, **quick), Verdict)
        json.dumps(verify(name, problem, response, **quick).detail)

    check()


@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_completion_does_not_raise(name):
    problem, _ = RIGHT[name]
    cut = Completion("", reasoning="It is \\boxed{", finish_reason="length")
    assert module(name).verify(problem, cut, config_of(name)()).reward != 1.0


@pytest.mark.parametrize("name", TIMED)
def test_what_hangs_is_killed_and_is_no_wrong_answer(name):
    assert name in HANGS, f"add to HANGS a problem and a completion on which {name} does not end"
    problem, text = HANGS[name]
    verdict = verify(name, problem, text, timeout=1.0)
    assert (verdict.reward, verdict.status) == (None, "timeout")
