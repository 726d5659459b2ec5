r"""Overlap: the n-grams of texts that stand in an evaluation set, each verified word by word.

An n-gram is n words in a row. What a word is differs by who counts; a text is read in four ways, and what is n words in
a row in one of them is found:

words      runs of letters and digits (`_ngrams`): blind to case, spacing, punctuation and the signs around LaTeX
spaced     what stands between spaces, without the punctuation around it; a lone sign (`+`, `=`) is a word
respelt    words, in the one spelling of `_spelling`
characters words, where at least half of the n are letters of a script without spaces: there a digit is a word too
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import polars as pl

from filters._characters import DIGIT, MARK, SPACE, Numbers, lowered, spaceless
from filters._evaluation import Stamp, references
from filters._ngrams import FoldedScan, Grams, blocks, grams
from filters._plain import plain
from filters._scan import Words
from filters._spelling import respelt, unlatexed

_TELLING = 6  # words
_PROSE = 0.4  # of an n-gram's words have three letters or more


@dataclass(frozen=True)
class Read:
    """Texts read in one way, with their n-grams; `of` is the place of each text among those given."""

    scan: FoldedScan
    words: Words
    grams: Grams
    of: Numbers

    def spoken(self, gram: int, ngram: int) -> list[bytes]:
        """The words of an n-gram as they are compared."""
        first = int(self.grams.word[gram])
        ends = zip(self.words.start[first : first + ngram], self.words.end[first : first + ngram], strict=True)
        return [lowered()[self.scan.codes[start:end]].tobytes() for start, end in ends]


@dataclass(frozen=True)
class Index:
    """The n-grams of the evaluation sets read in one way: their keys in order, and the gram that each belongs to."""

    read: Read
    key: Numbers
    gram: Numbers
    marked: Numbers

    def find(self, keys: Numbers) -> tuple[Numbers, Numbers]:
        """(place in keys, gram here) of those whose keys are equal."""
        places = np.flatnonzero(self.marked[keys & np.uint64(self.marked.size - 1)])
        if not places.size:
            return places, places
        near = np.minimum(np.searchsorted(self.key, keys[places]), self.key.size - 1)
        same = self.key[near] == keys[places]
        return places[same], self.gram[near[same]]


@dataclass(frozen=True)
class Matches:
    """The n-grams of some texts, read in one way, that stand in an evaluation set; all arrays are of one length.

    text       the place of the text among those given
    key        equal where the n-grams are
    word       the word of `read` that the n-gram begins with
    reference  the place of a reference it stands in
    """

    read: Read
    text: Numbers
    key: Numbers
    word: Numbers
    reference: Numbers


def matches(texts: pl.Series, files: tuple[Stamp, ...], ngram: int) -> Iterator[tuple[int, dict[str, Matches]]]:
    """For each block of the texts its first, and what was found of it in each way to read it."""
    known, spaced, characters = _indices(files, ngram)
    behind = 0
    for block in blocks(texts):
        scan = FoldedScan(block)
        bare = respelt(block)
        other = (bare != block).arg_true()
        reads = {
            "words": (_read(scan, scan.compared(), ngram), known),
            "spaced": (_read(scan, _spaced(scan), ngram), spaced),
        }
        if spaceless()[scan.kind].any():
            reads["characters"] = (_characters(scan, ngram), characters)
        if other.len():
            scan = FoldedScan(bare[other])
            reads["respelt"] = (_read(scan, scan.compared(), ngram, other.to_numpy().astype(np.int64)), known)
        yield behind, {way: _found(read, index, ngram) for way, (read, index) in reads.items()}
        behind += block.len()


def holders(way: str, keys: Numbers, files: tuple[Stamp, ...], ngram: int) -> tuple[Numbers, Numbers]:
    """(reference, key) of every reference that holds an n-gram of these keys, read in that way, with one such key; a
    match names one reference alone."""
    known, spaced, characters = _indices(files, ngram)
    read = {"spaced": spaced, "characters": characters}.get(way, known).read
    held = np.flatnonzero((read.grams.size == ngram) & np.isin(read.grams.key, keys))
    places, first = np.unique(read.of[read.words.row[read.grams.word[held]]], return_index=True)
    return places, read.grams.key[held[first]]


def asked_whole(questions: pl.Series, files: tuple[Stamp, ...], ngram: int) -> list[int | None]:
    """The place of an evaluation question of fewer than n words that each question is, or holds from 6 words on."""
    same, held = _short(files, ngram)
    found = [same.get(text) for text, _ in plain(_unwrapped(questions))]
    behind = 0
    for block in blocks(questions):
        scan = FoldedScan(block)
        words = scan.compared()
        for size, index in held.items():
            match = _found(_read(scan, words, size), index, size)
            for text, reference in zip(match.text.tolist(), match.reference.tolist(), strict=True):
                found[behind + text] = reference
        behind += block.len()
    return found


@lru_cache(maxsize=8)
def _short(files: tuple[Stamp, ...], ngram: int) -> tuple[dict[bytes, int], dict[int, Index]]:
    """Questions of fewer than n words: by their text, and by their number of words from 6 on."""
    known = references(files)
    texts = pl.Series([reference.text if reference.question else "" for reference in known], dtype=pl.String)
    counts = FoldedScan(texts).compared().counts
    same: dict[bytes, int] = {}
    held: dict[int, Index] = {}
    for size in np.unique(counts[(counts > 0) & (counts < ngram)]).tolist():
        places = np.flatnonzero(counts == size)
        asked = texts[places]
        same |= {text: at for (text, _), at in zip(plain(_unwrapped(asked)), places.tolist(), strict=True)}
        if size >= _TELLING:
            scan = FoldedScan(asked)
            held[size] = _index(_read(scan, scan.compared(), size, places), size)
    return same, held


def _read(scan: FoldedScan, words: Words, ngram: int, of: Numbers | None = None) -> Read:
    return Read(scan, words, grams(words, ngram), np.arange(scan.rows) if of is None else of)


def _found(read: Read, index: Index, ngram: int) -> Matches:
    whole = np.flatnonzero(read.grams.size == ngram)
    places, theirs = index.find(read.grams.key[whole])
    places = whole[places]
    # different words can share a key by chance, or by somebody's design
    _, firsts, which = np.unique(read.grams.key[places], return_index=True, return_inverse=True)
    pairs = zip(places[firsts].tolist(), theirs[firsts].tolist(), strict=True)
    true = np.array([read.spoken(ours, ngram) == index.read.spoken(their, ngram) for ours, their in pairs], dtype=bool)
    if places.size:
        places, theirs = places[true[which]], theirs[true[which]]
    word = read.grams.word[places]
    references = index.read.of[index.read.words.row[index.read.grams.word[theirs]]]
    return Matches(read, read.of[read.words.row[word]], read.grams.key[places], word, references)


@lru_cache(maxsize=8)
def _indices(files: tuple[Stamp, ...], ngram: int) -> tuple[Index, ...]:
    texts = pl.Series([reference.text for reference in references(files)], dtype=pl.String)
    scan = FoldedScan(texts)
    forms, of = [texts], [np.arange(texts.len())]
    for bare in (unlatexed(texts), respelt(texts)):
        other = (bare != texts).arg_true()
        forms.append(bare[other])
        of.append(other.to_numpy().astype(np.int64))
    written = forms[0].len() + forms[1].len()
    both = FoldedScan(pl.concat(forms))
    reads = (
        _telling(_read(both, both.compared(), ngram, np.concatenate(of)), written),
        _read(scan, _spaced(scan), ngram),
        _characters(scan, ngram),
    )
    return tuple(_index(read, ngram) for read in reads)


def _telling(read: Read, written: int) -> Read:
    """Of texts respelt only what is prose in part: without its fraction, P(A|B) = P(B|A) P(A) / P(B) is everybody's."""
    words = read.words
    kind = read.scan.kind[words.start]
    spoken = ((words.end - words.start >= 3) & (kind > MARK)) | spaceless()[kind]
    sums = np.append(0, np.cumsum(spoken))
    begun, size = read.grams.word, read.grams.size
    kept = (words.row[begun] < written) | (sums[begun + size] - sums[begun] >= _PROSE * size)
    return replace(read, grams=replace(read.grams, size=np.where(kept, size, 0)))


def _index(read: Read, ngram: int) -> Index:
    whole = np.flatnonzero(read.grams.size == ngram)
    key, first = np.unique(read.grams.key[whole], return_index=True)
    marked = np.zeros(1 << max(16, int(key.size * 16).bit_length()), dtype=bool)
    marked[key & np.uint64(marked.size - 1)] = True
    return Index(read, key, whole[first], marked)


def _spaced(scan: FoldedScan) -> Words:
    """What stands between spaces, from its first letter or digit to its last; whole where it has none."""
    words = scan.spans(scan.kind != SPACE)
    worded = np.flatnonzero((scan.kind == DIGIT) | (scan.kind >= MARK))
    if not worded.size:
        return words
    # how many letters stand before each place
    count = np.zeros(scan.kind.size + 1, dtype=np.int64)
    np.cumsum((scan.kind == DIGIT) | (scan.kind >= MARK), out=count[1:])
    before, upto = count[words.start], count[words.end]
    start = np.where(upto > before, worded[np.minimum(before, worded.size - 1)], words.start)
    end = np.where(upto > before, worded[upto - 1] + 1, words.end)
    return Words(start, end, words.row, scan.keys(start, end), words.first)


def _characters(scan: FoldedScan, ngram: int) -> Read:
    alone = spaceless()[scan.kind]
    read = _read(scan, scan.spans(scan.kind >= DIGIT, alone | (scan.kind == DIGIT)), ngram)
    letters = np.append(0, np.cumsum(alone[read.words.start]))
    begun = read.grams.word
    many = letters[begun + read.grams.size] - letters[begun] >= ngram / 2
    return replace(read, grams=replace(read.grams, size=np.where(many, read.grams.size, 0)))


def _unwrapped(texts: pl.Series) -> pl.Series:
    return texts.str.replace_all(r"\$|\\[()\[\]]", " ")
