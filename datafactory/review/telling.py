"""Telling: a row as the page is told it. Every text in it is other people's, and goes as it stands.

`drawn` has a text again in pieces: a plain text; code between fences; or a formula with its MathML, where it can be
read. The pieces' sources joined are the text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from datafactory.chat import before
from datafactory.report.mathematics import mathml, pieces
from datafactory.report.traces import trace_of

COMMAND = re.compile(r"\\[A-Za-z]+")
DRAWN = 400_000  # characters of a text whose mathematics is drawn; a longer one is no trace, and not to be waited for


def told(row: Mapping[str, Any]) -> dict[str, Any]:
    trace = trace_of(row)
    texts = {name: row.get(name) for name in ("question", "reasoning", "response")}
    texts["answer"] = row.get("answer") or row.get("pseudo_answer")
    return {
        "id": row["trace_id"],
        "parent": row.get("parent_id"),
        **texts,
        "drawn": {name: drawn(text, bare=name == "answer") for name, text in texts.items() if text},
        "history": _history(row),
        "choices": _choices(row.get("choices")),
        "facts": {name: _number(value) for name, value in trace.facts.items()},
        "verdicts": [
            {"name": said.verifier, "reward": _number(said.reward), "status": said.status, "detail": said.detail}
            for said in trace.verdicts
        ],
        "measures": {name: _number(value) for name, value in trace.measures.items() if value is not None},
        "dropped": trace.reason,
        "evidence": trace.evidence,
    }


def drawn(text: str, bare: bool = False) -> list[str | dict[str, str | None]]:
    """The pieces of a text; where it may be bare, a text that is nothing but LaTeX is a formula too."""
    if len(text) > DRAWN:
        return [text]
    parts: list[str | dict[str, str | None]] = []
    if bare and COMMAND.search(text) and "$" not in text and (whole := mathml(text)):
        return [{"source": text, "math": whole}]
    for piece in pieces(text):
        if piece.kind == "text":
            parts.append(piece.source)
        elif piece.kind == "code":
            parts.append({"code": piece.source})
        else:
            parts.append({"source": piece.source, "math": mathml(piece.latex, piece.kind == "display")})
    return parts


def _history(row: Mapping[str, Any]) -> list[dict[str, str]]:
    try:
        return before(row)
    except ValueError as error:  # what cannot be read is shown as it stands
        return [{"role": f"before, not readable: {error}", "content": str(row["history"])}]


def _choices(value: Any) -> list[str]:
    try:
        return [str(each) for each in json.loads(value)] if value else []
    except (ValueError, TypeError):
        return [str(value)]


def _number(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
