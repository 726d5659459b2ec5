"""reasoning-gym: the score that the dataset which made the problem gives to the answer.

In   question, answer, response; meta: reasoning_gym (the dataset's name), metadata (the entry's), and config (the
     dataset's settings, where they are not its defaults)
Out  the dataset's score, correct when it is 1; no_answer for an empty response, undecidable_gold for a problem that is
     not reasoning-gym's, timeout after `timeout` seconds, error when the scorer raised
Use  the answer in <answer> tags, as reasoning-gym's own prompts ask, in a \\boxed{}, after "the answer is", or alone
"""

from __future__ import annotations

import json

from pydantic import Field

from datafactory import answers, boundary
from datafactory.config import Base
from datafactory.types import Completion, Problem, Verdict

VERSION = 1
LONGEST = 100_000  # characters of a response; grids and programs are long answers


class Config(Base):
    timeout: float = Field(10.0, gt=0)
    """Seconds that the scorer may take."""


def verify(problem: Problem, completion: Completion, config: Config) -> Verdict:
    name, metadata = problem.meta.get("reasoning_gym"), problem.meta.get("metadata")
    if not isinstance(name, str) or not isinstance(metadata, dict):
        return Verdict.undecided("undecidable_gold", "not a problem of reasoning-gym: meta has no dataset and metadata")
    given = answers_in(completion.response)
    if not given:
        return Verdict.no_answer("the response is empty")
    if len(completion.response) > LONGEST:
        return Verdict.no_answer(f"{len(completion.response)} characters are not an answer")
    settings = json.dumps(problem.meta.get("config") or {}, sort_keys=True)
    entry = {"question": problem.question, "answer": problem.answer, "metadata": metadata}
    try:
        score = boundary.call(
            "datafactory.verifiers._reasoning_gym_child:score", name, settings, entry, given, timeout=config.timeout
        )
    except boundary.TimedOut as error:
        return Verdict.undecided("timeout", f"{name}: {error}")
    except boundary.Failed as error:
        return Verdict.undecided("error", f"{name}: {error}")
    if score >= 1:
        return Verdict.correct(reward=score)
    return Verdict.incorrect(f"{name} scores {given[-1][:80]!r} {score:g}", reward=score)


def answers_in(response: str) -> list[str]:
    """What is scored: the marked answer, else the response as it stands and what it states as its answer."""
    marked = answers.final(response)
    found = [marked] if marked is not None else [response.strip(), answers.stated(response)]
    return [answer for answer in found if answer]
