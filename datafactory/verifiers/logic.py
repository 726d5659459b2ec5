"""Logic: puzzles with a scorer of their own: reasoning-gym's, and who is a knight and who a knave.

In   question, answer, response; meta: of reasoning-gym, its dataset's name (reasoning_gym), metadata and config; of
     knights and knaves, names, solution, statements, solution_text_format or reward_model, as Logic-RL has them
Out  1 when the scorer gives 1, or every person is said to be what they are, and 0 when not, but a score between where
     reasoning-gym gives one; no_answer when nothing is said, undecidable_gold for any other problem, timeout after
     `timeout` seconds, error when the scorer fails on the gold answer too
Use  the answer in <answer> tags or a \\boxed{}, after "the answer is", or the response as it stands
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field

from datafactory import answers, boundary
from datafactory.config import Base
from datafactory.types import Completion, Problem, Verdict
from datafactory.verifiers import _knights

VERSION = 1
CHILD = "datafactory.verifiers._logic_child"
LONGEST = 100_000  # characters of a response; grids and programs are long answers


class Config(Base):
    timeout: float = Field(10.0, gt=0)
    """Seconds that a scorer of reasoning-gym may take."""


def verify(problem: Problem, completion: Completion, config: Config) -> Verdict:
    response = completion.response.strip()
    of_gym = "reasoning_gym" in problem.meta
    try:
        people = None if of_gym else _knights.puzzle(problem.answer, problem.meta)
    except _knights.Unsound as error:
        return Verdict.undecided("undecidable_gold", str(error))
    if not of_gym and people is None:
        return Verdict.undecided(
            "undecidable_gold", "neither a problem of reasoning-gym nor one of knights and knaves with its solution"
        )
    if not response:
        return Verdict.no_answer("the response is empty")
    if len(response) > LONGEST:
        return Verdict.no_answer(f"{len(response)} characters are not an answer")
    return _scored(problem, response, config.timeout) if people is None else _told(people, completion)


def gold(problem: Problem, config: Config) -> Verdict:
    """Whether the problem can be graded: not every one has a gold answer as text."""
    if "reasoning_gym" not in problem.meta:
        verdict = verify(problem, Completion(""), config)
        return Verdict.correct() if verdict.status == "no_answer" else verdict
    asked = _entry(problem)
    if asked is None:
        return Verdict.undecided("undecidable_gold", "meta has no metadata of reasoning-gym")
    try:
        sound = boundary.call(f"{CHILD}:gradable", *asked, timeout=config.timeout)
    except boundary.TimedOut as error:
        return Verdict.undecided("timeout", f"{asked[0]}: {error}")
    except boundary.Failed as error:
        return Verdict.undecided("error", f"{asked[0]}: {error}")
    if not sound:
        return Verdict.undecided("undecidable_gold", f"{asked[0]} does not accept its own answer")
    return Verdict.correct()


def _told(people: _knights.Puzzle, completion: Completion) -> Verdict:
    cut = completion.finish_reason == "length" and answers.final(completion.response) is None
    said = {} if cut else people.said_in(completion.response)  # what is supposed on the way is no answer
    if not said:
        return Verdict.no_answer(f"says of nobody what they are, of {', '.join(people.solution)}")
    wrong = [
        f"{name} is {people.called(kind)}, said is {' and '.join(map(people.called, said.get(name, ()))) or 'nothing'}"
        for name, kind in people.solution.items()
        if said.get(name) != {kind}
    ]
    return Verdict.incorrect("; ".join(wrong)[:200]) if wrong else Verdict.correct()


def _scored(problem: Problem, response: str, timeout: float) -> Verdict:
    asked = _entry(problem)
    if asked is None:
        return Verdict.undecided("undecidable_gold", "meta has no metadata of reasoning-gym")
    name, given = asked[0], answers_in(response)
    if not given:
        return Verdict.no_answer("the marked answer is empty")
    try:
        found = boundary.call(f"{CHILD}:score", *asked, given, timeout=timeout)
    except boundary.TimedOut as error:
        return Verdict.undecided("timeout", f"{name}: {error}")
    except boundary.Failed as error:
        return Verdict.undecided("error", f"{name}: {error}")
    if found["score"] >= 1:
        return Verdict.correct(reward=found["score"])
    why = f": {found['fault']}" if found["fault"] else ""
    return Verdict.incorrect(f"{name} scores {given[-1][:80]!r} {found['score']:g}{why}", reward=found["score"])


def _entry(problem: Problem) -> tuple[str, str, dict[str, Any]] | None:
    """The dataset's name, its settings, and the problem as an entry of it."""
    name, metadata = problem.meta.get("reasoning_gym"), problem.meta.get("metadata")
    if not isinstance(name, str) or not isinstance(metadata, dict):
        return None
    settings = json.dumps(problem.meta.get("config") or {}, sort_keys=True)
    return name, settings, {"question": problem.question, "answer": problem.answer, "metadata": metadata}


def answers_in(response: str) -> list[str]:
    """What is scored: the marked answer, else the response as it stands and what it states as its answer."""
    marked = answers.final(response)
    found = [marked] if marked is not None else [response, answers.stated(response)]
    return [answer for answer in found if answer]
