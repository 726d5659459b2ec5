"""The passages of the thinking that are in another language than the rest of it.

Foreign script  words of a script that the home language is not written in; one letter or one Han character is a symbol
Same script     a stretch of words that are together e^8 times likelier in another language than in the home language,
                wherever it begins and ends: no sentence need be cut out
Latin words     in a text of another script are terms (`Bayes theorem`, `for loop`) until their small words show prose
Not foreign     what stands in the question, languages that it names or quotes, quotations, names, code
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from filters._language_advantage import home
from filters._language_block import Block, Passage, Questions, read_block, written_in
from filters._language_home import SEVERAL
from filters._language_names import about_language, named
from filters._language_other import latin_prose, other_han, other_script
from filters._language_same import quotations, same_script
from filters._language_stock import stock
from filters._language_tells import by_letters
from filters._language_tokens import CJK, NUMBER, SCRIPTS
from filters._scan import Scan
from filters._shared import shared
from filters._text import column, prose, scanned_prose

_PROSE = 3  # words of another language in a question: fewer are a term, and allow no more than themselves
_ALL_OF_IT = 0.5  # of the words of a quotation are in other letters: it is foreign as a whole


@dataclass(frozen=True)
class Mixed:
    """The thinking, the questions, and the passages of each row that are not in the language most of it is in."""

    read: Block
    questions: Questions
    found: list[list[Passage]]


def mixed(rows: pl.DataFrame) -> Mixed:
    return shared(rows, "languages", lambda: _mixed(rows))


def _mixed(rows: pl.DataFrame) -> Mixed:
    questions = _asked(column(rows, "question"))
    read = read_block(scanned_prose(rows), questions.read.main)
    found: list[list[Passage]] = [[] for _ in range(rows.height)]
    for passage in _passages(read, questions):
        found[passage.row].append(passage)
    return Mixed(read, questions, found)


def _asked(questions: pl.Series) -> Questions:
    read = read_block(Scan(prose(questions)))
    nothing = [frozenset[str]()] * questions.len()
    main = [{here[1]} if here and here[1] else set() for here in read.homes]
    others: list[set[str]] = [set() for _ in main]
    for passage in _passages(read, Questions(read, [""] * questions.len(), nothing, nothing)):
        if passage.count >= _PROSE:
            others[passage.row].add(passage.language)
    allowed: list[frozenset[str]] = []
    words, texts = read.words, questions.to_list()
    known = named(questions)
    for row, (here, names) in enumerate(zip(read.homes, known, strict=True)):
        languages = others[row] | names
        if languages:
            languages = languages | main[row]
        if about_language(texts[row]):
            for number in set(words.script[words.first[row] : words.first[row + 1]].tolist()):
                if here and SCRIPTS[number - 1] != here[0]:
                    languages = languages | written_in(SCRIPTS[number - 1])
        allowed.append(frozenset(languages))
    spoken = [frozenset(own | more | names) for own, more, names in zip(main, others, known, strict=True)]
    return Questions(read, texts, spoken, allowed)


def _passages(read: Block, questions: Questions) -> list[Passage]:
    """All passages that are not in their text's main language."""
    words, homes = read.words, read.homes
    here = read.main.script[words.row]
    found: list[Passage] = []
    for script, language in sorted({one for one in homes if one}, key=str):
        rows = np.array([one == (script, language) for one in homes])
        chosen = np.flatnonzero((words.script == NUMBER[script]) & rows[words.row])
        if script == CJK:
            found += other_han(read, chosen, language, questions)
        elif script in SEVERAL and language:
            found += same_script(read, chosen, home(script, language), questions)
        covered = {at for passage in found for at in range(passage.begin, passage.end)}
        told = by_letters(read, chosen, language, questions)
        found += [one for one in told if covered.isdisjoint(range(one.begin, one.end))]
    foreign = words.script != here
    chosen = np.flatnonzero(foreign & ~quotations(words.quote, foreign, _ALL_OF_IT)) if words.row.size else words.row
    latin = words.script[chosen] == NUMBER["Latin"]
    found += other_script(read, chosen[~latin], questions)
    found += latin_prose(read, chosen[latin], questions)
    found = [passage for passage in found if not stock(read, passage)]
    return sorted(found, key=lambda passage: (passage.row, passage.begin))
