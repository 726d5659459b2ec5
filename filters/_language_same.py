"""Passages in another language of the same script: words that are together much likelier in it than at home."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import polars as pl

from filters._characters import Numbers
from filters._language_advantage import UNKNOWN, Home
from filters._language_block import Block, Passage, Questions, passage
from filters._language_tokens import Tokens
from filters._language_words import NAT
from filters._scan import Scan

ENOUGH = 8 * NAT  # of advantage in sum before words are a passage
_BY_TWO = 11 * NAT  # of two words: a slip, a variable and a name fit another language now and then
_AT_ONCE = 20_000  # words of one candidate
_ALL = 0.8  # of the words of a quotation are not common at home: it is foreign as a whole
_PARTICLES = "de la del da di do dos du van von le el los las al bin"
_SMALL_ENGLISH = (
    "the is are was were be been of to and or but that this these those it its he she they we you my your our his her "
    "their them me us if then so because which who what when where how why with without from for at by as than not "
    "don didn doesn isn can could would should will may might must have has had do does did let there here just only "
    "also very maybe now about into am an on each both all any some more no yes many much always never ago "
    "during after before two one after again got get gets go goes went make makes made need needs think said says want "
    "wants okay wait"
)


def same_script(read: Block, chosen: Numbers, here: Home, questions: Questions) -> Iterator[Passage]:
    """Passages among words of the home's script in another language of that script."""
    words = read.words
    best = here.best_of(words, chosen)
    mute = (
        words.passive[chosen]
        | words.name[chosen]
        | _particles(words, chosen)
        | quotations(words.quote[chosen], best > -NAT, _ALL)
    )
    best[mute] = np.minimum(best[mute], 0)
    spans = list(candidates(best, words.row[chosen], ENOUGH))
    if not spans:
        return
    every = np.concatenate([chosen[begin:end] for begin, end in spans])
    keys, one, of = np.unique(words.key[every], return_index=True, return_inverse=True)
    scores = here.advantage(words.scan, words.start[every[one]], words.end[every[one]], keys)
    seen = 0
    for begin, end in spans:
        its = scores[of[seen : seen + end - begin]]
        seen += end - begin
        its[mute[begin:end]] = np.minimum(its[mute[begin:end]], 0)
        yield from judged(read, chosen[begin:end], its, here.others, ENOUGH, questions)


def candidates(scores: Numbers, group: Numbers, enough: int) -> Iterator[tuple[int, int]]:
    """Stretches of a group whose scores add up to enough; each ends at its highest sum and begins after its lowest."""
    if not scores.size:
        return
    sums = np.zeros(scores.size + 1, dtype=np.int64)
    np.cumsum(scores, out=sums[1:])
    apart = group.astype(np.int64) << 36  # so that a group's sums are below those of the group before it
    least = np.minimum.accumulate(sums[:-1] - apart) + apart
    rise = np.maximum(sums[1:] - least, 0)
    rises = np.flatnonzero(rise >= enough)
    if not rises.size:
        return
    ends = rise == 0
    ends[:-1] |= group[1:] != group[:-1]
    after = np.searchsorted(np.flatnonzero(ends), rises)
    for one in np.split(rises, np.flatnonzero(np.diff(after)) + 1):
        last = int(one[np.argmax(rise[one])])
        floor = sums[last + 1] - rise[last]
        early = max(0, last - _AT_ONCE)
        before = np.flatnonzero(sums[early : last + 1] == floor)
        yield early + (int(before[-1]) if before.size else 0), last + 1


def _particles(words: Tokens, chosen: Numbers) -> Numbers:
    """Which words belong to the name behind them: `Rio de la Plata`, `van der Waals`."""
    small = np.isin(words.key[chosen], _keys_of(_PARTICLES))
    begins = words.name[chosen]
    part = np.zeros(chosen.size, dtype=bool)
    for _ in range(2):
        near = words.start[chosen[1:]] - words.end[chosen[:-1]] == 1
        part[:-1] |= small[:-1] & near & (begins | part)[1:]
    return part


@cache
def _keys_of(words: str) -> Numbers:
    scan = Scan(pl.Series(words.split()))
    return scan.keys(scan.first[:-1], scan.first[1:])


def quotations(quote: Numbers, foreign: Numbers, all_but: float) -> Numbers:
    """Which words stand in a quotation that is foreign as a whole; another may hold a slip as any text."""
    whole = np.zeros(quote.size, dtype=bool)
    some = np.flatnonzero(quote)
    if some.size:
        words, strange = np.bincount(quote[some]), np.bincount(quote[some], foreign[some])
        whole[some] = (strange >= all_but * words)[quote[some]]
    return whole


def judged(
    read: Block, at: Numbers, scores: Numbers, languages: tuple[str, ...], enough: int, questions: Questions
) -> Iterator[Passage]:
    """The passages of a candidate, each in one language."""
    words, row = read.words, int(read.words.row[at[0]])
    mute = words.passive[at] | words.name[at]
    once = np.zeros(at.size, dtype=bool)
    once[np.unique(words.key[at], return_index=True)[1]] = True
    mute |= ~once  # `tan tan tan` says no more of the language than `tan`
    if words is not questions.read.words:
        mute |= np.isin(words.key[at], questions.keys(row))
    free = np.array([language in questions.allowed[row] for language in languages])
    if free.any():  # the better of the home language and those allowed is what another one has to beat
        scores = scores - np.maximum(scores[:, free].max(axis=1), 0)[:, None]
    scores = np.where(mute[:, None], np.minimum(scores, 0), scores)
    parts = [(0, at.size)]
    while parts:
        first, last = parts.pop()
        found = _best(scores[first:last])
        if found is None or found[3] < enough:
            continue
        begin, end, language, _ = found
        telling = int((scores[first + begin : first + end, language] > 0).sum())
        small = small_english(words.key[at[first + begin : first + end]])
        if languages[language] == "en" and not (small & (scores[first + begin : first + end, language] > 0)).any():
            pass  # terms: `loss function och learning rate`
        elif (
            telling >= (4 if languages[language] == UNKNOWN else 3)
            or (telling == 2 and enough < ENOUGH)
            or (telling == 2 and found[3] >= _BY_TWO)
        ):
            one = at[first + begin : first + end]
            yield passage(read, row, int(one[0]), int(one[-1]) + 1, languages[language])
        parts += [(first, first + begin), (first + end, last)]


def small_english(keys: Numbers) -> Numbers:
    """Which words are small words of English that hardly stand in a term of several words."""
    return np.isin(keys, _keys_of(_SMALL_ENGLISH))


def _best(scores: Numbers) -> tuple[int, int, int, int] | None:
    """The stretch and the language with the highest sum: begin, end, language, sum."""
    if scores.shape[0] < 2:
        return None
    sums = np.zeros((scores.shape[0] + 1, scores.shape[1]), dtype=np.int64)
    np.cumsum(scores, axis=0, out=sums[1:])
    least = np.minimum.accumulate(sums[:-1], axis=0)
    rise = sums[1:] - least
    last, language = np.unravel_index(int(rise.argmax()), rise.shape)
    begin = int(np.flatnonzero(sums[: last + 1, language] == least[last, language])[-1])
    return begin, int(last) + 1, int(language), int(rise[last, language])
