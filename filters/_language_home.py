"""The language that most of a text is in.

Script     the one that most of its words are written in
Language   of that script the one whose lists make its first words most likely; where the lists know too few of them,
           the one whose letters fit best (the referee); None where neither is certain enough
Question   its language is the text's where the text has a share of it, and the rest are terms or names: `docker build`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from filters._characters import KIND, Numbers
from filters._language_letters import PROFILES, letters
from filters._language_tokens import CJK, NUMBER, SCRIPTS, Tokens
from filters._language_words import LISTED, NAT, RARE, vocabulary

# Of the scripts that one language is written in, or of which one language alone is looked for.
ALONE = {
    "Hangul": "ko", "Greek": "el", "Hebrew": "he", "Bengali": "bn", "Gurmukhi": "pa", "Gujarati": "gu", "Oriya": "or",
    "Tamil": "ta", "Telugu": "te", "Kannada": "kn", "Malayalam": "ml", "Sinhala": "si", "Thai": "th", "Lao": "lo",
    "Khmer": "km", "Myanmar": "my", "Tibetan": "bo", "Georgian": "ka", "Armenian": "hy", "Ethiopic": "am",
    "Mongolian": "mn",
}  # fmt: skip
SEVERAL = ("Latin", "Cyrillic", "Arabic", "Devanagari")

# Languages that have neither a list nor a profile: their script is all that is known of them.
_ELSEWHERE = {
    "be": "Cyrillic", "kk": "Cyrillic", "ky": "Cyrillic", "tg": "Cyrillic", "mn": "Cyrillic", "ps": "Arabic",
    "ug": "Arabic", "sd": "Arabic", "yi": "Hebrew", "as": "Bengali", "sa": "Devanagari", "ti": "Ethiopic",
}  # fmt: skip

_READ = 100  # words of a text
_KNOWN = 0.45  # of them that its language's list has, at least
KANA = 0.1  # of the characters of a Japanese text, at least
_FLOOR = -11 * NAT  # one word more or less counts about alike, so that the language of most words is found
_SMALL = -13 * NAT // 2  # how likely the hundred or so most common words are, at least
_SMALL_WORDS = 0.2  # of the words of prose are among these, at least
_TERMS = 0.15  # of the words are in the question's letters, though most are terms
_OWN_SMALL = 0.08  # of the words are small words of the question's language alone, where it is preferred
_NO_SMALL = -9 * NAT
_SURE = 6 * NAT  # further behind is the second language where the first is beyond doubt


@dataclass(frozen=True)
class Main:
    """The main script and language of each text: script 0 and language None where there are no words.


    sure   whether the language is beyond doubt
    score  how well each language of a script of several fits
    """

    script: Numbers
    language: list[str | None]
    sure: list[bool]
    score: list[dict[str, int]]


def script_of(language: str) -> str:
    """The script of a language; Latin where it is not known to be another."""
    if language in ("zh", "ja"):
        return CJK
    if language in _ELSEWHERE:
        return _ELSEWHERE[language]
    alone = {code: script for script, code in ALONE.items()}
    return alone.get(language) or next((script for script in SEVERAL if language in known_languages(script)), "Latin")


@cache
def known_languages(script: str) -> frozenset[str]:
    """The languages that can be told from each other in a script."""
    return frozenset((*LISTED.get(script, ()), *PROFILES.get(script, {}).values()))


def main(words: Tokens, weight: Numbers, asked: Main | None = None) -> Main:
    rows = words.first.size - 1
    place, scripts = words.row.astype(np.int64) * (len(SCRIPTS) + 1) + words.script, len(SCRIPTS) + 1
    # what is quoted counts only where there is nothing else
    counts = np.bincount(
        place, weight * np.where(words.passive | (words.quote > 0), 1e-6, 1.0), rows * scripts
    ).reshape(rows, scripts)
    script = counts.argmax(axis=1)
    script[counts.max(axis=1, initial=0) == 0] = 0
    if asked is not None:
        script = _of_terms(words, script, counts, asked.script)
    language: list[str | None] = [None] * rows
    sure = [True] * rows
    score: list[dict[str, int]] = [{} for _ in range(rows)]
    for name in {SCRIPTS[number - 1] for number in set(script.tolist()) - {0}}:
        chosen = np.flatnonzero(script == NUMBER[name])
        if name == CJK:
            kana = kana_share(words, words.script == NUMBER[CJK])
            for row in chosen:
                language[row] = "ja" if kana[row] >= KANA else "zh"
        elif name in ALONE:
            for row in chosen:
                language[row] = ALONE[name]
        else:
            for at, scores, known, certain in _scores(words, chosen, name):
                score[at] = scores
                sure[at] = certain
                language[at] = max(scores, key=scores.__getitem__) if known else None
    if asked is not None:
        _prefer(words, script, language, asked)
    return Main(script, language, sure, score)


def _of_terms(words: Tokens, script: Numbers, counts: Numbers, asked: Numbers) -> Numbers:
    """The question's script where most words are Latin, but terms: few of them are small words of English."""
    latin = NUMBER["Latin"]
    rows = np.arange(script.size)
    some = (script == latin) & (asked != latin) & (asked > 0) & (counts[rows, asked] >= _TERMS * counts.sum(axis=1))
    if not some.any():
        return script
    at = np.flatnonzero(some[words.row] & (words.script == latin) & ~words.passive & (words.quote == 0))
    small = np.bincount(words.row[at], _small(words.key[at], "en"), script.size)
    return np.where(some & (small < _SMALL_WORDS * counts[:, latin]), asked, script)


def _small(keys: Numbers, language: str) -> Numbers:
    """Which words are among the hundred or so most common of a language in Latin letters."""
    return _likelier(vocabulary("Latin").of(keys)[:, LISTED["Latin"].index(language)], _SMALL)


def _likelier(score: Numbers, than: int) -> Numbers:
    return np.asarray((score < 0) & (score >= than))


def _prefer(words: Tokens, script: Numbers, language: list[str | None], asked: Main) -> None:
    """Takes the question's language where it has a good part of the small words, and the best the others.

    English thinking about words of the question's language is English.
    """
    listed = LISTED["Latin"]
    for row in np.flatnonzero((script == NUMBER["Latin"]) & (asked.script == script)):
        best, other = language[row], asked.language[row]
        if best in (other, "en") or best not in listed or other not in listed:
            continue
        at = np.arange(words.first[row], words.first[row + 1])
        at = at[~words.passive[at] & (words.script[at] == script[row]) & (words.quote[at] == 0)][:_READ]
        scores = vocabulary("Latin").of(words.key[at])
        own, its = scores[:, listed.index(str(other))], scores[:, listed.index(str(best))]
        ours = int((_likelier(own, _SMALL) & ~_likelier(its, _NO_SMALL)).sum())
        theirs = int((_likelier(its, _SMALL) & ~_likelier(own, _NO_SMALL)).sum())
        if ours >= _OWN_SMALL * at.size and 2 * ours >= theirs:
            language[row] = other


def kana_share(words: Tokens, chosen: Numbers) -> Numbers:
    """Of the characters of the chosen words of each text."""
    plain = chosen & (words.quote == 0)
    chosen = np.where(np.bincount(words.row[plain], minlength=words.first.size)[words.row] > 0, plain, chosen)
    kana = np.flatnonzero((words.scan.kind == KIND["Hiragana"]) | (words.scan.kind == KIND["Katakana"]))
    rows = words.first.size - 1
    some = np.flatnonzero(chosen)
    count = np.searchsorted(kana, words.end[some]) - np.searchsorted(kana, words.start[some])
    those = np.bincount(words.row[some], count, rows)
    return those / np.maximum(1, np.bincount(words.row[some], words.end[some] - words.start[some], rows))


def _scores(words: Tokens, rows: Numbers, script: str) -> Iterator[tuple[int, dict[str, int], bool, bool]]:
    """For each of these texts how well its first words fit each language; whether the best is known, and certain."""
    chosen = np.zeros(words.first.size - 1, dtype=bool)
    chosen[rows] = True
    of_script = np.flatnonzero(
        (words.script == NUMBER[script]) & ~words.passive & (words.quote == 0) & chosen[words.row]
    )
    first = np.searchsorted(words.row[of_script], np.arange(words.first.size))
    nth = np.arange(of_script.size) - first[words.row[of_script]]
    read = of_script[nth < _READ]
    keys, one, of = np.unique(words.key[read], return_index=True, return_inverse=True)
    listed, spelt = vocabulary(script), letters(script)
    by_list = listed.of(keys).astype(np.int64)
    by_list[by_list == 0] = RARE
    by_letters = np.maximum(spelt.of(words.scan, words.start[read[one]], words.end[read[one]]), RARE).astype(np.int64)
    extra = [at for at, language in enumerate(spelt.languages) if language not in listed.languages]
    languages = (*listed.languages, *(spelt.languages[at] for at in extra))
    by_list = np.concatenate([by_list, by_letters[:, extra]], axis=1)
    by_list = np.maximum(by_list, _FLOOR).astype(np.int32)
    spoken, begin = np.unique(words.row[read], return_index=True)
    if not spoken.size:
        return
    fits = np.add.reduceat(by_list[of], begin, axis=0)
    known = np.add.reduceat((by_list > _FLOOR).astype(np.int32)[of], begin, axis=0)
    share = known[np.arange(spoken.size), fits.argmax(axis=1)] / np.diff(np.append(begin, of.size))
    for at, row in enumerate(spoken.tolist()):
        fit = fits[at]
        if share[at] < _KNOWN and spelt.languages:
            some = of[begin[at] : np.append(begin, of.size)[at + 1]]
            fit = np.full(len(languages), -(2**30))
            fit[[languages.index(language) for language in spelt.languages]] = by_letters[some].sum(axis=0)
        second, best = np.sort(fit)[-2:]
        certain = bool(best - second >= _SURE)
        known_well = share[at] >= _KNOWN or certain
        yield row, dict(zip(languages, fit.tolist(), strict=True)), known_well, certain
