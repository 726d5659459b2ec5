"""Contamination: how many n-grams of the row stand in an evaluation question or a reference solution.

Measure  distinct n-grams (n words in a row) of question (with its options and the conversation before it), reasoning
         and response that stand in a text of `against`: questions, reference solutions, answer options. Words are
         compared without case, accents, spacing, punctuation and LaTeX's wrappers; a letter is a word where the script
         writes no spaces. A question shorter than n words is found where the row's question is it, and from 6 words on
         where the row's question holds it. `of` takes the question alone, or the trace alone
Source   DeepSeek-R1 removed what shares a 10-gram with an evaluation question or reference solution
         (arXiv:2501.12948, D.1)
Use      `max` 0. A problem that holds a test question is a leak, and so is a trace that quotes its solution. A stock
         phrase of ten words counts too (`the number of ordered pairs of positive integers such that`): the evidence
         shows it. A question in other words shares no n-gram: paraphrase finds those
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from filters._evaluation import references, stamps
from filters._overlap import Matches, asked_whole, matches
from filters._quoted import quoted
from filters._text import column

VERSION = 1
SCOPE = "row"
BOUNDS = {"max": 0.0}

Of = Literal["all", "question", "trace"]
_COLUMNS = {"all": ("question", "reasoning", "response"), "question": ("question",), "trace": ("reasoning", "response")}
_SHOWN = 160  # characters


@dataclass(frozen=True)
class Passage:
    """The longest run of words of a row that stands in one reference, n-gram upon n-gram."""

    words: int
    column: str
    reference: int
    text: str


def contamination(rows: pl.DataFrame, *, against: tuple[Path, ...], ngram: int = 10, of: Of = "all") -> pl.Series:
    keys: dict[str, list[pl.DataFrame]] = {}
    for _, behind, ways in _searched(rows, against, ngram, of):
        for way, match in ways.items():
            keys.setdefault(way, []).append(pl.DataFrame({"row": match.text + behind, "key": match.key}))
    values = np.zeros(rows.height)
    for found in keys.values():
        each = pl.concat(found).unique().group_by("row").len()
        values[each["row"].to_numpy()] = np.maximum(values[each["row"].to_numpy()], each["len"].to_numpy())
    if of != "trace":
        short = asked_whole(column(rows, "question"), stamps(against), ngram)
        values = np.maximum(values, [reference is not None for reference in short])
    return pl.Series("contamination", values, dtype=pl.Float64)


def evidence(rows: pl.DataFrame, *, against: tuple[Path, ...], ngram: int = 10, of: Of = "all") -> pl.Series:
    """The longest passage, which column it stands in, and whose text it is."""
    files = stamps(against)
    longest: dict[int, Passage] = {}
    for name, behind, ways in _searched(rows, against, ngram, of):
        for match in ways.values():
            for row, passage in _passages(match, name, ngram):
                if behind + row not in longest or passage.words > longest[behind + row].words:
                    longest[behind + row] = passage
    told: list[str | None] = [None] * rows.height
    known = references(files)
    if of != "trace":
        for row, reference in enumerate(asked_whole(column(rows, "question"), files, ngram)):
            if reference is not None:
                told[row] = f"the question is {known[reference].where}: {quoted(known[reference].text, _SHOWN)}"
    for row, passage in longest.items():
        where = known[passage.reference].where
        told[row] = f"{passage.words} words of {where}, in the {passage.column}: {quoted(passage.text, _SHOWN)}"
    return pl.Series("evidence", told, dtype=pl.String)


def _searched(
    rows: pl.DataFrame, against: tuple[Path, ...], ngram: int, of: Of
) -> Iterator[tuple[str, int, dict[str, Matches]]]:
    if ngram < 1:
        raise ValueError(f"ngram is 1 or more, not {ngram}")
    if of not in _COLUMNS:
        raise ValueError(f"of is 'all', 'question' or 'trace', not {of!r}")
    files = stamps(against)
    further = [name for name in ("choices", "history") if rows.schema.get(name) == pl.String and of != "trace"]
    for name in (*_COLUMNS[of], *further):
        for behind, ways in matches(column(rows, name), files, ngram):
            yield name, behind, ways


def _passages(match: Matches, name: str, ngram: int) -> Iterator[tuple[int, Passage]]:
    """Runs of matches, each beginning within the one before it or right behind."""
    begun = 0
    for at in range(1, match.word.size + 1):
        if (
            at < match.word.size
            and match.word[at] <= match.word[at - 1] + ngram
            and match.text[at] == match.text[at - 1]
        ):
            continue
        first, last = int(match.word[begun]), int(match.word[at - 1]) + ngram - 1
        text = match.read.scan.text(int(match.read.words.start[first]), int(match.read.words.end[last]))
        reference = Counter(match.reference[begun:at].tolist()).most_common(1)[0][0]
        yield int(match.text[begun]), Passage(last - first + 1, name, reference, text)
        begun = at
