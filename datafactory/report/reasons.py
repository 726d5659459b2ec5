"""Reasons: why a row was dropped, in words for who has not read the recipe."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from datafactory import plugins
from datafactory.story import Chapter

MEASURED = re.compile(r"(?P<column>\w+) (?P<how>above|below|undecided)\b")
# in the order they are tried; what stands in none is left as its stage worded it
WORDS = (
    (r"not .*_status\b", "a verifier or judge decided otherwise than the recipe asks for"),
    (r"not (\w+) = 1$", r"\1 did not find it right: it was wrong, or could not be decided"),
    (r"not \w", "a verdict or score of the row is not what the recipe asks for"),
    (r"beyond \d+ per problem", "good enough, but its problem already gives as many rows as the recipe takes"),
    (r"beyond (the mixture|its share)", "good enough, but the mixture has no room for more of its kind"),
    (r"outside the mixture|no part", "of a kind that the mixture does not name"),
    (r"duplicate", "the same text as a row before it"),
    (r"the same text", "its problem has another completion with the same words"),
    (r"gold answer", "the answer to compare with cannot be read by the verifier, so nothing could be graded"),
    (r"no question", "there is nothing that was asked"),
    (r"not reviewed|reviewed", "decided by the people who read it"),
)


def meanings(chapters: Iterable[Chapter]) -> dict[tuple[str, str], str]:
    """{(stage, reason): what it means}, for every reason that is known."""
    found = {}
    for chapter in chapters:
        filters = {part["column"]: part["name"] for part in chapter.measures}
        for reason in chapter.dataset.manifest.get("reasons", {}):
            said = meaning(reason, filters)
            if said:
                found[chapter.name, reason] = said
    return found


def meaning(reason: str, filters: Mapping[str, str]) -> str:
    """filters are those of the stage, by their columns; empty where nothing is known."""
    measured = MEASURED.match(reason)
    if measured and measured["column"] in filters:
        what = _summary(filters[measured["column"]])
        if measured["how"] == "undecided":
            return f"could not be measured: {what}" if what else "could not be measured"
        return what
    found = ((re.match(pattern, reason), words) for pattern, words in WORDS)
    return next((match.expand(words) for match, words in found if match), "")


def _summary(name: str) -> str:
    """What a filter of the package measures; empty for one of the user's own."""
    if name not in plugins.names("filter"):
        return ""
    return plugins.summary("filter", name).partition(": ")[2].rstrip(".")
