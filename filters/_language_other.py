"""Passages in another script: runs of its words, Latin prose among other letters, Chinese and Japanese."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from filters._characters import Numbers
from filters._language_block import Block, Passage, Questions, is_kana, passage
from filters._language_home import ALONE
from filters._language_same import ENOUGH, candidates, judged
from filters._language_segments import character_scores, simplified
from filters._language_tokens import CJK, SCRIPTS, Tokens
from filters._language_words import NAT, RARE, vocabulary

_CHARACTER, _TELLS = 4 * NAT, 3 * NAT
_HALF = 8 * NAT // 10  # half of what is written in Japanese is kana: each Han character is rarer for it
_TONOS = "άέήίόύώ"  # on a vowel of nearly every Greek word, and of no symbol
_ABBREVIATION = 4  # letters
_GLOSS = 12  # letters of a word in brackets
_TERM = -9 * NAT  # how likely an English word is as a term: a word of prose is likelier than 1 in 8,000
_FOREIGN_TERM = -13 * NAT  # and a word that is not English
_TERM_MOST, _TERM_LEAST = 5 * NAT, -2 * NAT
_PROSE = 9 * NAT
_SENTENCE, _EACH = 3 * NAT, 3 * NAT // 2  # less is enough from a capital to a stop, by each word after the second


def other_script(read: Block, chosen: Numbers, questions: Questions) -> Iterator[Passage]:
    """Runs of words of a script that is not the home's; Latin words are terms there, see latin_prose."""
    words = read.words
    chosen = chosen[[not words.passive[at] or _shouted(words.text(at, at + 1)) for at in chosen.tolist()]]
    if not chosen.size:
        return
    new = np.ones(chosen.size, dtype=bool)
    new[1:] = (
        (np.diff(chosen) > 1) | (np.diff(words.script[chosen].astype(int)) != 0) | (np.diff(words.row[chosen]) != 0)
    )
    for run in np.split(chosen, np.flatnonzero(new)[1:]):
        script = SCRIPTS[int(words.script[run[0]]) - 1]
        row = int(words.row[run[0]])
        question = questions.texts[row]
        said = [at for at in run if words.text(at, at + 1) not in question]
        if script == "Greek":  # αβγ are symbols: only words that the language has are words
            said = [at for at, place in zip(said, _greek(words, said), strict=True) if place >= 0]
            said = said if any(letter in _TONOS for at in said for letter in words.text(at, at + 1).lower()) else []
        size = sum(int(words.end[at] - words.start[at]) for at in said)
        if size < (2 if script in (CJK, "Hangul") else 3) or (script == "Greek" and len(said) < 2):
            continue
        if len(run) <= 2 and size <= _GLOSS and _bracketed(words, run):
            continue
        language = _language_of(words, run, script)
        if language in questions.allowed[row]:
            continue
        yield passage(read, row, int(run[0]), int(run[-1]) + 1, language)


def _shouted(word: str) -> bool:
    """In another script a long word in capitals is no abbreviation."""
    return len(word) > _ABBREVIATION and word.isalpha() and word.isupper()


def _greek(words: Tokens, at: list[int]) -> list[int]:
    return vocabulary("Greek").table.find(words.key[np.array(at, dtype=np.int64)]).tolist()


def _bracketed(words: Tokens, run: Numbers) -> bool:
    """Whether a word is explained: `crackers (饼干)`."""
    begin, end = int(words.start[run[0]]), int(words.end[run[-1]])
    scan = words.scan
    return scan.text(max(0, begin - 1), begin) in "(（" and scan.text(end, min(end + 1, scan.codes.size)) in ")）,;"


def _language_of(words: Tokens, run: Numbers, script: str) -> str:
    if script == CJK:
        return "ja" if any(_is_kana_text(words.text(at, at + 1)) for at in run) else "zh"
    if script in ALONE:
        return ALONE[script]
    known = vocabulary(script)
    scores = known.of(words.key[run]).astype(np.int64)
    scores[scores == 0] = RARE
    return known.languages[int(scores.sum(axis=0).argmax())]


def _is_kana_text(text: str) -> bool:
    return any("\u3041" <= letter <= "\u30ff" for letter in text)


def latin_prose(read: Block, chosen: Numbers, questions: Questions) -> Iterator[Passage]:
    """Passages among the Latin words of texts in another script."""
    words = read.words
    if not chosen.size:
        return
    known = vocabulary("Latin")
    keys, of = np.unique(words.key[chosen], return_inverse=True)
    scores = known.of(keys).astype(np.int32)
    term = np.where(scores[:, known.languages.index("en")] > RARE, _TERM, _FOREIGN_TERM)[:, None]
    scores = np.where(scores < 0, np.clip(scores - term, _TERM_LEAST, _TERM_MOST), -NAT)[of]
    quiet = words.passive[chosen]
    scores[quiet] = np.minimum(scores[quiet], 0)
    runs = np.cumsum(np.diff(chosen, prepend=chosen[0] - 1) > 1) + words.row[chosen]
    for begin, end in candidates(scores.max(axis=1), runs, NAT):
        first, last = np.searchsorted(runs, runs[begin]), np.searchsorted(runs, runs[begin], side="right")
        enough = _PROSE - _as_sentence(words, chosen[first:last])
        if end - begin >= 2 and last - first >= 3:
            yield from judged(read, chosen[begin:end], scores[begin:end], known.languages, enough, questions)


def _as_sentence(words: Tokens, run: Numbers) -> int:
    begin, end = int(words.start[run[0]]), int(words.end[run[-1]])
    scan = words.scan
    spoken = scan.text(max(0, begin - 2), begin) == "I "
    if not (spoken or scan.text(begin, begin + 1).isupper()) or scan.text(end, min(end + 1, scan.codes.size)) not in (
        ".",
        "!",
        "?",
    ):
        return 0
    small = int((~words.name[run] & ~words.passive[run]).sum()) + 2 * spoken
    return min(_SENTENCE + _EACH * max(0, small - 2), _PROSE - NAT)


def other_han(read: Block, chosen: Numbers, language: str | None, questions: Questions) -> Iterator[Passage]:
    """Chinese in Japanese or Japanese in Chinese, character by character."""
    words, other = read.words, "ja" if language == "zh" else "zh"
    if not chosen.size or language not in ("zh", "ja"):
        return
    size = words.end[chosen] - words.start[chosen]
    token = np.repeat(chosen, size)
    first = np.cumsum(size) - size
    at = np.repeat(words.start[chosen], size) + np.arange(token.size) - np.repeat(first, size)
    codes = simplified()[words.scan.codes[at]]
    scores = character_scores()
    advantage = np.clip(scores[other][codes] - scores[str(language)][codes], -_CHARACTER, _CHARACTER)
    group = words.row[token].astype(np.int64)
    if other == "zh":  # a passage in Chinese has no kana in it
        kana = is_kana(words.scan)[at]
        advantage -= _HALF
        advantage[kana] = -10 * NAT
        group = np.cumsum(kana) + group
    for begin, end in candidates(advantage, group, ENOUGH):
        row = int(words.row[token[begin]])
        text = words.scan.text(int(at[begin]), int(at[end - 1]) + 1)
        if other in questions.allowed[row] or text in questions.texts[row] or words.quote[token[begin:end]].all():
            continue
        strong = {
            code
            for code, score in zip(codes[begin:end].tolist(), advantage[begin:end].tolist(), strict=True)
            if score >= _TELLS - _HALF
        }
        if len(strong - {ord("的")}) < 2:
            continue
        yield passage(read, row, int(token[begin]), int(token[end - 1]) + 1, other)
