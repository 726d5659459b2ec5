"""Tables of phrases: a plain text file each, a phrase a line, read as one pattern of Rust's regex.

Line     a regular expression over lower-cased text; an apostrophe stands for the straight and the curly one
#        begins a line that is a comment
@word =  names a piece that later lines write as {word}
A line that begins or ends with an ASCII letter begins or ends there with a word; one that ends with - ends anywhere.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_EDGE = r"(?-u:\b)"  # of ASCII: Unicode's costs Rust's regex its fast engine
_PIECE = re.compile(r"\{([a-z_]+)\}")


@cache
def phrases(table: str, /, **pieces: str) -> str:
    """The file's lines as alternatives; `pieces` are further ones that its lines may name."""
    found, known = [], dict(pieces)
    for line in lines(table):
        if line.startswith("@"):
            word, _, alternatives = line[1:].partition("=")
            known[word.strip()] = f"(?:{_filled(alternatives.strip(), known)})"
        else:
            found.append(_edged(_filled(line, known)))
    return f"(?:{'|'.join(found)})"


def lines(table: str) -> list[str]:
    """The lines of a table without comments and blank ones."""
    text = (Path(__file__).parent / f"{table}.txt").read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _filled(line: str, known: dict[str, str]) -> str:
    line = line.replace("'", "['’]").replace("(", "(?:").replace("(?:?", "(?").replace(r"\(?:", r"\(")
    return _PIECE.sub(lambda piece: known[piece[1]], line)


def _edged(line: str) -> str:
    before = _EDGE if re.match(r"(\(\?:)*[a-z]", line) else ""
    after = _EDGE if re.search(r"(?<!\\)[a-z]\)*$", line) else ""
    return before + line.removesuffix("-") + after
