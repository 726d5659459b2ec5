"""Boilerplate: how many sentences of the response only furnish it.

Measure  sentences in the first 400 and the last 600 characters of the response (behind its thinking, where that stands
         in it) that match filters/_phrases/boilerplate.txt: "Certainly!", "Great question!", "I hope this helps", "Let
         me know if you have any questions", "As an AI language model", 希望这对您有帮助 ...; English and Chinese in
         breadth, their commonest forms in a dozen other languages. Code is not read
Source   the phrases are a choice; R1's rewriting asks for a clean summary without such talk (arXiv:2501.12948, B.3.2)
Use      a student learns to say what its data says. One such sentence is ordinary; `max` 1 or 2 drops furnished
         answers, 0 all of it. Content is kept: "certainly" or "I hope" within a sentence is none
"""

from __future__ import annotations

import polars as pl

from filters._phrases import phrases
from filters._text import column

VERSION = 1
SCOPE = "row"

_HEAD, _TAIL = 400, 600  # characters
_CODE = r"(?s)```.*?(?:```|\z)"
_STOP = r"([.!?…:。！？]['\"*_)’”]*)(?:\s|$)|([。！？])"  # behind it a sentence of its own line begins
_BEGIN = r"(?m:^)[\s*_#>\"“'-]*"
_REST = r"[^.!?。！？\n]*"
_SHOWN = 60


def boilerplate(rows: pl.DataFrame) -> pl.Series:
    head, tail = _ends(rows)
    return (
        (head.str.count_matches(_pattern()) + tail.str.count_matches(_pattern())).cast(pl.Float64).alias("boilerplate")
    )


def evidence(rows: pl.DataFrame) -> pl.Series:
    """`2 sentences: "certainly!", "i hope this helps"`."""
    told: list[str | None] = []
    for head, tail in zip(*(end.str.extract_all(_pattern()) for end in _ends(rows)), strict=True):
        said = [" ".join(text.split()).strip(" *_#>-.:!?…。！？'\"") for text in (*head, *tail)]
        shown = ", ".join(f'"{text[:_SHOWN]}"' for text in said[:3])
        told.append(f"{len(said)} sentence{'s' * (len(said) > 1)}: {shown}" if said else None)
    return pl.Series("evidence", told, dtype=pl.String)


def _ends(rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """The beginning and the end of each response; of a short one all of it, and no end."""
    said = column(rows, "response").str.split("</think>").list.last().str.strip_chars()
    short = said.str.len_chars() <= _HEAD + _TAIL
    head = said.zip_with(short, said.str.slice(0, _HEAD))
    tail = pl.repeat("", said.len(), eager=True).zip_with(short, said.str.tail(_TAIL))
    return _lines(head), _lines(tail)


def _lines(text: pl.Series) -> pl.Series:
    """A sentence a line, in lower case, without code."""
    return text.str.to_lowercase().str.replace_all(_CODE, " ").str.replace_all(_STOP, "$1$2\n")


def _pattern() -> str:
    return phrases("boilerplate", begin=_BEGIN, zh=_BEGIN) + _REST
