"""How many sentences of the thinking match a table of phrases; where the first one stands.

A sentence counts once, however many of the table's phrases stand in it. It ends at . ! ? of any script or a line's end.
"""

from __future__ import annotations

import polars as pl

from filters._lowered import lowered_thinking
from filters._phrases import phrases
from filters._quoted import quoted
from filters._text import thinking

REST = r"[^.!?。！？।؟\n]*"  # what is left of the sentence that a phrase stands in
_SHOWN = 80  # characters of a sentence shown


def sentences(rows: pl.DataFrame, table: str) -> pl.Series:
    return lowered_thinking(rows).str.count_matches(phrases(table) + REST).cast(pl.Float64).alias(table)


def first_sentence(rows: pl.DataFrame, table: str) -> pl.Series:
    """`3 sentences; the first at 1204: "Let me check ..."`, null where there is none."""
    pattern = phrases(table) + REST
    text = thinking(rows)
    lowered = lowered_thinking(rows)
    found: list[str | None] = []
    for whole, low, quote in zip(text, lowered, lowered.str.extract(f"({pattern})"), strict=True):
        if quote is None:
            found.append(None)
            continue
        at = low.find(quote)
        count = pl.Series([low]).str.count_matches(pattern)[0]
        said = whole[at : at + len(quote)] if len(whole) == len(low) else quote
        found.append(f"{count} sentence{'s' * (count > 1)}; the first at {at}: {quoted(said, _SHOWN)}")
    return pl.Series("evidence", found, dtype=pl.String)
