r"""The condition at the end of an answer: for x > 0, \text{ where } ..., k \in \mathbb{Z}, n \ge 1."""

from __future__ import annotations

import re

_CONDITION = re.compile(
    r",?\s*(?:\\text\s*\{\s*,?\s*(?:for|where|if|when|with)\b|\b(?:for|where|when) (?=[a-zA-Z\\])).*"
    r"|,\s*\(?\s*[a-zA-Z]\s*\\in\s*\\mathbb\{[ZN]\}.*",
    re.S,
)
_LAST_BOUND = re.compile(r",\s*\(?\s*([a-zA-Z])\s*(?:[<>]|\\[lgn]e(?![a-zA-Z]))[^,]*$")
_ANY_BOUND = re.compile(r"[<>,]|\\(?:[lgn]e|in|cup)(?![a-zA-Z])")


def without_condition(text: str) -> str:
    found = condition_in(text)
    return text[: found.start()] if found else text


def condition_in(text: str) -> re.Match[str] | None:
    found = _CONDITION.search(text, max(text.rfind(r"\end{"), 0))
    if found and found.start():
        return found
    bound = _LAST_BOUND.search(text)  # 2^n, n \ge 1
    before = text[: bound.start()] if bound else ""
    names = re.findall(r"(?<![\\a-zA-Z])[a-zA-Z](?![a-zA-Z])", before)
    other = bound is not None and before.strip() != bound[1] and not _ANY_BOUND.search(before)
    return bound if bound and other and bound[1] in names and not re.match(rf"\s*{bound[1]}\s*=", before) else None
