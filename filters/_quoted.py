"""Quoted: a text as evidence shows it."""

from __future__ import annotations


def quoted(text: str, most: int = 160) -> str:
    """The text in quotation marks, on one line; `most` characters of it, and an ellipsis where there is more."""
    line = " ".join(text[: 4 * most].split())
    return f'"{line[:most]}..."' if len(line) > most else f'"{line}"'
