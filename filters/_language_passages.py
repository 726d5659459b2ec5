"""Passages of the thinking that are in another language than the rest of it.

Foreign script  words of a script that the home language is not written in; one letter, or one Han character, is a symbol
Same script     a stretch of words that are together e^8 times likelier in another language than in the home language,
                wherever it begins and ends: no sentence need be cut out
Latin words     in a text of another script are terms (`Bayes theorem`, `for loop`) until their small words show prose
Not foreign     what stands in the question, languages that it names or quotes, quotations, names, code
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from filters._characters import KIND
from filters._language_advantage import UNKNOWN, Home, home
from filters._language_home import ALONE, SEVERAL, Main, main
from filters._language_names import named
from filters._language_segments import LETTERS_PER_WORD, character_scores, simplified, words_in
from filters._language_tokens import CJK, NUMBER, SCRIPTS, Tokens, tokens
from filters._language_words import LISTED, NAT, RARE, vocabulary
from filters._scan import Numbers, Scan
from filters._shared import shared
from filters._text import column, prose, scanned_prose

ENOUGH = 8 * NAT  # of advantage in sum before words are a passage
_BY_TWO = 11 * NAT  # of two words: a slip, a variable and a name fit another language now and then
_AT_ONCE = 20_000  # words of one candidate


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
    spoken    the languages that each is in, in part, or names
    allowed   those, those of its letters and those that it names; its own only where it names one or has several
    """

    read: Block
    texts: list[str]
    spoken: list[frozenset[str]]
    allowed: list[frozenset[str]]

    def keys(self, row: int) -> Numbers:
        words = self.read.words
        return words.key[words.first[row] : words.first[row + 1]]


@dataclass(frozen=True)
class Mixed:
    """The thinking, the questions, and the passages of each row that are not in the language most of it is in."""

    read: Block
    questions: Questions
    found: list[list[Passage]]


def mixed(rows: pl.DataFrame) -> Mixed:
    return shared(rows, "languages", lambda: _mixed(rows))


def _mixed(rows: pl.DataFrame) -> Mixed:
    read, questions = _read(scanned_prose(rows)), _asked(column(rows, "question"))
    found: list[list[Passage]] = [[] for _ in range(rows.height)]
    for passage in _passages(read, questions):
        found[passage.row].append(passage)
    return Mixed(read, questions, found)


def _read(scan: Scan) -> Block:
    words = tokens(scan)
    count = _counted(words)
    return Block(words, count, main(words, count))


def _asked(questions: pl.Series) -> Questions:
    read = _read(Scan(prose(questions)))
    nothing = [frozenset[str]()] * questions.len()
    spoken = [{here[1]} if here and here[1] else set() for here in read.homes]
    for passage in _passages(read, Questions(read, [""] * questions.len(), nothing, nothing)):
        spoken[passage.row].add(passage.language)
    allowed: list[frozenset[str]] = []
    words = read.words
    for row, (here, names) in enumerate(zip(read.homes, named(questions), strict=True)):
        languages = spoken[row] | names
        if here and here[1] and not names and len(spoken[row]) == 1:
            languages = languages - {here[1]}
        for number in set(words.script[words.first[row] : words.first[row + 1]].tolist()):
            if here and SCRIPTS[number - 1] != here[0]:
                languages = languages | written_in(SCRIPTS[number - 1])
        allowed.append(frozenset(languages))
    return Questions(
        read,
        questions.to_list(),
        [frozenset(languages | names) for languages, names in zip(spoken, named(questions), strict=True)],
        allowed,
    )


def _counted(words: Tokens) -> Numbers:
    """How many words each token stands for."""
    count = np.ones(words.start.size, dtype=np.int64)
    for script in ("Thai", "Lao", "Khmer", "Myanmar", "Tibetan"):
        some = np.flatnonzero(words.script == NUMBER[script])
        count[some] = -(-(words.end[some] - words.start[some]) // LETTERS_PER_WORD)
    runs = np.flatnonzero(words.script == NUMBER[CJK])
    if runs.size:
        kana = np.zeros(words.scan.codes.size + 1, dtype=np.int64)
        np.cumsum(_is_kana(words.scan), out=kana[1:])
        share = np.bincount(words.row[runs], kana[words.end[runs]] - kana[words.start[runs]], words.first.size)
        share /= np.maximum(1, np.bincount(words.row[runs], words.end[runs] - words.start[runs], words.first.size))
        count[runs] = words_in(words.scan, words.start[runs], words.end[runs], share[words.row[runs]] >= 0.1)
    return count


def _is_kana(scan: Scan) -> Numbers:
    return (scan.kind == KIND["Hiragana"]) | (scan.kind == KIND["Katakana"])


def _passages(read: Block, questions: Questions) -> list[Passage]:
    """All passages that are not in their text's main language."""
    words, homes = read.words, read.homes
    here = read.main.script[words.row]
    found: list[Passage] = []
    for script, language in sorted({one for one in homes if one}, key=str):
        rows = np.array([one == (script, language) for one in homes])
        chosen = np.flatnonzero((words.script == NUMBER[script]) & rows[words.row])
        if script == CJK:
            found += _other_han(read, chosen, language, questions)
        elif script in SEVERAL and language:
            found += _same_script(read, chosen, home(script, language), questions)
    foreign = words.script != here
    chosen = np.flatnonzero(foreign & ~_quotations(words.quote, foreign, _HALF_OF_IT)) if words.row.size else words.row
    latin = words.script[chosen] == NUMBER["Latin"]
    found += _other_script(read, chosen[~latin], questions)
    found += _latin_prose(read, chosen[latin], questions)
    return sorted(found, key=lambda passage: (passage.row, passage.begin))


def written_in(script: str) -> set[str]:
    if script == CJK:
        return {"zh", "ja"}
    return {ALONE[script]} if script in ALONE else set(LISTED.get(script, ()))


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


def _same_script(read: Block, chosen: Numbers, here: Home, questions: Questions) -> Iterator[Passage]:
    """Passages among words of the home's script in another language of that script."""
    words = read.words
    best = here.best_of(words, chosen)
    mute = (
        words.passive[chosen]
        | words.name[chosen]
        | _particles(words, chosen)
        | _quotations(words.quote[chosen], best > -NAT, _ALL)
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
        yield from _judged(read, chosen[begin:end], its, here.others, ENOUGH, questions)


def _particles(words: Tokens, chosen: Numbers) -> Numbers:
    """Which words belong to the name behind them: `Rio de la Plata`, `van der Waals`."""
    small = np.isin(words.key[chosen], _particle_keys())
    begins = words.name[chosen]
    part = np.zeros(chosen.size, dtype=bool)
    for _ in range(2):
        near = words.start[chosen[1:]] - words.end[chosen[:-1]] == 1
        part[:-1] |= small[:-1] & near & (begins | part)[1:]
    return part


@cache
def _particle_keys() -> Numbers:
    scan = Scan(pl.Series("de la del da di do dos du van von le el los las al bin ibn".split()))
    return scan.keys(scan.first[:-1], scan.first[1:])


def _quotations(quote: Numbers, foreign: Numbers, all_but: float) -> Numbers:
    """Which words stand in a quotation that is foreign as a whole; another may hold a slip as any text."""
    whole = np.zeros(quote.size, dtype=bool)
    some = np.flatnonzero(quote)
    if some.size:
        words, strange = np.bincount(quote[some]), np.bincount(quote[some], foreign[some])
        whole[some] = (strange >= all_but * words)[quote[some]]
    return whole


def _judged(
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
        if (
            telling >= (4 if languages[language] == UNKNOWN else 3)
            or (telling == 2 and enough < ENOUGH)
            or (telling == 2 and found[3] >= _BY_TWO)
        ):
            one = at[first + begin : first + end]
            yield _passage(read, row, int(one[0]), int(one[-1]) + 1, languages[language])
        parts += [(first, first + begin), (first + end, last)]


def _passage(read: Block, row: int, begin: int, end: int, language: str) -> Passage:
    words = read.words
    text = words.scan.text(int(words.start[begin]), int(words.end[end - 1]))
    return Passage(row, begin, end, language, int(read.count[begin:end].sum()), text)


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


def _other_script(read: Block, chosen: Numbers, questions: Questions) -> Iterator[Passage]:
    """Runs of words of a script that is not the home's; Latin words are terms there, see _latin_prose."""
    words = read.words
    chosen = chosen[~words.passive[chosen]]
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
        yield _passage(read, row, int(run[0]), int(run[-1]) + 1, language)


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


_CHARACTER, _TELLS = 4 * NAT, 3 * NAT
_HALF = 8 * NAT // 10  # half of what is written in Japanese is kana: each Han character is rarer for it
_ALL, _HALF_OF_IT = 0.8, 0.5  # of the words of a quotation: words that are not common at home, words in other letters
_TONOS = "άέήίόύώ"  # on a vowel of nearly every Greek word, and of no symbol
_GLOSS = 12  # letters of a word in brackets
_TERM = -9 * NAT  # how likely an English word is as a term: a word of prose is likelier than 1 in 8,000
_FOREIGN_TERM = -13 * NAT  # and a word that is not English
_TERM_MOST, _TERM_LEAST = 5 * NAT, -2 * NAT
_PROSE = 9 * NAT
_SENTENCE, _EACH = 3 * NAT, 3 * NAT // 2  # less is enough from a capital to a stop, by each word after the second


def _latin_prose(read: Block, chosen: Numbers, questions: Questions) -> Iterator[Passage]:
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
            yield from _judged(read, chosen[begin:end], scores[begin:end], known.languages, enough, questions)


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


def _other_han(read: Block, chosen: Numbers, language: str | None, questions: Questions) -> Iterator[Passage]:
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
        kana = _is_kana(words.scan)[at]
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
            for code, score in zip(codes[begin:end].tolist(), advantage[begin:end].tolist())
            if score >= _TELLS - _HALF
        }
        if len(strong - {ord("的")}) < 2:
            continue
        yield _passage(read, row, int(token[begin]), int(token[end - 1]) + 1, other)
