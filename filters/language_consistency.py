"""Language consistency: the share of the thinking's words that are in the language of the question.

Measure  words of the target language / all words, over the thinking; 1 when it has no words. The target is `language`
         (ISO 639-1), else the question's, else (a question too short to tell) the one most of the thinking is in.
         Code, LaTeX, URLs, numbers and single letters are no words; in scripts without spaces each character is one.
         A word of a script foreign to the target is foreign. Within a script langdetect's letter profiles are the
         referee, sentence by sentence (short ones are read together): the words of a sentence that they give to
         another language with confidence are foreign, those of a sentence in doubt are not; in Han script kana decides
Source   DeepSeek-R1's language consistency reward, Eq. 7 (arXiv:2501.12948, 2.3.2)
Use      `min` 0.9 to 0.95 drops mixed thinking and leaves room for names and quotations; a choice, R1 gives no bound
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import log
from pathlib import Path

import langdetect
import polars as pl
from langdetect.utils.ngram import NGram

from filters._text import SPACELESS, column, prose, thinking

VERSION = 1

_ENOUGH = 8  # different words before a sentence tells its language
_CONFIDENT = 8.0  # nats of log likelihood between the first language and the second
_UNSEEN = 0.5 / 10_000  # the smoothing of langdetect

_PROFILES = Path(langdetect.__file__).parent / "profiles"
_CJK = r"\p{Han}\p{Hiragana}\p{Katakana}"
_KANA = re.compile("[\u3041-\u30ff]")
_KANA_OF_JAPANESE = 0.2  # of the characters of a sentence; a name or a term in a Chinese sentence is less
_LATIN = r"\p{Latin}"
_SENTENCE_END = re.compile(r"[.!?\u2026][\"'\u201d\u2019)\]*]*\s|[\u3002\uff01\uff1f\u061f\u06d4\u0964\n]")

# Scripts that are written together, and the languages written in them; every other language is written in Latin.
_WRITTEN_IN = {
    _CJK: ("zh", "ja"),
    r"\p{Hangul}": ("ko",),
    r"\p{Cyrillic}": ("ru", "uk", "be", "bg", "mk", "sr", "kk", "ky", "tg", "mn"),
    r"\p{Arabic}": ("ar", "fa", "ur", "ps"),
    r"\p{Hebrew}": ("he", "yi"),
    r"\p{Greek}": ("el",),
    r"\p{Devanagari}": ("hi", "mr", "ne"),
    r"\p{Bengali}": ("bn", "as"),
    r"\p{Gurmukhi}": ("pa",),
    r"\p{Gujarati}": ("gu",),
    r"\p{Oriya}": ("or",),
    r"\p{Tamil}": ("ta",),
    r"\p{Telugu}": ("te",),
    r"\p{Kannada}": ("kn",),
    r"\p{Malayalam}": ("ml",),
    r"\p{Sinhala}": ("si",),
    r"\p{Thai}": ("th",),
    r"\p{Lao}": ("lo",),
    r"\p{Khmer}": ("km",),
    r"\p{Myanmar}": ("my",),
    r"\p{Tibetan}": ("bo",),
    r"\p{Georgian}": ("ka",),
    r"\p{Armenian}": ("hy",),
    r"\p{Ethiopic}": ("am", "ti"),
    _LATIN: (),
}


@dataclass(frozen=True)
class Target:
    """What the thinking should be in; language is None where only the script is known."""

    script: str
    language: str | None


def language_consistency(rows: pl.DataFrame, *, language: str | None = None) -> pl.Series:
    thoughts = prose(thinking(rows))
    if language is not None:
        targets: list[Target | None] = [_given(language)] * rows.height
    else:
        targets = [_spoken(question) for question in prose(column(rows, "question"))]
    shares = [_share(thought, target) for thought, target in zip(thoughts, targets, strict=True)]
    return pl.Series("language_consistency", shares, dtype=pl.Float64)


def _given(language: str) -> Target:
    if not re.fullmatch(r"[a-z]{2}", language):
        raise ValueError(f"language is an ISO 639-1 code such as 'en' or 'zh', not {language!r}")
    return Target(_script_of(language), language)


def _script_of(language: str) -> str:
    return next((script for script, known in _WRITTEN_IN.items() if language[:2] in known), _LATIN)


def _spoken(text: str) -> Target | None:
    """The script that most words of a text are in, and its language where there is enough to tell; None: no words."""
    counts = _counts(text)
    if not counts.total():
        return None
    script = counts.most_common(1)[0][0]
    known = _WRITTEN_IN[script]
    return Target(script, known[0] if len(known) == 1 else _language(script, _words(pl.Series([text]), script)[0]))


def _share(thought: str, target: Target | None) -> float:
    counts = _counts(thought)
    target = target or _spoken(thought)
    if target is None or not counts.total():
        return 1.0
    home = counts[target.script]
    if target.language is None or target.language in _rivals(target.script):
        spoken: Counter[str | None] = Counter()
        for sentence, times in Counter(_sentences(thought, target.script)).items():
            spoken[_language(target.script, sentence)] += times * len(sentence)
        undecided = spoken.pop(None, 0)
        language = target.language or max(spoken, key=lambda name: (spoken[name], name or ""), default=None)
        home = undecided + spoken[language]
    return home / counts.total()


def _counts(text: str) -> Counter[str]:
    """How many words of each script there are."""
    whole = pl.Series([text])
    return Counter({script: whole.str.count_matches(_word(script)).item() for script in _WRITTEN_IN})


def _word(script: str) -> str:
    """The pattern of a word. One letter of an alphabet is a symbol (x, π), one syllable of Hangul is a word."""
    if script in SPACELESS:  # both are lists of classes, such as \p{Thai}
        return rf"[[{script}]&&\p{{L}}]"
    letter = rf"[[{script}\p{{M}}]&&[\p{{L}}\p{{M}}]]"
    return rf"[[{script}]&&\p{{L}}]{letter}{'*' if 'Hangul' in script else '+'}"


def _words(lines: pl.Series, script: str) -> list[list[str]]:
    return lines.str.extract_all(_word(script)).to_list()


def _sentences(text: str, script: str) -> Iterator[tuple[str, ...]]:
    """The words of one script, sentence by sentence; sentences too short to judge are taken together, in order."""
    short: list[str] = []
    for words in _words(pl.Series(_SENTENCE_END.split(text)), script):
        if len(words) >= _ENOUGH:
            yield tuple(words)
            continue
        short += words
        if len(short) >= _ENOUGH:
            yield tuple(short)
            short = []
    if short:
        yield tuple(short)


def _language(script: str, words: Sequence[str]) -> str | None:
    """The language of words of one script; None when there are too few, or no language is certain."""
    if len(words) < _ENOUGH:
        return None
    if script == _CJK:
        kana = sum(_KANA.match(word) is not None for word in words) / len(words)
        return "ja" if kana >= _KANA_OF_JAPANESE else None if kana else "zh"
    # each word once: `tan tan tan tan` says no more of the language than `tan`
    different = [word for word in dict.fromkeys(words) if not word.isupper()]
    rivals = _rivals(script)
    if len(different) < _ENOUGH or len(rivals) < 2:
        return None
    profiles = _profiles(script)
    known = [profiles[gram] for word in different for gram in _grams(word) if gram in profiles]
    if not known:
        return None
    # over all there are: langdetect itself draws some at random, which is slower and takes more clean sentences for
    # another language
    scores = [sum(rival) for rival in zip(*known, strict=True)]
    second, first = sorted(scores)[-2:]
    return rivals[scores.index(first)] if first - second >= _CONFIDENT else None


def _grams(word: str) -> Iterator[str]:
    """One to three letters in a row, with the spaces around the word, as langdetect's profiles count them."""
    letters = "".join(map(_normal, unicodedata.normalize("NFC", word)))
    padded = f" {letters} "
    yield from letters
    for size in (2, 3):
        yield from (padded[start : start + size] for start in range(len(padded) - size + 1))


@lru_cache(maxsize=4096)
def _normal(letter: str) -> str:
    return NGram.normalize(letter)


@cache
def _rivals(script: str) -> list[str]:
    """The languages of a script that can be told from each other; a target that is not among them has no referee."""
    if script == _CJK:
        return list(_WRITTEN_IN[_CJK])
    return sorted(path.name for path in _PROFILES.iterdir() if _script_of(path.name) == script)


@cache
def _profiles(script: str) -> dict[str, list[float]]:
    """The log probability of each sequence of letters in each of a script's languages."""
    profiles = [json.loads((_PROFILES / language).read_text(encoding="utf-8")) for language in _rivals(script)]
    grams = {gram for profile in profiles for gram in profile["freq"]}
    return {
        gram: [log(_UNSEEN + profile["freq"].get(gram, 0) / profile["n_words"][len(gram) - 1]) for profile in profiles]
        for gram in grams
    }
