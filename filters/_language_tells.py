"""Passages told by letters that the home language does not write: Belarusian in Russian, Assamese in Bengali.

In   the words of the texts in one language
Out  passages from the first to the last of near words with such letters: most of those languages have no list
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from filters._characters import Numbers
from filters._language_block import Block, Passage, Questions, passage

# home: the letters it does not write, and the language that does
_TELLS = {
    "ru": {"ў": "be", "і": "uk", "ї": "uk", "є": "uk", "ґ": "uk", "ј": "sh", "ђ": "sh", "ћ": "sh", "љ": "sh", "њ": "sh",
           "џ": "sh", "ѓ": "mk", "ќ": "mk", "ѕ": "mk", "ә": "kk", "ғ": "kk", "қ": "kk", "ң": "kk", "ұ": "kk", "ө": "mn",
           "ү": "mn", "ӣ": "tg", "ӯ": "tg", "ҷ": "tg", "ҳ": "tg"},
    "bn": {"ৰ": "as", "ৱ": "as"},
    "tr": {"ə": "az"},
}  # fmt: skip
_NEAR = 6  # words from one to the next
_LETTERS = 3  # of the longest word


def by_letters(read: Block, chosen: Numbers, language: str | None, questions: Questions) -> Iterator[Passage]:
    tells, words = _TELLS.get(language or ""), read.words
    if tells is None or not chosen.size:
        return
    places = np.flatnonzero(np.isin(words.scan.codes, [ord(letter) for letter in tells]))
    at = np.unique(np.searchsorted(words.start, places, side="right") - 1)
    at = at[at >= 0]
    at = at[np.isin(at, chosen) & ~words.passive[at] & ~words.name[at] & (words.quote[at] == 0)]
    for run in np.split(at, np.flatnonzero((np.diff(at) > _NEAR) | (np.diff(words.row[at]) != 0)) + 1):
        if not run.size or (words.end[run] - words.start[run]).max() < _LETTERS:
            continue
        found = [letter for one in run for letter in words.text(int(one), int(one) + 1) if letter in tells]
        row, other = int(words.row[run[0]]), tells[min(found, key=list(tells).index)] if found else None
        said = np.isin(words.key[run], questions.keys(row)).all()
        if other is not None and other not in questions.allowed[row] and not said:
            yield passage(read, row, int(run[0]), int(run[-1]) + 1, other)
