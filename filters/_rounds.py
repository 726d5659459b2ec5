"""What the numbers of a loop do whose words are the same each round: whether it counts, or works something out.

IDLE    nothing changes, or only an index goes up, in lines of words
RESULT  one number beside it goes up smoothly, in lines of words: "Let me try n = 7. Then the sum is 22, which fails."
WORK    more numbers change, or one does without a rule, or the lines are mostly figures: trial division, a trace
"""

from __future__ import annotations

import re

import numpy as np

from filters._characters import Numbers
from filters._loops import Said

IDLE, RESULT, WORK = 0, 1, 2

_ROUNDS = 12  # that are looked at
_CHARACTERS = 5000  # of a round
_LEAST = 12  # words of a stretch: a shorter one is no loop
_FEW = 4  # numbers that change in one round of words
_SPOKEN = 2.5  # words that lines of words have to a number
_NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")


def done(words: Said, begin: int, end: int, distance: int) -> int:
    """What the rounds of `distance` words up to `end` do."""
    count = min((end - 1 - begin) // distance, _ROUNDS)
    edges = [int(words.start[end - 1 - distance * back]) for back in range(count, -1, -1)]
    texts = [words.scan.text(edges[at], min(edges[at + 1], edges[at] + _CHARACTERS)) for at in range(count)]
    numbers = [_numbers(text) for text in texts]
    if len({len(some) for some in numbers}) > 1:
        return WORK
    with np.errstate(invalid="ignore"):  # a number of 400 digits is infinite
        return _told(np.diff(np.array(numbers), axis=0), distance)


def _told(steps: Numbers, distance: int) -> int:
    figures = steps.shape[1]
    steps = steps[:, (steps != 0).any(axis=0)].round(9)
    changing = steps.shape[1]
    kinds = len(set(map(tuple, steps.T.tolist())))
    if kinds > 2 or changing > min(distance, _FEW):
        return WORK
    if kinds <= 1 and (steps == steps[:1]).all():
        return IDLE
    smooth = kinds == 1 or not np.diff(steps, 2, axis=0).round(9).any()
    return RESULT if smooth and distance >= _SPOKEN * figures else WORK


def without_work(
    words: Said, stretches: tuple[Numbers, Numbers, Numbers], before: Numbers, ngram: int, most: int
) -> None:
    """Takes the stretches that work something out, up to `most` words long, out of what stood before."""
    begin, end, distance = stretches
    sizes = end - begin
    some = (sizes >= np.maximum(2 * distance, _LEAST)) & (sizes <= most)
    for first, last, apart in zip(begin[some].tolist(), end[some].tolist(), distance[some].tolist(), strict=True):
        if done(words, first - apart, last, apart) == WORK:
            before[first : last - ngram + 1] = -1


def progression(text: str) -> int:
    """How many numbers at the end of a text each go up, or down, by as much as the one before."""
    numbers = np.array(_numbers(text))
    if numbers.size < 3:
        return 0
    with np.errstate(invalid="ignore"):
        other = np.flatnonzero(np.diff(numbers, 2)[::-1] != 0)
    return int(other[0]) + 2 if other.size else numbers.size


def _numbers(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in _NUMBER.findall(text)]
