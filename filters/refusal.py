"""Refusal: 1 where the response declines to do what was asked, 0 where it does it or only talks of declining.

Measure  1 when a sentence in the first 600 characters of the response (behind its thinking, where that stands in it)
         matches filters/_phrases/refusal.txt: "I can't help with that", "As an AI ... I cannot", 抱歉，我无法提供,
         "Es tut mir leid, aber ich kann dabei nicht helfen"; twenty-five languages. Quotations and code are not read,
         nor are sentences that say what is missing or undetermined (filters/_phrases/not_refusal.txt)
Source   the kinds of refusal that XSTest's annotators labelled (arXiv:2308.01263); the phrases are a choice
Use      `max` 0 drops refusals, those that go on to something safer too. It keeps mathematics ("x cannot be 0", "I
         cannot determine the value without y", "there is no solution"), apologies for a slip, talk of safety. An answer
         that argues against the question without declining is kept
"""

from __future__ import annotations

import polars as pl

from filters._phrases import lines, phrases
from filters._text import column

VERSION = 1
SCOPE = "row"
BOUNDS = {"max": 0}

_OPENING = 600  # characters: who declines says so first
_QUOTED = (
    r"(?s)```.*?(?:```|\z)",
    r"(?m)^\s*>.*$",
    r'"[^"\n]*"',
    r"“[^”\n]*”",
    r"「[^」\n]*」",
    r"«[^»\n]*»",
    r"『[^』\n]*』",
)
_SENTENCE = r"[^.!?。！？।؟\n]*"
_BEGIN = (
    r"(?:^[\s*_#]*|[.!?,;:\n—–…][\s*_#]*|-\s+|"
    r"\b(?:but|however|unfortunately|and|so|therefore|thus|afraid|regrettably|although|while|since|because|pero|mais|"
    r"aber|maar|но|mas|ma)[,:]? )"
)


def refusal(rows: pl.DataFrame) -> pl.Series:
    said = pl.DataFrame({"said": _opening(rows)}).with_row_index("at")
    said = _likely(said)
    said = _likely(said.with_columns(said=_read(said["said"])))  # most cues go with what is not read
    declined = said.filter(pl.col("said").str.contains(_pattern()))["at"]
    found = pl.zeros(rows.height, dtype=pl.Float64, eager=True)
    return found.scatter(declined, 1.0).alias("refusal")


def _likely(said: pl.DataFrame) -> pl.DataFrame:
    return said.filter(pl.col("said").str.contains_any(lines("refusal_cues")))


def evidence(rows: pl.DataFrame) -> pl.Series:
    """The sentence that declines."""
    said = _read(_opening(rows)).str.extract(f"({_SENTENCE}{_pattern()}{_SENTENCE})").str.strip_chars(" .,;:*\n")
    said = said.str.replace_all(r"\s+", " ")
    return ('"' + said.str.slice(0, 200) + '"').alias("evidence")


def _pattern() -> str:
    return phrases("refusal", begin=_BEGIN)


def _opening(rows: pl.DataFrame) -> pl.Series:
    """The response's first characters, in lower case."""
    said = column(rows, "response").str.split("</think>").list.last()
    return said.str.strip_chars().str.slice(0, _OPENING).str.to_lowercase()


def _read(said: pl.Series) -> pl.Series:
    """The text without quotations and without what only sounds like declining."""
    for pattern in _QUOTED:
        said = said.str.replace_all(pattern, " ")
    return said.str.replace_all(_SENTENCE + phrases("not_refusal") + _SENTENCE, " ")
