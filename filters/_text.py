r"""The text that a filter measures: what a rollout thought, what it wrote, its words, its prose.

Word     a run of characters without a space, as `wc -w` counts; one character where the script writes no spaces
         (Han, kana, Thai, Lao, Khmer, Burmese, Tibetan), with the punctuation that follows it
Prose    the text without code, LaTeX, URLs and e-mail addresses: what is left is language

The patterns are of Rust's regex, which knows scripts and never backtracks: a 1 MB word costs what 1 MB of prose does.
"""

from __future__ import annotations

import polars as pl

from filters._characters import SPACELESS
from filters._columns import need
from filters._scan import Scan
from filters._shared import shared

_SPACELESS = "".join(rf"\p{{{script}}}" for script in SPACELESS)
_WORD = rf"[{_SPACELESS}][\p{{M}}\p{{P}}ー]*|[^\s{_SPACELESS}]+"

# One pass each: alternatives in one pattern would let a far-reaching one fail again at every short match.
_NOT_PROSE = (
    r"(?ms)^[ \t]*```.*?(?:^[ \t]*```|\z)",  # a fence that nobody closed runs to the end, as in CommonMark
    r"(?ms)^[ \t]*~~~.*?(?:^[ \t]*~~~|\z)",
    r"`+[^`\n]+`+",
    r"(?s)\$\$.*?\$\$",
    r"\$[^\s$](?:[^$\n]*[^\s$])?\$",  # no space inside the signs, as in Pandoc: `$5 here and $6` is money
    r"(?s)\\\(.*?\\\)",
    r"(?s)\\\[.*?\\\]",
    r"(?s)\\begin\{.*?\\end\{[^}]*\}",
    r"\\[A-Za-z]+",
    r"(?:https?://|www\.)[!-~]+",
    r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+",
)


def thinking(rows: pl.DataFrame) -> pl.Series:
    """The reasoning; the response of a row that did not think (reasoning null); never null."""
    reasoning, response = column(rows, "reasoning"), column(rows, "response")
    return reasoning.zip_with(rows["reasoning"].is_not_null(), response)


def written(rows: pl.DataFrame) -> pl.Series:
    """All that the model wrote, the reasoning and then the response; never null."""
    return column(rows, "reasoning") + "\n" + column(rows, "response")


def column(rows: pl.DataFrame, name: str) -> pl.Series:
    """A text column, empty text in the place of its nulls."""
    need(rows, name)
    return rows[name].cast(pl.String).fill_null("")  # a column of nulls only has no type of its own


def words(text: pl.Series) -> pl.Series:
    """How many words each text has."""
    return text.str.count_matches(_WORD)


def prose(text: pl.Series) -> pl.Series:
    """The text with a space where code, LaTeX, a URL or an e-mail address was."""
    for pattern in _NOT_PROSE:
        text = text.str.replace_all(pattern, " ")
    return text


def scanned_writing(rows: pl.DataFrame) -> Scan:
    """The scan of all that the model wrote."""
    return shared(rows, "writing", lambda: Scan(written(rows)))


def scanned_thinking(rows: pl.DataFrame) -> Scan:
    """The scan of the thinking as it stands."""
    return shared(rows, "thinking", lambda: Scan(thinking(rows)))


def scanned_prose(rows: pl.DataFrame) -> Scan:
    """The scan of the thinking's prose."""
    return shared(rows, "prose", lambda: Scan(prose(thinking(rows))))
