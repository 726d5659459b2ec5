"""Language consistency: the share of the thinking's words that are in the language of the question.

Measure  words of the target language / all words, over the thinking; 1 when it has no words. The target is `language`
         (ISO 639-1), else the question's, else (a question too short to tell) the one most of the thinking is in. What
         counts as a word and as foreign is what `language_mixing` says, and here one Han character counts too; thinking
         that is mostly in another language than the target has the target's passages for it. Code, LaTeX, URLs,
         numbers and single letters of an alphabet are no words; names, quotations, terms, the question's words and the
         languages that it asks about count for the target
Source   DeepSeek-R1's language consistency reward, Eq. 7 (arXiv:2501.12948, 2.3.2)
Use      `min` 0.9 to 0.95 drops thinking that is in another language than the question, or mixed throughout, and leaves
         room for a slip; a choice, R1 gives no bound. It must keep terms and quotations; the one foreign sentence of a
         long trace moves it too little and is for `language_mixing`
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import polars as pl

from filters._characters import Numbers
from filters._language_block import Block, Questions, written_in
from filters._language_home import known_languages, script_of
from filters._language_mixed import Mixed, mixed
from filters._language_tokens import CJK, NUMBER, SCRIPTS

VERSION = 2
SCOPE = "row"
BOUNDS = {"min": 0.9}

_NEAR = 300  # hundredths of nats: a question this near to the thinking's language is in it


def language_consistency(rows: pl.DataFrame, *, language: str | None = None) -> pl.Series:
    given = None if language is None else _given(language)
    all_of = mixed(rows)
    own, every, by_script = _words(all_of)
    shares = []
    for row, (main_script, main) in enumerate(_main(all_of.read)):
        script, spoken = given or _asked(all_of.questions, row, main_script, main)
        if not every[row]:
            share = 1.0
        elif script == 0 or (script == main_script and (spoken in (None, main) or not all_of.read.main.sure[row])):
            share = own[row] / every[row]
        elif script == main_script and main is not None and _told_apart(script, spoken):
            share = sum(passage.count for passage in all_of.found[row] if passage.language == spoken) / every[row]
        else:
            share = by_script[row, script] / every[row]
        shares.append(min(1.0, float(share)))
    return pl.Series("language_consistency", shares, dtype=pl.Float64)


def _given(language: str) -> tuple[int, str | None]:
    if not re.fullmatch(r"[a-z]{2}", language):
        raise ValueError(f"language is an ISO 639-1 code such as 'en' or 'zh', not {language!r}")
    language = {"no": "nb", "hr": "sh", "sr": "sh", "bs": "sh", "tl": "fil"}.get(language, language)
    return NUMBER[script_of(language)], language


def _main(read: Block) -> Iterator[tuple[int, str | None]]:
    return zip(read.main.script.tolist(), read.main.language, strict=True)


def _asked(questions: Questions, row: int, main_script: int, main: str | None) -> tuple[int, str | None]:
    """The question's script and language; the thinking's where the question is too short to say, or is in both."""
    asked = questions.read.main
    script, spoken, scores = int(asked.script[row]), asked.language[row], asked.score[row]
    if main in questions.spoken[row]:
        return main_script, main
    if script == main_script and (
        spoken is None or not asked.sure[row] or (main in scores and scores[main] >= max(scores.values()) - _NEAR)
    ):
        return script, main
    return script, spoken


def _told_apart(script: int, language: str | None) -> bool:
    return SCRIPTS[script - 1] == CJK or language in known_languages(SCRIPTS[script - 1])


def _words(all_of: Mixed) -> tuple[Numbers, Numbers, Numbers]:
    """For each row how many words are not foreign to its main language, how many there are, and how many by script."""
    read, questions = all_of.read, all_of.questions
    words, rows, scripts = read.words, len(all_of.found), len(SCRIPTS) + 1
    foreign = (
        (words.script != read.main.script[words.row])
        & (words.script != NUMBER["Latin"])
        & ~words.passive
        & (words.quote == 0)
    )
    for at in np.flatnonzero(foreign):
        row = int(words.row[at])
        free = not written_in(SCRIPTS[words.script[at] - 1]).isdisjoint(questions.allowed[row])
        foreign[at] = not free and words.text(int(at), int(at) + 1) not in questions.texts[row]
    for passages in all_of.found:
        for passage in passages:
            foreign[passage.begin : passage.end] = True
    every = np.bincount(words.row, read.count, rows)
    own = every - np.bincount(words.row[foreign], read.count[foreign], rows)
    place = words.row.astype(np.int64) * scripts + words.script
    return own, every, np.bincount(place, read.count, rows * scripts).reshape(rows, scripts)
