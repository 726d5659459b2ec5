"""MinHash signatures of texts, and which of them repeat a better one (locality-sensitive hashing).

Signature  128 numbers per text by rensa; the share that is equal in two is their n-grams' Jaccard similarity, within
           0.035 (one standard error) at 0.8
"""

from __future__ import annotations

import numpy as np
import polars as pl
import rensa

from filters._characters import Numbers
from filters._ngrams import FoldedScan, blocks, grams
from filters._scan import mixed

SLOTS = 128
_SEED = 1
_SURE = 0.99  # the chance that a pair exactly as similar as asked shares a band
_ROUNDS = 100  # after so many, the buckets of more than as many are given up, then of more than half as many ...
_PAIRS = 1 << 15  # compared at a time


def signatures(texts: pl.Series, ngram: int, few: int = 0, keys: Numbers | None = None) -> tuple[Numbers, Numbers]:
    """The signature of each text, and how many words it has; a text of fewer than `few` is told apart by its key."""
    found, counts, at = [], [], 0
    for block in blocks(texts):
        words = FoldedScan(block).compared()
        gram = grams(words, ngram)
        key = gram.key
        if keys is not None:
            apart = np.where(words.counts < few, keys[at : at + block.len()], np.uint64(0))
            key = key ^ np.repeat(apart, np.diff(gram.first))
        matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(key, gram.first.astype(np.uint64), SLOTS, _SEED)
        found.append(np.array(matrix.to_rows(), dtype=np.uint32))
        counts.append(words.counts)
        at += block.len()
    if not found:
        return np.empty((0, SLOTS), dtype=np.uint32), np.empty(0, dtype=np.int64)
    return np.concatenate(found), np.concatenate(counts)


def repeated(signature: Numbers, best_first: Numbers, similarity: float, apart: Numbers) -> tuple[Numbers, Numbers]:
    """For each signature the better one that it repeats, itself where it repeats none; and how similar they are.

    Only the places in `best_first` are looked at. The best is kept; what is similar enough to it repeats it; the best
    of the rest is kept, and so on: what is dropped is similar to what it is said to repeat, never by way of a third.
    Two that differ in `apart` are not compared. Of thousands that share a band and are not similar (all made from one
    pattern) each is compared with the best hundred of them, and with all that share another, smaller bucket.
    """
    of = np.arange(len(signature))
    alike = np.ones(len(signature))
    place, bucket = _buckets(signature, best_first, similarity, apart)
    rounds, most = 0, _ROUNDS
    while place.size:
        leads = np.ones(place.size, dtype=bool)
        leads[1:] = bucket[1:] != bucket[:-1]
        lead = place[np.maximum.accumulate(np.where(leads, np.arange(place.size), 0))]
        beaten = np.zeros(best_first.size, dtype=bool)
        beaten[place[~leads]] = True
        kept = ~beaten[lead]  # the best of all the buckets it is in
        pairs = np.unique(lead[kept & ~leads] * best_first.size + place[kept & ~leads])
        first, second = best_first[pairs // best_first.size], best_first[pairs % best_first.size]
        share = _shares(signature, first, second)
        found = np.flatnonzero(share >= similarity)[::-1]  # the best of those it repeats is written last
        of[second[found]], alike[second[found]] = first[found], share[found]
        done = np.zeros(best_first.size, dtype=bool)
        done[lead[kept]] = True
        done[pairs[found] % best_first.size] = True
        place, bucket = _shared_only(place[~done[place]], bucket[~done[place]])
        rounds += 1
        if rounds % _ROUNDS == 0:
            _, which, counts = np.unique(bucket, return_inverse=True, return_counts=True)
            small = counts[which] <= most
            place, bucket, most = place[small], bucket[small], most // 2
    return of, alike


def _buckets(signature: Numbers, best_first: Numbers, similarity: float, apart: Numbers) -> tuple[Numbers, Numbers]:
    """(place in best_first, bucket) of those that share a band with another, bucket by bucket, the best first."""
    size = _band(similarity)
    places, buckets, behind = [], [], 0
    for begin in range(0, SLOTS - size + 1, size):
        key = apart[best_first]
        for slot in range(begin, begin + size):
            key = mixed(key * np.uint64(3) + signature[best_first, slot])
        by_key = np.argsort(key, kind="stable")
        bucket = np.zeros(by_key.size, dtype=np.int64)
        np.cumsum(key[by_key][1:] != key[by_key][:-1], out=bucket[1:])
        place, bucket = _shared_only(by_key, bucket + behind)
        behind += by_key.size
        places.append(place)
        buckets.append(bucket)
    return np.concatenate(places), np.concatenate(buckets)


def _shared_only(place: Numbers, bucket: Numbers) -> tuple[Numbers, Numbers]:
    """Without the buckets in which one is alone."""
    same = bucket[1:] == bucket[:-1]
    shared = np.zeros(place.size, dtype=bool)
    shared[1:] |= same
    shared[:-1] |= same
    return place[shared], bucket[shared]


def _band(similarity: float) -> int:
    """The most slots to a band with which a pair as similar as this is sure to share one."""
    sure = [size for size in range(1, 17) if 1 - (1 - similarity**size) ** (SLOTS // size) >= _SURE]
    return max(sure, default=1)


def _shares(signature: Numbers, first: Numbers, second: Numbers) -> Numbers:
    shares = np.empty(first.size)
    for at in range(0, first.size, _PAIRS):
        part = slice(at, at + _PAIRS)
        shares[part] = (signature[first[part]] == signature[second[part]]).mean(axis=1)
    return shares
