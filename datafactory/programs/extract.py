"""Extraction: the program in a response.

In   the text of a response without its thinking, the languages that count, what the program has to define
Out  a Found: the program's text and language; None where there is no program
Use  the last fenced block in one of the languages; of several, the last that defines what the tests call. A block
     without a tag counts where none has one, as the first of the languages: beside a program it shows output. Without
     any block the whole response, where it is a program.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from datafactory.programs import syntax
from datafactory.programs.languages import BY_TAG, OTHERS
from datafactory.programs.tests import Language

BOM = "\ufeff"  # at its start a program may have one, as Windows' editors write it
# A fence is at least three backticks or tildes; what closes it is as long and has no tag. No part of a pattern may give
# back what another could take: a response of a megabyte of blanks would then take hours.
_FENCE = re.compile(r"^[ \t]*+(?P<marks>`{3,}+|~{3,}+)(?P<tag>[^`\n]*+)$", re.M)
_CPP = re.compile(r"^[ \t]*+#[ \t]*+include\b|\bint\s++main\s*+\(", re.M)
_JAVASCRIPT = re.compile(r"\brequire\s*\(|\bconsole\.log\s*\(|\bprocess\.std(?:in|out)\b")


@dataclass(frozen=True)
class Found:
    """A program as it stands in a response; `language` is a tag we do not run where no other block was there."""

    text: str
    language: Language | str
    fenced: bool
    tagged: bool = False


def program(response: str, languages: Sequence[Language], entry: str = "") -> Found | None:
    response = response.removeprefix(BOM)
    blocks = [block for block in fenced(response, languages[0]) if block.text.strip()]
    ours = [block for block in blocks if block.language in languages]
    if ours:
        defining = [block for block in ours if entry and defines(block.text, entry)]
        tagged = [block for block in ours if block.tagged]
        acting = [block for block in ours if block.language != "python" or syntax.of(block.text).acts]
        return (defining or tagged or acting or ours)[-1]
    code = [block for block in blocks if block.language in BY_TAG.values() or block.language in OTHERS]
    if code:
        return code[-1]
    return None if _FENCE.search(response) else unfenced(response, languages)


def fenced(response: str, untagged: Language) -> list[Found]:
    """The blocks of a response in order; the last may lack its end, where a response was cut or stopped."""
    found = []
    opening = None
    for fence in _FENCE.finditer(response):
        if opening is None:
            opening = fence
        elif fence["marks"].startswith(opening["marks"]) and not fence["tag"].strip():
            found.append(_block(opening, response[opening.end() + 1 : fence.start()], untagged))
            opening = None
    if opening is not None:
        found.append(_block(opening, response[opening.end() + 1 :], untagged))
    return found


def _block(opening: re.Match[str], text: str, untagged: Language) -> Found:
    words = opening["tag"].strip().lower().strip("{}.").split()
    tag = words[0] if words else ""
    indent = len(opening[0]) - len(opening[0].lstrip())
    if indent:  # a block in a list is set in as far as its fence
        text = re.sub(rf"^[ \t]{{1,{indent}}}", "", text, flags=re.M)
    return Found(text.removeprefix(BOM), BY_TAG.get(tag, tag) if tag else untagged, True, bool(tag))


def defines(text: str, entry: str) -> bool:
    return (
        re.search(rf"^[ \t]*+(?:async\s++def|def|class)\s++{re.escape(entry)}\b|^{re.escape(entry)}\s*+=", text, re.M)
        is not None
    )


def unfenced(response: str, languages: Sequence[Language]) -> Found | None:
    """The whole response where it is a program: in Python, code that parses and does more than name or quote."""
    response = response.removeprefix(BOM)
    for language in languages:
        if language == "python" and (seen := syntax.of(response)).compiles and seen.acts:
            return Found(response, language, False)
        if language == "cpp" and _CPP.search(response):
            return Found(response, language, False)
        if language == "javascript" and _JAVASCRIPT.search(response):
            return Found(response, language, False)
    return None
