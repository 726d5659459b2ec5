"""What is read of a block of texts before their languages are compared: words, how many, the main language of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filters._characters import KIND, Numbers
from filters._language_home import ALONE, KANA, Main, kana_share, main
from filters._language_segments import LETTERS_PER_WORD, words_in
from filters._language_tokens import CJK, NUMBER, SCRIPTS, Tokens, tokens
from filters._language_words import LISTED
from filters._scan import Scan

Spoken = tuple[str, str | None]  # a script and a language


@dataclass(frozen=True)
class Passage:
    """Words from begin to end, places among the tokens of the block; count: how many words they are."""

    row: int
    begin: int
    end: int
    language: str
    count: int
    text: str


@dataclass(frozen=True)
class Block:
    """What is read of the texts of a block of rows.

    words, count  the words, and how many each stands for: a run of Han or Thai letters is several
    main          the main language of each text
    """

    words: Tokens
    count: Numbers
    main: Main

    @property
    def homes(self) -> list[Spoken | None]:
        """The main script and language of each text; None without words."""
        known = zip(self.main.script.tolist(), self.main.language, strict=True)
        return [(SCRIPTS[script - 1], language) if script else None for script, language in known]


@dataclass(frozen=True)
class Questions:
    """What the questions let the thinking say in another language.

    read      the questions' words
    texts     as they stand
    spoken    the languages that each is in, in part, or asks about
    allowed   those; its own only where there are others, and those of its letters where it is about language
    """

    read: Block
    texts: list[str]
    spoken: list[frozenset[str]]
    allowed: list[frozenset[str]]

    def keys(self, row: int) -> Numbers:
        words = self.read.words
        return words.key[words.first[row] : words.first[row + 1]]


def read_block(scan: Scan, asked: Main | None = None) -> Block:
    """asked: the languages of the questions, where these are the thoughts about them."""
    words = tokens(scan)
    count = _counted(words)
    return Block(words, count, main(words, count, asked))


def _counted(words: Tokens) -> Numbers:
    """How many words each token stands for."""
    count = np.ones(words.start.size, dtype=np.int64)
    for script in ("Thai", "Lao", "Khmer", "Myanmar", "Tibetan"):
        some = np.flatnonzero(words.script == NUMBER[script])
        count[some] = -(-(words.end[some] - words.start[some]) // LETTERS_PER_WORD)
    runs = np.flatnonzero(words.script == NUMBER[CJK])
    if runs.size:
        kana = kana_share(words, words.script == NUMBER[CJK])
        count[runs] = words_in(words.scan, words.start[runs], words.end[runs], kana[words.row[runs]] >= KANA)
    return count


def is_kana(scan: Scan) -> Numbers:
    return (scan.kind == KIND["Hiragana"]) | (scan.kind == KIND["Katakana"])


def written_in(script: str) -> set[str]:
    if script == CJK:
        return {"zh", "ja"}
    return {ALONE[script]} if script in ALONE else set(LISTED.get(script, ()))


def passage(read: Block, row: int, begin: int, end: int, language: str) -> Passage:
    words = read.words
    text = words.scan.text(int(words.start[begin]), int(words.end[end - 1]))
    return Passage(row, begin, end, language, int(read.count[begin:end].sum()), text)
