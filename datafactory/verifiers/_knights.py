"""Knights and knaves: the solution of a puzzle, from any of the forms it is given in.

In   the gold answer and the meta of a problem: names, solution, solution_text_format, solution_text, statements, and
     reward_model with a ground_truth, as Logic-RL has them; knight_knave where the two kinds are called otherwise
Out  Puzzle, whose solution maps each name to True for a knight; None where the problem is no such puzzle, Unsound where
     its parts contradict each other or the statements do not settle it
"""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from datafactory import answers
from datafactory.verifiers._claims import claims

KEYS = ("names", "solution", "solution_text_format", "solution_text", "statements", "reward_model", "knight_knave")
WORDS = ("knight", "knave")
MOST = 12  # people for whom every assignment is tried, 2 ** 12
LONGEST = 10_000  # characters of a solution
NAMED = re.compile(r"([A-Z][\w'’-]*) is (?:an? )?(\w+)")


class Unsound(ValueError):
    """The puzzle's solution cannot be believed."""


@dataclass(frozen=True)
class Puzzle:
    """solution maps each name to whether it is a knight; words are what the puzzle calls the two kinds."""

    solution: Mapping[str, bool]
    words: tuple[str, str] = WORDS

    def called(self, kind: bool) -> str:
        return f"a {self.words[0] if kind else self.words[1]}"

    def said_in(self, response: str) -> dict[str, set[bool]]:
        """What the response finally says of each person: all that its marked answer says, else its last claim."""
        names, found = tuple(self.solution), dict[str, set[bool]]()
        marked = answers.final(response)
        for name, kind in claims(marked or "", names, self.words):
            found.setdefault(name, set()).add(kind)
        return found or {name: {kind} for name, kind in claims(response, names, self.words)}


def puzzle(answer: str | None, meta: Mapping[str, Any]) -> Puzzle | None:
    """The puzzle that a problem is, with its solution."""
    told = {key: meta[key] for key in KEYS if meta.get(key) is not None}
    if not told and not (answer and NAMED.search(answer)):
        return None
    return _puzzle(answer, json.dumps(told, default=str))


@lru_cache(maxsize=4096)  # the rollouts of a group ask for the same one
def _puzzle(answer: str | None, told: str) -> Puzzle | None:
    meta = json.loads(told)
    judged = meta.get("reward_model")
    truth = judged.get("ground_truth") if isinstance(judged, dict) else None
    inner = truth if isinstance(truth, dict) else {"solution_text_format": truth}
    words = _words(meta.get("knight_knave"))
    texts = [*(meta.get(key) for key in ("solution_text_format", "solution_text")), inner.get("solution_text_format")]
    names = _names(meta.get("names"), [answer, *texts], words)
    if not names:
        return None
    found = [read for form in (answer, meta.get("solution"), *texts) if (read := _read(form, names, words))]
    statements = _statements(meta.get("statements") or inner.get("statements"))
    if statements is not None:
        solved = _solved(statements, names)
        if len(solved) != 1:
            raise Unsound(f"the statements have {len(solved)} solutions")
        found += solved
    if any(other != found[0] for other in found):
        raise Unsound("the solution is given in two ways that differ")
    return Puzzle(found[0], words) if found else None


def _words(given: Any) -> tuple[str, str]:
    knight, knave = (given.get("knight"), given.get("knave")) if isinstance(given, dict) else WORDS
    return (knight, knave) if isinstance(knight, str) and isinstance(knave, str) and knight and knave else WORDS


def _names(given: Any, texts: list[Any], words: tuple[str, str]) -> tuple[str, ...]:
    """The names as they are given, else those that the first text of a solution speaks of."""
    if isinstance(given, list) and all(isinstance(name, str) and name for name in given):
        return tuple(dict.fromkeys(given))
    for text in texts:
        if isinstance(text, str) and len(text) <= LONGEST:
            named = [name for name, kind in NAMED.findall(text) if kind.lower() in words]
            if named:
                return tuple(dict.fromkeys(named))
    return ()


def _read(form: Any, names: tuple[str, ...], words: tuple[str, str]) -> dict[str, bool] | None:
    """The solution that a list of truth values or a text gives, None where it gives none."""
    if isinstance(form, str) and form.lstrip().startswith("["):
        try:
            form = json.loads(form.lower())
        except (ValueError, RecursionError):
            return None
    if isinstance(form, list) and len(form) == len(names) and all(isinstance(kind, bool) for kind in form):
        return dict(zip(names, form, strict=True))
    if not isinstance(form, str) or len(form) > LONGEST:
        return None
    said = Puzzle(dict.fromkeys(names, True), words).said_in(form)
    if set(said) != set(names) or any(len(kinds) != 1 for kinds in said.values()):
        return None
    return {name: True in said[name] for name in names}


def _statements(text: Any) -> tuple[Any, ...] | None:
    """Logic-RL's formulas, one for each person in order: a Python tuple as text."""
    try:
        read = ast.literal_eval(text) if isinstance(text, str) and len(text) <= LONGEST else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return read if isinstance(read, tuple) and 0 < len(read) <= MOST else None


def _solved(statements: tuple[Any, ...], names: tuple[str, ...]) -> list[dict[str, bool]]:
    """Every assignment in which exactly the knights' statements are true."""
    try:
        return [
            dict(zip(names, kinds, strict=True))
            for kinds in itertools.product((True, False), repeat=len(names))
            if all(_holds(said, kinds) == kind for said, kind in zip(statements, kinds, strict=True))
        ]
    except (IndexError, TypeError, ValueError, RecursionError) as error:
        raise Unsound(f"the statements cannot be read: {error}") from error


def _holds(formula: Any, kinds: tuple[bool, ...]) -> bool:
    name, *parts = formula
    if name in ("telling-truth", "lying"):
        return kinds[parts[0]] == (name == "telling-truth")
    held = [_holds(part, kinds) for part in parts]
    if name == "not":
        return not held[0]
    if name in ("and", "or"):
        return all(held) if name == "and" else any(held)
    if name in ("->", "<=>"):
        return held[1] or not held[0] if name == "->" else held[0] == held[1]
    raise ValueError(f"there is no connective {name!r}")
