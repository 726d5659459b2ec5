"""Claims: what a text says of each person, knight or knave, in the order it says it.

In   a text, the names of the people, what the puzzle calls the two kinds
Out  (name, True for a knight) for each claim: "A is a knight", "A: knave", | A | knave |, "A and B are knaves",
     "Knights: A, B", "the others are knights", "A is not a knight"
Use  a sentence that supposes, asks or rules out claims nothing, as "if A is a knight, B is a knave" does; nor does what
     someone is said to say, as in "A says that B is a knave"
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

SUPPOSED = re.compile(
    r"\?|^\W*then\b|\b(?:if|whether|suppos\w+|assum\w+|hypothe\w+|consider\w*|either|neither|nor|or|would|could|might|(?-i:may)|maybe"
    r"|perhaps|cannot|can['’]t|impossible|contradict\w*|cases? \w\b|in that case|scenario|except|but for|apart from"
    r"|not (?:all|every\w*|both)|no one|nobody|none of|unless|unlike|let(?:['’]s)?|try(?:ing)?)\b",
    re.I,
)
REPORTED = re.compile(
    r"[\"“”]|\b(?:said|says?|saying|claim(?:s|ed|ing)?|tells?|told|stat(?:es|ed|ements?|ing)|assert\w*|remark\w*"
    r"|comment\w*|mention\w*|express\w*|according|heard|accus\w*|true|false|wrong|incorrect)\b",
    re.I,
)
BOUNDARY = re.compile(
    r"[,(:–—]|\s-\s|\b(?:because|since|as|so|which|who|whose|meaning|and|but|while|given|due)\b", re.I
)
TYPESET = re.compile(r"\\(?:text\w*|math\w+|mbox|boxed|fbox)\s*(?=\{)|\\(?:[,;:!> ]|q?quad)|\\[()\[\]]")
BARE = re.compile(r"[*_`${}~]")
QUOTED_WORD = re.compile(r"[\"“](\w+)[\"”]")  # of JSON; a quotation has more than a word
SENTENCES = re.compile(r"\\\\|;|[.!](?=\s|$)|(?<=\?)")


class Token(NamedTuple):
    kind: str
    text: str


def claims(text: str, names: tuple[str, ...], words: tuple[str, str]) -> Iterator[tuple[str, bool]]:
    heading: bool | None = None  # `Knights:` on a line of its own
    columns: list[str] = []  # of a table with a person to each
    before: set[str] = set()  # who the sentence before was about
    for line in QUOTED_WORD.sub(r"\1", BARE.sub("", TYPESET.sub(" ", text))).replace("&", "|").split("\n"):
        tokens = _tokens(line, names, words)
        people = [token.text for token in tokens if token.kind == "name"]
        kinds = [token.kind == "knight" for token in tokens if token.kind in ("knight", "knave")]
        bare = all(token.kind != "word" or token.text.isdigit() for token in tokens)
        if people and not kinds and bare:
            columns = people
            if heading is not None:
                yield from ((name, heading) for name in people)
            continue
        if bare and not people and "|" in line and len(kinds) == len(columns) > 1:
            yield from zip(columns, kinds, strict=True)
            continue
        for sentence in SENTENCES.split(line):
            said = list(_claimed(_tokens(_sober(sentence), names, words), names, before))
            before = {name for name, _ in said} or before
            yield from said
        if line.strip():
            short = len(kinds) == 1 and not people and len(tokens) <= 5 and not SUPPOSED.search(line)
            heading = kinds[0] if short else None


def _sober(sentence: str) -> str:
    """What of a sentence is said in earnest by the one who writes it."""
    if SUPPOSED.search(sentence):
        return ""
    reported = REPORTED.search(sentence)
    if reported is None:
        return sentence
    ends = [match.start() for match in BOUNDARY.finditer(sentence, 0, reported.start())]
    return sentence[: ends[-1]] if ends else ""


def _tokens(text: str, names: tuple[str, ...], words: tuple[str, str]) -> list[Token]:
    return [Token(match.lastgroup or "", match[0]) for match in _pattern(names, words).finditer(text)]


@lru_cache(maxsize=256)
def _pattern(names: tuple[str, ...], words: tuple[str, str]) -> re.Pattern[str]:
    known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    knight, knave = (re.escape(word) for word in words)
    return re.compile(
        rf"(?<!\w)(?P<name>{known})(?!\w|['’]s\b)"
        rf"|(?<!\w)(?:(?P<knight>(?i:{knight}|truth-?teller)s?)|(?P<knave>(?i:{knave}|liar)s?))(?!\w)"
        r"|\b(?P<so>(?i:so|as) (?:is|are))\b"
        r"|(?P<not>(?<!\w)(?i:not|never|isn['’]t|aren['’]t)\b)"
        r"|(?P<all>\b(?i:all|everyone|everybody)(?: of (?:them|these))?(?: (?:the )?(?:\w+ )?(?:inhabitants|people))?"
        r" (?:is|are)\b)"
        r"|(?P<others>\b(?i:others?|rest|remaining|everyone else)\b)"
        r"|(?P<verb>\b(?i:is|are|was|were|be|being)\b|->|=>|[:=|→⇒]|\\(?:to|rightarrow)\b)"
        r"|(?P<and>,|&|\band\b)|(?P<open>\()|(?P<word>\w+)"
    )


def _claimed(tokens: list[Token], names: tuple[str, ...], before: set[str]) -> Iterator[tuple[str, bool]]:
    """The claims of one sentence."""
    waiting: list[str] = []  # those whose kind is still to come
    told: set[str] = set()
    listing: bool | None = None  # the kind whose members are being listed
    last: bool | None = None
    denied = False
    for at, token in enumerate(tokens):
        if token.kind == "name":
            follows = _after_names(tokens, at)
            if listing is not None and follows == "are":
                return  # `Knights are A and B, C and D are knaves`: who ends the list?
            if listing is None or (follows == "is" and _next(tokens, at) not in ("and", "name")):
                listing = None
                waiting.append(token.text)
            else:
                yield token.text, listing
                told.add(token.text)
        elif token.kind == "all":
            waiting = list(names)
        elif token.kind == "others":
            waiting = [name for name in names if name not in (told or before)] if told or before else []
        elif token.kind == "not":
            denied = True
        elif token.kind == "so":
            listing = last
        elif token.kind in ("knight", "knave"):
            kind = (token.kind == "knight") != denied
            run = _run(tokens, at)
            if len(run) > 1 and len(run) == len(waiting):  # A, B and C are a knight, a knave and a knight
                yield from zip(waiting, run, strict=True)
                return
            if len(run) > 1:
                return
            if waiting:
                yield from ((name, kind) for name in waiting)
                told |= set(waiting)
                last, waiting, listing = kind, [], None
            elif not denied and _next(tokens, at) in ("verb", "open"):
                listing = last = kind
            denied = False


def _run(tokens: list[Token], at: int) -> list[bool]:
    """The kinds that stand in a row from here, with nothing but `a` and `and` between."""
    found = []
    while at < len(tokens):
        if tokens[at].kind in ("knight", "knave"):
            found.append(tokens[at].kind == "knight")
        elif tokens[at].kind != "and" and tokens[at].text.lower() not in ("a", "an"):
            break
        at += 1
    return found


def _next(tokens: list[Token], at: int) -> str:
    return tokens[at + 1].kind if at + 1 < len(tokens) else ""


def _after_names(tokens: list[Token], at: int) -> str:
    """The verb after a run of names: `is` for any but `are` and `were`; empty where something else follows."""
    while _next(tokens, at) in ("name", "and"):
        at += 1
    if _next(tokens, at) != "verb":
        return ""
    return "are" if tokens[at + 1].text.lower() in ("are", "were") else "is"
