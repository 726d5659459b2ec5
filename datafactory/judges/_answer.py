"""A judge's answer, read strictly: one JSON object with the keys and types that were asked for, and nothing else.

In   what the judge wrote, the form of its answer, the code of the request
Out  the answer; Unread, with the reason, for anything else: it is never guessed at
"""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import ValidationError

from datafactory.config import Base

LONGEST = 100_000
_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*)\n[ \t]*```", re.S)


class Unread(ValueError):
    """An answer that is not what was asked for."""


def after_thinking(text: str, tags: tuple[str, str]) -> str:
    """What follows the thinking. The opening tag may be missing: some chat templates write it into the prompt."""
    opening, closing = tags
    before, closed, after = text.partition(closing)
    if not closed:
        if opening in text:
            raise Unread("it thinks and comes to no end")
        return text
    opened = before.count(opening)
    if closing in after or opening in after or opened > 1 or (opened and not before.lstrip().startswith(opening)):
        raise Unread("it holds more than one think block")
    return after


def answer_in(text: str, form: type[Base], code: str) -> Base:
    """The answer in a judge's text, which may stand in one ```json block of its own."""
    body = text.strip()
    fenced = _FENCED.fullmatch(body)
    found = _object(fenced[1] if fenced else body)
    if found.pop("code", None) != code:
        raise Unread("it does not carry the code of this request")
    try:
        return form.model_validate(found, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise Unread(f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}") from error


def _object(text: str) -> dict[str, Any]:
    if len(text) > LONGEST:
        raise Unread(f"it is longer than {LONGEST:,} characters")
    try:
        found = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_number)
    except RecursionError as error:
        raise Unread("it is nested too deep") from error
    except Unread:
        raise
    except ValueError as error:
        raise Unread(f"it is not one JSON object: {str(error)[:100]}" if text else "it is empty") from error
    if not isinstance(found, dict):
        raise Unread(f"it is a JSON {type(found).__name__}, not an object")
    return found


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unread("it has a key twice")
    return found


def _no_number(text: str) -> Any:
    raise Unread(f"{text} is not JSON")
