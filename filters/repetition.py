"""Repetition: the share of a rollout's words that stand in an n-gram seen before.

Measure  words covered by a repeated n-gram / all words, over reasoning and response; its first occurrence does not
         count; 0 when there are fewer than n words. In Chinese, Japanese, Thai ... a character is a word; a word of
         more than 32 characters counts as several, so that a loop without a space is seen
Source   Gopher's duplicate n-gram fractions, Rae et al. 2021, Table A1 (arXiv:2112.11446), which takes n = 5 to 10
         and drops a web page above 0.15 to 0.10; R1 filters repetition by a rule it does not disclose
Use      a decoder that loops scores near 1. Long reasoning repeats its phrases: at ngram 5 half of DeepSeek-R1-0528's
         traces are above 0.15, at 20 clean ones are near 0. `max` 0.5, or 0.1 to 0.2 with ngram 20, is a choice
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import polars as pl

from filters._text import words, written

VERSION = 1

_LONGEST = 32  # characters of a word: longer than words of prose are, short enough to see "!!!!..." as a loop


def repetition(rows: pl.DataFrame, *, ngram: int = 5) -> pl.Series:
    if ngram < 1:
        raise ValueError(f"ngram is 1 or more, not {ngram}")
    spoken = words(written(rows), _LONGEST)
    return pl.Series("repetition", [_repeated(text.to_list(), ngram) for text in spoken], dtype=pl.Float64)


def _repeated(words: Sequence[str], ngram: int) -> float:
    """The share of words that an n-gram covers which has stood further left already."""
    seen: set[int] = set()
    covered = end = 0
    for start, gram in enumerate(_grams(words, ngram)):
        if gram in seen:
            covered += start + ngram - max(start, end)
            end = start + ngram
        seen.add(gram)
    return covered / len(words) if words else 0.0


def _grams(words: Sequence[str], ngram: int) -> list[int]:
    """A number for the n-gram that starts at each word, equal where the n-grams are equal.

    A gram of a + b words is the gram of a words here and the gram of b words further on, so that a gram of any length
    costs log2(n) passes over the text.
    """
    grams, size = _numbered(words), 1
    while size < ngram:
        step = min(size, ngram - size)
        grams = _numbered(list(zip(grams, grams[step:], strict=False)))
        size += step
    return grams


def _numbered(things: Sequence[Hashable]) -> list[int]:
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(thing, len(numbers)) for thing in things]
