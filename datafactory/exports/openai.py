"""OpenAI fine-tuning: JSON lines of messages, which its files and fine-tuning endpoints take.

Messages have role and content and no place for thinking: it is left out by default and counted. A file has at least
10 examples and at most 512 MB (OpenAI's API reference, "Upload file", and its fine-tuning guide).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datafactory.exports import How, Part, Record, Row, Thinking, Told
from datafactory.exports._conversation import fault, turns

SUMMARY = "JSON lines of messages, checked against the limits of a fine-tuning file"
THINKING: tuple[Thinking, ...] = ("strip", "keep")
LEAST = 10
MOST_BYTES = 512_000_000


def parts(how: How) -> Iterable[Part]:
    def messages(row: Row, split: str) -> Record | str:
        told = turns(row, how.thinking)
        return fault(told) or {"messages": told}

    return (Part("", messages),)


def beside(told: Told) -> dict[str, str]:
    return {}


def limits(told: Told) -> Iterator[str]:
    for name, rows in told.rows.items():
        if rows < LEAST:
            yield f"{name} has {rows} examples; OpenAI takes no file with fewer than {LEAST}"
        if told.bytes[name] > MOST_BYTES:
            yield f"{name} has {told.bytes[name]:,} bytes; OpenAI takes at most 512 MB: narrow it by --where or --limit"
