"""Checks: what may be wrong with a text that a model wrote in place of another.

In   rewrites: the row as it was, the new text and what it takes the place of
Out  for each what the first check that failed says, `numbers: 17 in 'so 17 apples'`, or None

    finished    the model ended the text by itself, and it is not empty
    form        no tags, no marks of a chat template, none of the lines that fence off what was shown; for some
                rewritings no markup and no long paragraph
    mention     nothing about the rewriting, no preamble, no refusal, nothing of a thought process
    length      not much shorter or longer than what it takes the place of
    loops       it does not say the same again and again, more than the old text does
    numbers     none that stand nowhere before: datafactory/rewriting/numbers.py
    content     new thinking says the numbers of the old, and that of the answer for certain
    language    in the language of the question
    own         what the rewriting itself asks for: a box at the end of a summary
    answer      the verifiers say the same as before, and thinking concludes what the response answers

Each is a function of its arguments. `answer` costs most, and is asked of what passes the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from datafactory import answers
from datafactory.rewriting.mentions import mention
from datafactory.rewriting.numbers import lost_numbers, new_numbers
from datafactory.types import FinishReason
from filters._text import words
from filters.language_consistency import language_consistency
from filters.long_paragraph import long_paragraph
from filters.looping_tail import looping_tail
from filters.markup_in_thinking import markup_in_thinking
from filters.refusal import refusal
from filters.repetition import repetition
from filters.summary_leaks_thinking import summary_leaks_thinking

SHOWN = 3  # numbers that are named
LOOPS = 0.5  # of `repetition`, a choice; long thinking may have more, and then its rewrite may too
TAIL = 20  # of `looping_tail`, its own bound
_TAGS = re.compile(
    r"</?(?:think(?:ing)?|answer|reasoning|response|rewrite)>|<\|[A-Za-z][\w▁]{1,40}\|>|<｜[^｜\n]{2,40}｜>|\[/?INST\]|<</?SYS>>"
    r"|^=== .{1,40} [0-9a-f]{8} ===$",
    re.M,
)


@dataclass(frozen=True)
class Rewrite:
    """A new text for a part of a row; row is as it was, text is without the model's own thinking."""

    row: Mapping[str, Any]
    text: str
    finish_reason: FinishReason = "stop"
    fault: str | None = None  # what was wrong with it before it could be looked at

    def old(self, part: str) -> str:
        return self.row.get(part) or ""

    @property
    def sources(self) -> list[str]:
        """All that was known before it was written."""
        names = ("question", "history", "choices", "answer", "pseudo_answer", "reasoning", "response")
        return [self.row[name] for name in names if self.row.get(name)]


def finished(rewrite: Rewrite, config: Any) -> str | None:
    if rewrite.fault:
        return rewrite.fault
    if rewrite.finish_reason != "stop":
        return "it was cut at max_tokens" if rewrite.finish_reason == "length" else "the engine gave no text"
    if not rewrite.text.strip():
        return "it is empty"
    return "it is the text that was there" if rewrite.text.strip() == rewrite.old(config.writes).strip() else None


def form(rewrite: Rewrite, config: Any) -> str | None:
    tag = _TAGS.search(rewrite.text)
    if tag:
        return f"it holds {tag[0]!r}"
    if not config.prose:
        return None
    rows = pl.DataFrame({"question": [rewrite.old("question")], "reasoning": [rewrite.text], "response": [""]})
    marked = markup_in_thinking(rows)[0]
    if marked:
        return f"{marked:g} lines are a document's: headings, lists, bold"
    longest = long_paragraph(rows)[0]
    return f"a paragraph of {longest:g} words; at most {config.paragraph}" if longest > config.paragraph else None


def mentions(rewrite: Rewrite, config: Any) -> str | None:
    before = rewrite.sources
    found = mention(rewrite.text, before, ("preamble", "rewriting", *config.never_mentions))
    if found:
        return found
    if refusal(pl.DataFrame({"response": [rewrite.text]}))[0] and not refusal(pl.DataFrame({"response": before})).sum():
        return f"it declines: '{' '.join(rewrite.text.split())[:120]}'"
    if config.writes != "response" or "process" not in config.never_mentions:
        return None
    thinking = rewrite.old("reasoning") or "nothing"
    leaks = summary_leaks_thinking(pl.DataFrame({"reasoning": [thinking], "response": [rewrite.text]}))[0]
    return "it thinks aloud, or is the thinking word for word" if leaks > 0.5 else None


def length(rewrite: Rewrite, config: Any) -> str | None:
    new, old = words(pl.Series([rewrite.text, rewrite.old(config.writes)]))
    if not old:
        return None
    if config.at_least is not None and new < config.at_least * old:
        return f"{new} words in place of {old}; at_least is {config.at_least:g}"
    if config.at_most is not None and new > config.at_most * old:
        return f"{new} words in place of {old}; at_most is {config.at_most:g}"
    return None


def numbers(rewrite: Rewrite, config: Any) -> str | None:
    found = new_numbers(rewrite.text, rewrite.sources, config.counting)
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(found[:SHOWN]) + more if found else None


def loops(rewrite: Rewrite, config: Any) -> str | None:
    texts = [rewrite.text, rewrite.old(config.writes)]
    rows = pl.DataFrame({"question": [rewrite.old("question")] * 2, "reasoning": texts, "response": ["", ""]})
    new, old = repetition(rows)
    tail, before = looping_tail(rows)
    if new > max(LOOPS, old):
        return f"{new:.0%} of a stretch of its words were said before"
    return f"it ends in a loop of {tail:g} words" if tail > max(TAIL, before) else None


def content(rewrite: Rewrite, config: Any) -> str | None:
    old = rewrite.old("reasoning")
    if config.writes != "reasoning" or not old.strip():
        return None
    lost = lost_numbers(rewrite.text, old, config.counting)
    answer = answers.final(rewrite.old("response")) or rewrite.old("response")
    if concluded := lost.among(answer):
        return f"the answer's {concluded} is not in it"
    if lost.numbers and lost.share > 1 - config.keeps:
        return f"{lost.share:.0%} of the numbers are gone, among them {', '.join(lost.numbers[:SHOWN])}"
    return None


EACH: dict[str, Callable[[Rewrite, Any], str | None]] = {
    "finished": finished,
    "form": form,
    "mention": mentions,
    "length": length,
    "loops": loops,
    "numbers": numbers,
    "content": content,
}


def languages(rewrites: Sequence[Rewrite], config: Any) -> list[str | None]:
    """The check `language` of many at once: the target is the question's language."""
    rows = pl.DataFrame(
        {
            "question": [rewrite.old("question") for rewrite in rewrites],
            "reasoning": [rewrite.text for rewrite in rewrites],
            "response": [""] * len(rewrites),
        },
        schema=dict.fromkeys(("question", "reasoning", "response"), pl.String),
    )
    shares: Sequence[float] = language_consistency(rows).to_list() if rewrites else []
    return [
        f"{share:.0%} of its words are in the question's language; at least {config.min_language:g}"
        if share < config.min_language
        else None
        for share in shares
    ]


def faults(rewrites: Sequence[Rewrite], config: Any, own: Callable[[Rewrite], str | None] | None) -> list[str | None]:
    """What the first check that fails says of each; all but `answer`, for which the verifiers are needed."""
    found: list[str | None] = [None] * len(rewrites)
    for at, rewrite in enumerate(rewrites):
        for name, check in EACH.items():
            if name in config.checks and (why := check(rewrite, config)):
                found[at] = f"{name}: {why}"
                break
    left = [at for at, why in enumerate(found) if why is None]
    if "language" in config.checks:
        for at, why in zip(left, languages([rewrites[at] for at in left], config), strict=True):
            found[at] = why and f"language: {why}"
    if own and "own" in config.checks:
        for at in left:
            if found[at] is None and (why := own(rewrites[at])):
                found[at] = f"own: {why}"
    return found
