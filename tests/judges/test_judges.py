"""What every judge keeps to; a new one is picked up by its being there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datafactory import plugins
from datafactory.errors import UserError
from datafactory.judges._prompt import code_for, filled
from datafactory.judges.pairwise import LABELS
from datafactory.plugins import Use
from datafactory.types import Completion, Problem, Verdict

from .scenes import FIELD, fields, objects

NAMES = plugins.names("judge")
PROBLEM = Problem("Which is even?", answer="B", choices=("three", "four"))
COMPLETION = Completion("It is B: four.", reasoning="Three is odd; wait, let me check four.")
RIGHT: dict[str, tuple[dict[str, Any], float]] = {
    "correctness": ({"verdict": "correct"}, 1.0),
    "clarity": ({"readable": 5, "coherent": 4, "friendly": 3}, 4.0),
    "behaviours": ({"verification": 2, "backtracking": 1, "subgoals": 0, "backward": 0}, 3.0),
    "pairwise": ({"preference": "B better"}, -1.0),
}


def texts_of(use: Use, completion: Completion = COMPLETION) -> Any:
    module = use.module
    if hasattr(module, "compared"):
        return module.compared(PROBLEM, completion, Completion("No idea."), use.config)
    return module.shown(PROBLEM, completion, use.config)


def prompt_of(use: Use) -> str:
    texts = texts_of(use)
    return filled(use.config.prompt.content, texts, code_for(texts, 0))


def test_each_has_a_case_here():
    assert sorted(RIGHT) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_prompt_shows_each_text_once_and_asks_for_the_code(name: str):
    use = Use("judge", name)
    content = prompt_of(use)
    assert fields([{"role": "user", "content": content}]) == texts_of(use)
    code = code_for(texts_of(use), 0)
    tail = content.rpartition("===")[2]
    assert code in tail and "code" in tail
    assert all(f'"{key}"' in tail for key in use.module.Answer.model_fields)


@pytest.mark.parametrize("name", NAMES)
def test_the_prompt_holds_no_answer_that_could_be_copied(name: str):
    assert list(objects(prompt_of(Use("judge", name)))) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_prompt_is_a_template_with_no_place_left_over(name: str):
    outside = FIELD.sub("", prompt_of(Use("judge", name)))
    assert "{" not in outside and "}" not in outside


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_becomes_a_verdict_with_the_facts_that_are_declared(name: str):
    module = Use("judge", name).module
    answer, reward = RIGHT[name]
    verdict = module.opinion(module.Answer(analysis="because", **answer), Use("judge", name).config)
    assert isinstance(verdict, Verdict) and verdict.reward == pytest.approx(reward) and verdict.detail == "because"
    assert set(verdict.facts) == set(getattr(module, "FACTS", {}))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "behaviours"])
def test_the_reasoning_is_not_shown(name: str):
    assert "wait, let me check" not in json.dumps(texts_of(Use("judge", name)))


def test_the_options_of_a_question_are_shown():
    assert texts_of(Use("judge", "correctness"))["question"] == "Which is even?\nA. three\nB. four"


def test_behaviours_are_counted_in_the_thinking_and_where_there_is_none_apart_in_the_response():
    use = Use("judge", "behaviours")
    assert texts_of(use)["reasoning"] == COMPLETION.reasoning
    assert texts_of(use, Completion("I think aloud."))["reasoning"] == "I think aloud."
    assert texts_of(use, Completion("x", reasoning=" ")).status == "no_verdict"


def test_nothing_is_asked_where_there_is_nothing_to_judge():
    correctness = Use("judge", "correctness")
    empty = correctness.module.shown(PROBLEM, Completion(" "), correctness.config)
    assert (empty.status, empty.reward) == ("no_answer", 0)
    for answer in (None, "", " \n"):
        verdict = correctness.module.shown(Problem("q", answer), COMPLETION, correctness.config)
        assert (verdict.status, verdict.reward) == ("undecidable_gold", None)
    assert texts_of(Use("judge", "clarity"), Completion("")).status == "no_verdict"


def test_the_labels_of_a_comparison_are_the_same_both_ways():
    turned = {label.replace("A", "?").replace("B", "A").replace("?", "B"): -number for label, number in LABELS.items()}
    assert turned == LABELS
    prompt = Use("judge", "pairwise").config.prompt.content
    assert all(f'"{label}"' in prompt for label in LABELS)


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_of_ones_own_needs_every_place(name: str):
    whole = Use("judge", name).config.prompt.content
    for place in (*Use("judge", name).module.Config.places, "code"):
        lacking = whole.replace(f"{{{place}}}", "")
        with pytest.raises(ValueError, match=f"the prompt has no {{{place}}}"):
            _ = Use("judge", name, settings=(("prompt", lacking),)).config


def test_a_judge_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(UserError, match="Did you mean 'clarity'"):
        plugins.find("judge", "clearity", Path())
