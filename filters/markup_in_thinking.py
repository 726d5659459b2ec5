r"""Markup in thinking: how many of the thinking's lines are furniture of a document.

Measure  lines that are a heading, a rule, a row of a table or hold an HTML tag, and marks of a chat template that are
         not in the question: <|im_start|>, [INST], a <think> or <answer> that begins a line. Lines that are quoted or
         hold **bold**, and items of lists, one does write in thinking too: they count only where they are more than a
         third of all lines, an item as half a line. `- 5` and `* 3 * 4` are arithmetic, and so is a line of dashes
         under a number; |x| = |y| is no table, for that there is a |---|---| line. 0 for a row that did not think
Source   R1's thinking is conversational, without markdown (arXiv:2501.12948, B.3.3). From where on lists are too much
         is a choice
Use      catches a written answer in the place of thinking, and template marks that a broken split left behind. Keeps
         LaTeX, words in bold, the lists by which a puzzle is worked through, the "**Final Answer**" that R1 and QwQ end
         on. `max` 0
"""

from __future__ import annotations

import polars as pl

from filters._text import column

VERSION = 1
SCOPE = "row"
BOUNDS = {"max": 0.0}

# each begins with the end of the line before, which is searched for much faster than ^ is
_LINE = r"\n[\n\r\t ]*[^\n\r\t ]"
_TAGS = "p|br|hr|div|span|pre|code|table|tr|td|th|ul|ol|li|h[1-6]|strong|em|details|summary|center|font|img"
_FURNITURE = (
    r"(?m)\n[ \t]*#{1,6}[ \t]+(?:[^o \t\r\n]|o[^f\n]|of[^ \n])[^\n]*"  # "# of items" is their number
    r"|[^0-9 \t\r\n][ \t\r]*\n[ \t\r]*\n[ \t]*(?:-{3,}|\*{3,}|_{3,}|(?:\* ){2,}\*)[ \t\r]*$"
    rf"|</(?:{_TAGS}|b|i|u|a)>[^\n]*|<(?:{_TAGS})(?: [a-z-]+=[^<>\n]*)?/?>[^\n]*"
)
_DRESSED = r"(?m)\n[ \t]*>[ \t]+[^\n]+|[^A-Za-z0-9)*]\*\*[^ \t*\n][^*\n]*\*\*[^\n]*"
# what follows the sign is a word: `- 5`, `* 3 * 4` and `1. 5 * 3` are arithmetic
_ITEM = (
    r"(?m)\n[ \t]*(?:[-*+•‣◦▪][ \t]+[^ \t\r\n0-9\\$(=.+*/-]|[0-9]{1,3}(?:[.)][ \t]+[^ \t\r\n0-9=+*/-]|、))"
    r"[^*\n]*(?:\*[^*\n]+)*$"  # an item with **bold** is dressed as a whole
)
_MANY = 1 / 3  # of all lines
_UNDER_HEAD = r"(?m)\n[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)+\|?[ \t\r]*$"
_ROW = r"(?m)\n[ \t]*\|[^\n]*\|[ \t\r]*$"
_MARK = (
    r"<\|[A-Za-z][A-Za-z0-9_▁]{1,40}\|>|<｜[^｜\n]{2,40}｜>|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>"
    r"|\n[ \t]*</?(?:think|thought|thinking|answer)>"
)


def markup_in_thinking(rows: pl.DataFrame) -> pl.Series:
    text = "\n" + column(rows, "reasoning")
    tables = text.str.count_matches(_ROW) * text.str.contains(_UNDER_HEAD)
    marks = pl.Series([len(marks) for marks in _marks(rows, text)], dtype=pl.Int64)
    lines = text.str.count_matches(_FURNITURE) + tables + marks + _soft(text)
    return lines.cast(pl.Float64).alias("markup_in_thinking")


def evidence(rows: pl.DataFrame) -> pl.Series:
    """The first mark of a template, or else the first line of furniture."""
    text = "\n" + column(rows, "reasoning")
    tables = text.str.contains(_UNDER_HEAD)
    told: list[str | None] = []
    for thought, marks, table, soft in zip(text, _marks(rows, text), tables, _soft(text), strict=True):
        wanted = [_FURNITURE, *([_ROW] if table else []), *([_DRESSED, _ITEM] if soft else [])]
        found = marks or pl.Series([thought]).str.extract_all("|".join(wanted))[0].to_list()
        at = thought.find(found[0]) if found else 0
        told.append(
            f"{len(found)} {'line' if len(found) == 1 else 'lines'}; at {at}: {found[0].strip()[:150]!r}"
            if found
            else None
        )
    return pl.Series("evidence", told, dtype=pl.String)


def _soft(text: pl.Series) -> pl.Series:
    """The lines that are dressed and half the items, where they are many, else 0."""
    soft = text.str.count_matches(_DRESSED) + text.str.count_matches(_ITEM) / 2
    return soft * (soft > _MANY * text.str.count_matches(_LINE))


def _marks(rows: pl.DataFrame, text: pl.Series) -> list[list[str]]:
    """The marks of a chat template that the question does not speak of."""
    asked = column(rows, "question") if "question" in rows.columns else pl.Series([""]).new_from_index(0, rows.height)
    found = text.str.extract_all(_MARK)
    marks: list[list[str]] = [[] for _ in range(rows.height)]
    for at in (found.list.len() > 0).arg_true():
        marks[at] = [mark for mark in found[at] if mark.strip() not in asked[at]]
    return marks
