"""How much better a word fits another language than the language of the text, in hundredths of nats.

Known words    log P(word | other) - log P(word | home), from the word lists
Other words    the same of their letters, where neither list has them; never more than a few nats: a name, a slip of the
               pen or a cipher fits some language's letters by chance
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from filters._characters import Numbers
from filters._language_letters import Letters, letters
from filters._language_tokens import Tokens
from filters._language_words import NAT, RARE, Table, Vocabulary, longest, unheard, vocabulary, words_of
from filters._scan import Scan

MOST = 6 * NAT  # of one word
BY_LETTERS = 3 * NAT  # of a word that no list has
_SELDOM = -16 * NAT  # a word this rare at home (1 in 10 million) may be there by chance
_LESS = -NAT // 2  # of a word that only the home list has, however rare it is there
_COMMON = -9 * NAT  # a word this common at home (1 in 8,000) is not looked up by its letters


UNKNOWN = "und"  # a language that has neither a list nor a profile (ISO 639-2: undetermined)
_FURTHER = 2 * NAT  # see Home._unknown
_STRANGE = 5 * NAT // 2
_SOUND = -3 * NAT  # by letter: a word less likely than this in every language is a cipher or a code


@dataclass(frozen=True)
class Home:
    """The language a text is in, against all others of its script.

    strangers  the letters of the languages that have no list
    table      the words of its list, None where there is no list
        scores, best  of each: how likely it is at home, and its advantage in the language it fits best
    """

    language: str
    others: tuple[str, ...]
    words: Vocabulary
    letters: Letters
    strangers: Letters
    table: Table | None
    scores: Numbers
    best: Numbers

    def best_of(self, words: Tokens, chosen: Numbers) -> Numbers:
        """int32, the advantage of each chosen word in the language it fits best."""
        keys = words.key[chosen]
        if self.table is None:
            place, best = np.full(keys.size, -1), np.zeros(keys.size, dtype=np.int32)
        else:
            place = self.table.find(keys)
            best = self.best[place]
        other = np.flatnonzero(place < 0)
        if other.size:
            keys, first, of = np.unique(keys[other], return_index=True, return_inverse=True)
            some = chosen[other[first]]
            best[other] = self.advantage(words.scan, words.start[some], words.end[some], keys).max(axis=1)[of]
        return best

    def advantage(self, scan: Scan, start: Numbers, end: Numbers, keys: Numbers) -> Numbers:
        """int32 [word, other language]."""
        place = np.full(keys.size, -1) if self.table is None else self.table.find(keys)
        result = np.zeros((keys.size, len(self.others)), dtype=np.int32)
        for rows, known in ((np.flatnonzero(place >= 0), True), (np.flatnonzero(place < 0), False)):
            if rows.size:
                score = self.scores[place[rows]] if known else np.full(rows.size, unheard(self.language), np.int32)
                result[rows, :-1] = self._of(scan, start[rows], end[rows], keys[rows], score, known)
                result[rows, -1] = self._unknown(result[rows, :-1], scan, start[rows], end[rows], score, known)
        symbols = _symbols().find(keys) >= 0
        result[symbols] = np.minimum(result[symbols], 0)
        result = np.clip(result, -MOST, MOST)
        kin = [at for at, language in enumerate(self.others) if frozenset((language, self.language)) in _KIN]
        result[:, kin] = np.minimum(result[:, kin], result[:, kin] // 2)
        return result

    def _unknown(
        self, others: Numbers, scan: Scan, start: Numbers, end: Numbers, score: Numbers, known: bool
    ) -> Numbers:
        """The advantage in a language of which nothing is known.

        Its words are not known at home, and look like those of some language (a cipher does not) and unlike home's.
        """
        some = others.max(axis=1, initial=-MOST) - 2 * NAT
        if known or self.language not in self.letters.languages:
            return np.where(score < _SELDOM, np.clip(some, 0, NAT), np.minimum(some, NAT))
        by_letters = self.letters.of(scan, start, end)
        best = by_letters.max(axis=1)
        ahead = best - by_letters[:, self.letters.languages.index(self.language)] - _FURTHER
        sounds = best >= _SOUND * (end - start + 1)
        return np.where(sounds, np.clip(ahead * 2 // 3, -NAT, _STRANGE), -NAT // 2)

    def _of(self, scan: Scan, start: Numbers, end: Numbers, keys: Numbers, score: Numbers, known: bool) -> Numbers:
        spelling = self.strangers if known and self.table is not None else self.letters
        by_letters = spelling.of(scan, start, end)
        spelt = [at for at, language in enumerate(self.others) if language in spelling.languages]
        columns = [spelling.languages.index(self.others[at]) for at in spelt]
        own = spelling.languages.index(self.language) if self.language in spelling.languages else None
        if self.table is None and own is not None:
            score, known = np.maximum(by_letters[:, own], RARE), True
        result = np.zeros((keys.size, len(self.others) - 1), dtype=np.int32)
        if known:
            result[:] = np.minimum(RARE - score, _LESS)[:, None]
            likely = by_letters[:, columns]
            likely = np.where((score[:, None] < _COMMON) & (likely > RARE), likely, 2 * RARE)
            result[:, spelt] = np.maximum(result[:, spelt], likely - score[:, None])
        elif own is not None:
            difference = np.clip(by_letters[:, columns] - by_letters[:, [own]], -BY_LETTERS, BY_LETTERS)
            sounds = by_letters.max(axis=1) >= _SOUND * (end - start + 1)
            result[:, spelt] = np.where(sounds[:, None], difference, np.minimum(difference, 0))
        listed = [at for at, language in enumerate(self.others) if language in self.words.languages]
        by_list = self.words.of(keys)[:, [self.words.languages.index(self.others[at]) for at in listed]]
        has = (by_list > RARE) & (by_list < 0)
        result[:, listed] = np.where(has, by_list - score[:, None], result[:, listed])
        return result


# Nearly one language, written a little otherwise: half the evidence counts
_KIN = {frozenset(pair.split()) for pair in ("id ms", "nb da", "cs sk", "bg mk", "sh sl", "nl af", "hi ne", "mr ne")}

# What mathematics calls its functions and letters is a word of many languages: sin, con, tan, nu, pi, chi
_SYMBOLS = (
    "sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan asin acos atan arcsinh log ln lg exp mod gcd lcm "
    "max min lim sup inf det dim ker deg arg avg sum prod sqrt sgn sign var std pr est eq eqs def alpha beta gamma "
    "delta epsilon zeta eta theta iota kappa lambda mu xi omicron pi rho sigma tau upsilon phi chi psi omega et al etc "
    "vs cm mm km kg mg ml dl ms ns mol hz khz mhz rad rpm mph kmh kwh pts ans qed iff wlog rhs lhs lol re fa sol ti "
    "vice versa hoc ergo ipso facto quod erat absurdum priori posteriori cetera infinitum ponens tollens "
)


@cache
def _symbols() -> Table:
    scan = Scan(pl.Series(_SYMBOLS.split(), dtype=pl.String))
    return Table(np.unique(scan.keys(scan.first[:-1], scan.first[1:])))


@cache
def home(script: str, language: str) -> Home:
    words, spelt = vocabulary(script), letters(script)
    others = (*sorted({*words.languages, *spelt.languages} - {language}), UNKNOWN)
    strangers = spelt.without(words.languages)
    nothing = np.zeros(0, dtype=np.int32)
    if language not in words.languages:
        return Home(language, others, words, spelt, strangers, None, nothing, nothing)
    keys, scores = longest(language)
    made = Home(language, others, words, spelt, strangers, Table(keys), scores.astype(np.int32), nothing)
    scan, parts, at = words_of(language)
    best = np.zeros(keys.size, dtype=np.int32)
    for begin in range(0, parts.start.size, 50_000):
        some = slice(begin, begin + 50_000)
        advantage = made.advantage(scan, parts.start[some], parts.end[some], parts.key[some])
        best[at[some]] = advantage.max(axis=1, initial=-MOST)
    return Home(language, others, words, spelt, strangers, made.table, made.scores, best)
