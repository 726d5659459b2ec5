"""Words of other languages that stand in any text: stock phrases, notes of the scale, small Roman numerals.

In   a passage and what stands around it
Out  whether it is of such words, all but one or two
"""

from __future__ import annotations

import re

from filters._language_block import Block, Passage

_PHRASES = (
    "nemo dat quod non habet|nemo dat|ignorantia (?:juris|legis) non excusat|non sequitur|sub silentio|habeas corpus|"
    "ex turpi causa non oritur actio|in dubio pro reo|nec vi,? nec clam,? nec precario|caveat emptor|hora somni|"
    "post cibum|ante cibum|mutatis mutandis|ceteris paribus|cogito,? ergo sum|deus ex machina|a fortiori|"
    "e pluribus unum|a mari usque ad mare|lorem ipsum dolor sit amet|"
    "an und für sich|für sich|an sich|zu den sachen selbst|in der welt sein|sturm und drang|drang nach osten|"
    "mise en (?:place|scène|bouteille|abyme)|mis en bouteille(?: au château)?|crème de la crème|sole meunière|"
    "liberté,? égalité,? fraternité|appellation d'origine contrôlée|joie de vivre|je ne sais quoi|coup d'état|"
    "c'est la vie|vis-à-vis|raison d'être|pièce de résistance|esprit de corps|fait accompli|cri de cœur|"
    "médecins sans frontières|reporters sans frontières|tiers état|ancien régime|levée en masse|pas de (?:deux|chat)|"
    "poco a poco|un poco(?: mosso)?|ma non (?:troppo|tanto)|molto e con brio|con brio|con (?:fuoco|moto|sordino)|"
    "senza sordino|dolce far niente|la dolce vita|che sarà,? sarà|qué será,? será|hasta la vista|mea culpa|"
    "mi casa es su casa|la vie en rose|bon appétit|in vino veritas|veni,? vidi,? vici|carpe diem|panem et circenses"
)
_STOCK = re.compile(
    rf"\b(?:{_PHRASES})\b|\b[ivxlc]+\b|\b(?:do|re|ré|mi|fa|sol|la|si|ti)\b(?=[ ,-]+(?:do|re|ré|mi|fa|sol|la|si|ti)\b)|"
    r"(?<=[ ,-])(?:do|re|ré|mi|fa|sol|la|si|ti)\b",
    re.IGNORECASE,
)
_AROUND = 24  # characters: a passage may begin or end within the phrase
_LEFT = 2  # words of it that are no phrase's


def stock(read: Block, found: Passage) -> bool:
    words = read.words
    begin, end = int(words.start[found.begin]), int(words.end[found.end - 1])
    if end - begin > 200:
        return False
    first, last = int(words.scan.first[found.row]), int(words.scan.first[found.row + 1])
    early = max(first, begin - _AROUND)
    text = words.scan.text(early, min(last, end + _AROUND))
    covered = [(match.start() + early, match.end() + early) for match in _STOCK.finditer(text)]
    if not covered:
        return False
    tokens = range(found.begin, found.end)
    left = sum(not any(a <= words.start[at] < b for a, b in covered) for at in tokens)
    return left <= _LEFT and 2 * left <= len(tokens)
