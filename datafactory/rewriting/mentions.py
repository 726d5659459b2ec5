"""Mentions: what a rewriter says about its own work, which is no part of the text it was to write.

    preamble    "Here is the rewritten thinking:", 以下是改写后的内容, "Traducción:"
    rewriting   "as requested", "the original text", "I have translated", "let me know if"
    process     "thought process", "the reasoning above", 思考过程
    given       in thinking that comes before an answer: "the provided response", "the answer given above"

What the question or the text before says too is let be: a question may be about translations.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

OPENING = 200  # characters
TEXT = (
    r"(?:rewrit\w+|re-?written|revised|rephrased|polished|translat\w+|version|summar\w+|solution|thinking|thoughts?"
    r"|chain[- ]of[- ]thought|reasoning|trace|response|answer|text|monologue)"
)


def mention(text: str, before: Sequence[str], kinds: Sequence[str]) -> str | None:
    """The first thing of these kinds that the text says and nothing before it does, as it stands there."""
    for kind in kinds:
        for pattern in _patterns()[kind]:
            sought = text.strip()[:OPENING] if kind == "preamble" else text
            found = pattern.search(sought)
            if found and not any(pattern.search(each.strip()) for each in before):
                return f"{kind}: '{' '.join(found[0].split())[:120]}'"
    return None


@cache
def _patterns() -> dict[str, list[re.Pattern[str]]]:
    """The lines of mentions.txt by their kind; {text} stands for what a rewriter may call what it wrote."""
    found: dict[str, list[re.Pattern[str]]] = {}
    for line in Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and line[1:-1].isalpha():
            kind = found.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            kind.append(re.compile(line.replace("{text}", TEXT), re.I))
    return found
