"""Whether two names are plainly of one model: what a recipe asks for, and what a server says has answered."""

from __future__ import annotations

import re

ALIAS = re.compile(r"(:latest|:free|-latest)$")
# what a server adds to the name that it was asked by: gpt-4o-2024-08-06, o1-20241217, mistral-large-2411, x-002
DATE = re.compile(r"[-@](20\d\d-?\d\d-?\d\d|\d{3,4})$")


def same_model(asked: str, answered: str) -> bool:
    """One name may have folders before it, or a date behind it, that the other lacks; two dates are two models."""
    one, other = (ALIAS.sub("", name.lower().strip("/")) for name in (asked, answered))
    if _within(one, other):
        return True
    dated = bool(DATE.search(one)) + bool(DATE.search(other))
    return dated == 1 and _within(DATE.sub("", one), DATE.sub("", other))


def _within(one: str, other: str) -> bool:
    return one == other or one.endswith("/" + other) or other.endswith("/" + one)
