r"""What stands inside and outside of brackets in a line of LaTeX."""

from __future__ import annotations

import re

DEEPEST = 12  # forms within forms
_PIECE = re.compile(r"\\(?:begin|end)\{[a-zA-Z*]+\}(?:\{[^{}]*\})?|\\[a-zA-Z]+|\\.|.", re.S)
_OPENERS = {"(", "[", "{", r"\{", r"\langle", r"\lfloor", r"\lceil"}
_CLOSERS = {")", "]", "}", r"\}", r"\rangle", r"\rfloor", r"\rceil"}
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")


def unwrapped(text: str) -> str:
    """Without the braces or the box around all of it."""
    for _ in range(DEEPEST):
        if not text.startswith("{") or closing_of(text, 0) != len(text) - 1:
            break
        text = text[1:-1].strip()
    if text.startswith(r"\boxed") and (box := _BOX.match(text)):
        return (
            text[box.end() :].removesuffix("}").strip()
            if closing_of(text, box.end() - 1) in (-1, len(text) - 1)
            else text
        )
    return text


def closing_of(text: str, start: int) -> int:
    """Where the bracket at `start` closes; -1 where it does not."""
    depth = 0
    for piece in _PIECE.finditer(text, start):
        depth += _step(piece[0])
        if depth == 0:
            return piece.end() - 1
    return -1


def _step(piece: str) -> int:
    if piece in _OPENERS or piece.startswith(r"\begin"):
        return 1
    return -1 if piece in _CLOSERS or piece.startswith(r"\end") else 0


def split(text: str, *at: str) -> list[str]:
    """The text between the separators that stand outside all brackets; between them, the separators themselves."""
    parts, depth, start = [], 0, 0
    for piece in _PIECE.finditer(text):
        depth += _step(piece[0])
        if depth <= 0 and piece[0] in at:
            parts += [text[start : piece.start()], piece[0]]
            start = piece.end()
    return [*parts, text[start:]]
