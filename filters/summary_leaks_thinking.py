r"""Summary leaks thinking: how often the response thinks aloud, and what share of it is the thinking word for word.

Measure  the number of places where the response deliberates or speaks of thinking (a sentence opens with wait, hmm,
         hold on, let me think, 让我再想; <think>; "my thought process", "as I reasoned above", "the user might have
         meant"), plus the share of its words, from 0 to 1, that stand in runs of `ngram` words or more in the thinking
         too. 0 for a row that did not think
Source   R1's summary is a clean solution without a mention of a thought process (arXiv:2501.12948, B.3.3). English and
         Chinese phrases; a run of the same words is seen in any language
Use      catches a summary that goes on thinking, and one that is the thinking again. Keeps what both have to share:
         formulas, the question's words, and a draft, of a translation for example, that is shorter than `ngram` words.
         `max` 0.5: one place is too much, and so is half of the words
"""

from __future__ import annotations

import numpy as np
import polars as pl

from filters._characters import Numbers
from filters._scan import Words, in_a_row
from filters._text import column, scanned_writing

VERSION = 1
SCOPE = "row"
BOUNDS = {"max": 0.5}

# a quotation mark opens none of these: a character in a story may well say "Wait,"; (?i) and \b are slow
_OPENS = r"[.!?:\n)*] *\n*[ >*_-]*"
_ALOUD = (
    rf"{_OPENS}(?:(?:But|Oh|No|Hmm),? )?(?:[Ww]ait(?:,|\.\.|!|…| —|—| a (?:second|minute|moment))|[Hh]mm+[ ,.…\n]"
    r"|[Hh]old on[,.…]|(?:Now,? |So,? |But )?[Ll]et me (?:think|re-?think|re-?check|double.check|re-?read|start over"
    r"|see[.,])|(?:Okay|Alright|Ok),? (?:so |let me|let's|I need|I have to|the user)|[Aa]ctually, no[ ,.]"
    r"|[Ss]cratch that"
    r"|I (?:think I (?:made|misread|should)|need to (?:figure out|re-?check|re-?think)|just realized)"
    r"|[Bb]ut (?:wait|maybe I )|The user (?:is asking|asked|wants))"
)
_OF_THINKING = (
    r"</?think(?:ing)?>|<\|(?:begin|end)_of_thought\|>|(?:[Mm]y|[Tt]his|[Oo]ur) (?:final |own |whole )?"
    r"(?:thought process|chain of thought|internal (?:monologue|reasoning|thoughts))"
    r"|thought process (?:above|so far|was)|[Ii]n my (?:thoughts|thinking|reasoning|head)[ ,.]"
    r"|[Mm]y (?:earlier|previous|initial) (?:reasoning|thinking)"
    r"|[Aa]s I (?:reasoned|thought|figured|considered) (?:above|before|earlier|through)"
    r"|[Tt]he user (?:might|may) (?:have (?:meant|intended|mis)|expect|intend)"
)
_CHINESE = (
    r"[。！？\n](?:等等|等一下|不对|嗯)[，,。…]|让我(?:再|重新)?(?:想|检查|看看|算)"
    r"|我的思考过程|我的思路|用户(?:问|想|可能)"
)
_PATTERNS = (_ALOUD, _OF_THINKING, _CHINESE)

_TABLE = np.uint64((1 << 20) - 1)


def summary_leaks_thinking(rows: pl.DataFrame, *, ngram: int = 60) -> pl.Series:
    if ngram < 1:
        raise ValueError(f"ngram is 1 or more, not {ngram}")
    thought = column(rows, "reasoning").str.len_bytes() > 0
    places = sum((_spoken(rows).str.count_matches(pattern) for pattern in _PATTERNS), pl.zeros(rows.height, eager=True))
    return ((places + _copied(rows, ngram)) * thought).cast(pl.Float64).alias("summary_leaks_thinking")


def evidence(rows: pl.DataFrame, *, ngram: int = 60) -> pl.Series:
    """The first place that thinks aloud, and how much is the thinking word for word."""
    spoken = _spoken(rows)
    told: list[str | None] = []
    for text, share in zip(spoken, _copied(rows, ngram), strict=True):
        found = pl.Series([text]).str.extract_all("|".join(f"(?:{pattern})" for pattern in _PATTERNS))[0]
        at = text.find(found[0]) if found.len() else 0
        places = f"{found.len()} {'place' if found.len() == 1 else 'places'}"
        place = f"{places}; at {max(at - 1, 0)}: {text[at : at + 120].strip()!r}; " if found.len() else ""
        told.append(f"{place}{share:.0%} of its words are the thinking's")
    return pl.Series("evidence", told, dtype=pl.String)


def _spoken(rows: pl.DataFrame) -> pl.Series:
    """The responses, as if each began behind the end of a line."""
    return "\n" + column(rows, "response")


def _copied(rows: pl.DataFrame, ngram: int) -> pl.Series:
    """The share of each response's words that stand in n-grams of the row's own thinking."""
    scan = scanned_writing(rows)
    words = scan.words
    first = np.searchsorted(words.start, scan.first[:-1] + column(rows, "reasoning").str.len_chars().to_numpy() + 1)
    in_response = np.arange(words.row.size) >= first[words.row]
    hits = _shared_grams(words, in_response, ngram)
    steps = np.bincount(hits, minlength=words.row.size + ngram + 1)
    steps[ngram:] -= np.bincount(hits, minlength=words.row.size + 1)
    covered = np.cumsum(steps)[: words.row.size] > 0
    size = np.bincount(words.row[in_response], minlength=scan.rows)
    return pl.Series(np.bincount(words.row[covered], minlength=scan.rows) / np.maximum(size, 1))


def _shared_grams(words: Words, in_response: Numbers, ngram: int) -> Numbers:
    """The first words of the n-grams of responses that stand in the thinking of the same row."""
    grams = max(words.row.size - ngram + 1, 0)
    last = slice(ngram - 1, None)
    one_row = words.row[:grams] == words.row[last]
    # a gram of the response begins in it, one of the thinking ends before it
    response = np.flatnonzero(in_response[:grams] & one_row)
    if not response.size:
        return response
    keys = in_a_row(words.key + words.row.astype(np.uint64), ngram)
    # what neither side's table holds need not be compared: few grams are left
    thinking = np.flatnonzero(_among(keys, keys[response]) & ~in_response[last] & one_row)
    response = response[_among(keys[response], keys[thinking])]
    return response[np.isin(keys[response], keys[thinking])]


def _among(keys: Numbers, others: Numbers) -> Numbers:
    """Whether each key may be one of the others: never wrong where it says no."""
    table = np.zeros(_TABLE + np.uint64(1), dtype=bool)
    table[others & _TABLE] = True
    found: Numbers = table[keys & _TABLE]
    return found
