"""The flawed teacher: it knows every answer, thinks in a well-formed trace, and has the flaws that it is told to have.

In   a question, its gold answer, the seed of a rollout, what the prompt asks for
Out  a trace; or, where the prompt asks for a JSON object, the object

A rollout has one flaw or none, by its seed alone, so that `flaw_of` tells afterwards which it was and the recall of a
verifier or a filter can be counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from datafactory.engines import Request
from datafactory.engines._draws import drawn, place_in
from datafactory.engines._phrases import (
    CHECKING,
    CODE,
    FINDING,
    FOREIGN,
    GIVEN,
    LINKS,
    LOOPS,
    OPENING,
    SUMMARY,
    WORKING,
    Language,
)

Flaw = Literal[
    "wrong_answer",
    "mixed_language",
    "wall_of_text",
    "loop",
    "truncation",
    "unclosed_thinking",
    "code_block",
    "no_box",
    "broken_json",
]
Asked = Literal["trace", "json"]
OF_JSON = ("wrong_answer", "truncation", "broken_json")  # what a JSON object can suffer from
WALL = 850  # words of a wall of text
NUMBER = re.compile(r"\d+(?:\.\d+)?")
HAN = re.compile(r"[\u4e00-\u9fff]")
BOX = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}")
KEYS = re.compile(r'^- ((?:"[^"]+"(?:, )?)+): (.*)$', re.M)
OPENED, CLOSED = "<think>", "</think>"


@dataclass(frozen=True)
class Said:
    """What a teacher says; `cut` where it breaks off as at a limit of tokens."""

    text: str
    cut: bool = False


def flaw_of(seed: int, flaws: Mapping[Any, float], asked: Asked = "trace") -> Flaw | None:
    """The flaw of the rollout with that seed, under the shares that a recipe gives; None where it is sound.

    A row's seed is `rollout_seed(the recipe's seed, problem_id, rollout)` of datafactory.rollouts. A flaw that what is
    asked for cannot have is none: broken JSON in a trace, a wall of text in a JSON object.
    """
    flaw: Flaw | None = place_in(drawn(seed, "flaw"), flaws)
    return flaw if flaw and (flaw in OF_JSON if asked == "json" else flaw != "broken_json") else None


def asked_for(request: Request) -> Asked:
    return "json" if "JSON object" in _prompt(request) else "trace"


class Teacher:
    """`answers` are the gold answers by question."""

    def __init__(self, answers: Mapping[str, str], flaws: Mapping[Any, float]):
        self.answers = answers
        self.flaws = flaws
        self._others = sorted(set(answers.values()))

    def __call__(self, request: Request) -> Said:
        """Raises KeyError for a question that it has no answer to."""
        asked = asked_for(request)
        flaw = flaw_of(request.seed, self.flaws, asked)
        stream = Random(request.seed)
        gold = self.answers[request.question]
        if asked == "json":
            return _continued(request, _judged(request, gold, flaw, stream), None)
        answer = wrong(gold, self._others, stream) if flaw == "wrong_answer" else gold
        trace = _Trace(request, answer, stream)
        said = trace.told(flaw)
        # what went on behind the place where it was cut is sound: only the first cut was drawn
        whole = trace.told(None) if flaw == "truncation" and len(request.prefill) >= len(said.text) else said
        return _continued(request, whole, trace)


class _Trace:
    """A trace in the making; every part is drawn in the same order, whatever the flaw."""

    def __init__(self, request: Request, answer: str, stream: Random):
        question = request.question
        self.language: Language = "zh" if len(HAN.findall(question)) * 4 > len(question) else "en"
        self.stream, self.answer, self.request = stream, answer, request
        self.numbers = NUMBER.findall(question)[:5]
        given, none = GIVEN[self.language]
        numbers = given.format(", ".join(self.numbers)) if self.numbers else none
        self.shown = f"${answer}$" if "\\" in answer else answer
        pools = (OPENING, WORKING, FINDING, CHECKING)
        parts = [stream.choice(pool[self.language]) for pool in pools]
        self.paragraphs = [part.replace("{numbers}", numbers).replace("{answer}", self.shown) for part in parts]
        self.ending = stream.choice(SUMMARY[self.language])

    def told(self, flaw: Flaw | None) -> Said:
        paragraphs = list(self.paragraphs)
        if flaw == "loop":
            return Said(f"{OPENED}\n{self._loop(paragraphs)}", cut=True)
        if flaw == "mixed_language":
            paragraphs = self._mixed(paragraphs)
        elif flaw == "wall_of_text":
            space = "" if self.language == "zh" else " "
            paragraphs = [space.join([*paragraphs[:2], self._wall(), *paragraphs[2:]])]
        elif flaw == "code_block":
            paragraphs.insert(2, CODE.format(", ".join(self.numbers or ["1", "2"])))
        thinking = f"{OPENED}\n" + "\n\n".join(paragraphs)
        if flaw == "truncation":
            least = len(OPENED) + 2 + len(paragraphs[0]) // 2
            return Said(thinking[: self.stream.randrange(least, len(thinking) - 4)].rstrip(), cut=True)
        closing = "\n\n" if flaw == "unclosed_thinking" else f"\n{CLOSED}\n\n"
        return Said(thinking + closing + self.summary(boxed=flaw != "no_box"))

    def summary(self, boxed: bool = True) -> str:
        text = self.ending.replace("{boxed}", f"$\\boxed{{{self.answer}}}$" if boxed else self.shown)
        return f"<answer>{text}</answer>" if "<answer>" in _prompt(self.request) else text

    def _loop(self, paragraphs: list[str]) -> str:
        start = "\n\n".join(paragraphs[: self.stream.randint(1, 3)]) + "\n\n"
        phrase = self.stream.choice(LOOPS[self.language]).replace("{answer}", self.shown).strip() + " "
        return start + phrase * (self.request.sampling.max_tokens // max(phrase.count(" "), 1) + 1)

    def _mixed(self, paragraphs: list[str]) -> list[str]:
        slips = self.stream.sample(FOREIGN[self.language], self.stream.randint(3, 4))
        for slip in slips:
            at = self.stream.randrange(len(paragraphs))
            # behind a sentence, now and then in the middle of one
            ends = [match.end() for match in re.finditer(r"[.?!。,,] ?", paragraphs[at])] or [len(paragraphs[at])]
            end = self.stream.choice(ends)
            paragraphs[at] = f"{paragraphs[at][:end].rstrip()} {slip} {paragraphs[at][end:].lstrip()}".strip()
        return paragraphs

    def _wall(self) -> str:
        """Sums that lead from one to the next, each of them right, without a single break."""
        value, said, count = self.stream.randint(11, 97), [], 0
        chinese = self.language == "zh"
        while count < WALL:
            step, less = self.stream.randint(2, 89), self.stream.random() < 0.5 and value > 90
            after = value - step if less else value + step
            link = self.stream.choice(LINKS[self.language])
            if chinese:
                piece = f"{link}{value}{'减去' if less else '加上'}{step}等于{after}, "
            else:
                piece = f"{link} {value} {'minus' if less else 'plus'} {step} is {after}, "
            said.append(piece)
            value, count = after, count + (len(HAN.findall(piece)) + 3 if chinese else len(piece.split()))
        return "".join(said).strip()


def _continued(request: Request, said: Said, trace: _Trace | None) -> Said:
    """What is left of it behind how the assistant's turn begins; `trace` is None for a JSON object."""
    begun = request.prefill.lstrip()
    if said.text.startswith(begun):
        return Said(said.text[len(begun) :], said.cut)
    if not begun.startswith(OPENED):
        return said
    space = "" if begun[-1:].isspace() else " "
    if trace is None:
        ended = "" if CLOSED in begun else f"I compare them part by part.\n{CLOSED}\n\n"
        return Said(space + ended + said.text, said.cut)
    if CLOSED in begun:  # the thinking was ended for it
        return Said(space + trace.summary())
    check = trace.stream.choice(CHECKING[trace.language])  # it was made to go on
    return Said(f", {check[:1].lower()}{check[1:]}\n{CLOSED}\n\n{trace.summary()}")


def wrong(answer: str, others: Sequence[str], stream: Random) -> str:
    """An answer that someone could have come to, and is not that one: a slip in a number, another option."""
    number = NUMBER.search(answer)
    if number:
        digits = number[0]
        slips: list[Callable[[], str]] = [
            lambda: _plus(digits, 1),
            lambda: _plus(digits, -1) if float(digits) >= 1 else _plus(digits, 2),
            lambda: _plus(digits, 10),
            lambda: _plus(digits, stream.randint(2, 9)),
            lambda: digits[:-2] + digits[-1] + digits[-2] if _turns(digits) else _plus(digits, 9),
        ]
        return answer[: number.start()] + stream.choice(slips)() + answer[number.end() :]
    if re.fullmatch(r"\(?[A-Ja-j]\)?", answer):
        letter = re.sub(r"[()]", "", answer)
        first = "a" if letter.islower() else "A"
        last = max(3, ord(letter) - ord(first))
        letters = [chr(ord(first) + at) for at in range(last + 1)]
        return answer.replace(letter, stream.choice([other for other in letters if other != letter]))
    different = [other for other in others if other.casefold().strip() != answer.casefold().strip()]
    return stream.choice(different) if different else f"not {answer}"


def _plus(digits: str, more: int) -> str:
    whole, point, rest = digits.partition(".")
    return f"{abs(int(whole) + more)}{point}{rest}"


def _turns(digits: str) -> bool:
    """Whether its last two digits make another number when they change places."""
    return len(digits) > 1 and digits[-2:].isdigit() and digits[-1] != digits[-2]


def _prompt(request: Request) -> str:
    return request.messages[-1]["content"] if request.messages else request.prompt


def _judged(request: Request, gold: str, flaw: Flaw | None, stream: Random) -> Said:
    """The object whose keys a prompt lists, a line each, as the prompts of our judges do."""
    prompt = _prompt(request)
    boxes = BOX.findall(prompt)
    right = bool(boxes) and boxes[-1].strip() == gold.strip()
    right = right != (flaw == "wrong_answer")
    told: dict[str, Any] = {}
    for keys, meaning in KEYS.findall(prompt[prompt.rindex("JSON object") :]):
        for key in re.findall(r'"([^"]+)"', keys):
            told[key] = _value(meaning, right, stream)
    text = json.dumps(told, ensure_ascii=False)
    if flaw == "truncation":
        return Said(text[: stream.randrange(1, len(text) - 1)], cut=True)
    return Said(_broken(text, stream) if flaw == "broken_json" else text)


def _value(meaning: str, right: bool, stream: Random) -> Any:
    if meaning.startswith("a text"):
        return f"The final answer {'agrees' if right else 'disagrees'} with the reference."
    options = re.findall(r'"([^"]+)"', meaning)
    if len(options) > 1:
        return stream.choice(options) if len(options) > 2 else options[0 if right else 1]
    named = re.match(r"the text (\S+)$", meaning)
    if named:
        return named[1]
    return stream.randint(4, 5) if right else stream.randint(1, 2)


def _broken(text: str, stream: Random) -> str:
    """The object as models break it."""
    return stream.choice(
        [
            text[:-1],
            text.replace('"', "'"),
            f"{text[:-1]},}}",
            text.replace('": "', '": "As it says: "', 1).replace(", ", ' and so on", ', 1),
            f"Sure! Here is my verdict:\n\n{text}\n\nLet me know if you need more.",
        ]
    )
