"""Self-cognition: what a model says of itself, from templates with its name and its maker's.

In   a JSONL of {language, question, response}, or {language, messages} where it takes several turns; {name} and {maker}
     stand for what the model is called and who made it, any other name in braces is an error
Out  the same rows as conversations, filled in; the order is the file's
Use  a student calls itself what its data says it is: R1's general data has self-cognition (arXiv:2501.12948, 2.3.3)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from datafactory.conversation import Odd, Turn, turns_of
from datafactory.errors import StageError, did_you_mean
from datafactory.sources import Row, rows_of

SHIPPED = Path(__file__).with_name("self_cognition.jsonl")
LICENSE = "Apache-2.0"  # of the templates that are shipped; one's own say theirs in a column `license`
COLUMNS = ("messages", "language", "license", "domain")
PLACES = ("name", "maker")
PLACEHOLDER = re.compile(r"\{(\w+)\}")
Names = Mapping[str, str | Mapping[str, str]]  # each placeholder's text, or its text in each language


def rows_of_templates(path: Path, names: Names, languages: Sequence[str] | None = None) -> Iterator[tuple[str, Row]]:
    """Each template filled in, with its place; StageError with the line of one that cannot be."""
    known = set()
    for place, row in rows_of(path):
        language = row.get("language") or "en"
        known.add(language)
        if languages is not None and language not in languages:
            continue
        texts = {what: _text(place, what, given, language) for what, given in names.items()}
        filled = [{"role": turn.role, "content": _filled(place, turn.content, texts)} for turn in _turns(place, row)]
        license = row.get("license") or (LICENSE if path == SHIPPED else None)
        yield place, {"messages": filled, "language": language, "license": license}
    for language in languages or ():
        if language not in known:
            raise StageError(
                f"{path} has no templates in the language '{language}'; it has: {', '.join(sorted(known))}"
            )


def _turns(place: str, row: Row) -> list[Turn]:
    try:
        if row.get("messages") is not None:
            return turns_of(row["messages"])
    except Odd as odd:
        raise StageError(f"{place}: {odd}") from odd
    for name in ("question", "response"):
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise StageError(
                f"{place}: a template has `question` and `response`, or `messages`; it has: {', '.join(row)}"
            )
    return [Turn("user", row["question"]), Turn("assistant", row["response"])]


def _filled(place: str, text: str, texts: Mapping[str, str]) -> str:
    def one(match: re.Match[str]) -> str:
        if match[1] not in texts:
            hint = did_you_mean(match[1], list(PLACES))
            raise StageError(f"{place}: {{{match[1]}}} is no placeholder.{hint}")
        return texts[match[1]]

    return PLACEHOLDER.sub(one, text)


def _text(place: str, what: str, given: str | Mapping[str, str], language: str) -> str:
    if isinstance(given, str):
        return given
    if language not in given:
        raise StageError(
            f"{place}: the template's language is '{language}', and the {what} is given in {', '.join(given)}"
        )
    return given[language]
